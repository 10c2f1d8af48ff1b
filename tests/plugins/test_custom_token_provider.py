"""The provider `custom-token`: what the claims of a token become."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from custom_tokens import SECRET, Open, opening

import admit
from admit.errors import InvalidInput, InvalidSetting, NotConfigured
from admit.masked import Secret
from admit.testing import SettableClock

Token = Callable[..., str]


@pytest.fixture
def open_with(clock: SettableClock) -> Iterator[Open]:
    """Open an engine that takes custom tokens under these settings of the provider."""
    with opening(clock, secret=SECRET) as open_it:
        yield open_it


@pytest.fixture
def token(clock: SettableClock) -> Token:
    """Return a good token with these claims; None takes one away."""

    def made(**claims: Any) -> str:
        now = int(clock.now().timestamp())
        good = {"sub": "ada-1815", "aud": "shop", "exp": now + 600, **claims}
        return jwt.encode({k: v for k, v in good.items() if v is not None}, SECRET)

    return made


def identity(engine: admit.Engine, given: str) -> admit.Identity:
    """Return the one identity of whom a token logs in."""
    (found,) = engine.log_in("custom-token", token=given).user.identities
    return found


def test_the_first_token_makes_the_user_and_the_next_finds_it(
    open_with: Open, token: Token
) -> None:
    """
    Given a system that signs tokens,
    when somebody comes twice, then it is one confirmed user, whose identity has the token's id.
    """
    engine = open_with()

    first = engine.log_in("custom-token", token=token())
    again = engine.log_in("custom-token", token=Secret(token(sub="ada-1815")))

    assert (first.user.id, "confirmed") == (again.user.id, again.user.state)
    assert ("ada-1815", "ada-1815") == (
        first.user.identities[0].id,
        first.user.identities[0].login_key,
    )
    assert {} == first.user.identities[0].data


CLAIMS = {
    "name": "Ada",
    "user_data": {"name": {"first": "Augusta Ada"}, "a.b": "dotted", "age": 36},
    "https://example.com/roles": ["admin", "poet"],
    "x=y": "equal",
}


@pytest.mark.parametrize(
    ("word", "field", "value"),
    [
        ("name", "name", "Ada"),
        ("name=nick", "nick", "Ada"),
        ("user_data.name.first=first_name", "first_name", "Augusta Ada"),
        ("user_data.age", "user_data.age", 36),
        (r"user_data.a\.b=dots", "dots", "dotted"),
        (r"user_data.a\.b", "user_data.a.b", "dotted"),
        ("https://example.com/roles=roles", "roles", ["admin", "poet"]),
        (r"https://example\.com/roles=roles", "roles", ["admin", "poet"]),
        ("x=y=found", "found", "equal"),
        ("user_data.name.first.letter=deep", None, None),
        ("nothing=nothing", None, None),
        ("user_data..name=empty", None, None),
    ],
)
def test_a_claim_is_found_by_its_path(
    open_with: Open, token: Token, word: str, field: str | None, value: object
) -> None:
    """Nested ones by dots, dots of a name escaped or – where that claim is there – as they are."""
    found = identity(open_with(metadata=[word]), token(**CLAIMS))

    assert ({} if field is None else {field: value}) == found.data


def test_only_what_the_settings_name_is_kept_and_renewed(open_with: Open, token: Token) -> None:
    """
    Given a mapping of two claims,
    when somebody logs in, and again with other claims, then those two are kept, as they are now.
    """
    engine = open_with(metadata="name=name, email=email")

    first = identity(engine, token(name="Ada", email="ada@example.com", shoe_size=38))
    second = identity(engine, token(name="Ada King"))

    assert {"name": "Ada", "email": "ada@example.com"} == first.data
    assert {"name": "Ada King"} == second.data


@pytest.mark.parametrize("given", [None, ""])
def test_what_is_required_must_be_there(open_with: Open, token: Token, given: str | None) -> None:
    """The field is named: the token is good, so its sender may know."""
    engine = open_with(metadata="name, mail=email", required="email")

    with pytest.raises(InvalidInput, match=r"token: lacks what is required: email\."):
        engine.log_in("custom-token", token=token(name="Ada", mail=given))
    assert 0 == engine.users.count()
    assert "a@example.com" == identity(engine, token(mail="a@example.com")).data["email"]


@pytest.mark.parametrize("value", ["x" * 4097, ["x" * 5000]])
def test_a_field_is_short(open_with: Open, token: Token, value: object) -> None:
    """As the reference service has it (wire-contract.md §3): 4,096 characters."""
    engine = open_with(metadata="name")

    with pytest.raises(InvalidInput, match="more than 4096 characters"):
        engine.log_in("custom-token", token=token(name=value))
    assert "x" * 4096 == identity(engine, token(name="x" * 4096)).data["name"]


def test_the_id_may_stand_elsewhere(open_with: Open, token: Token) -> None:
    """By a path; a whole number is as good as text."""
    engine = open_with(id_claim="user.number")

    assert "7" == identity(engine, token(user={"number": 7})).id
    assert "7" == identity(engine, token(user={"number": "7"})).id
    assert 1 == engine.users.count()


@pytest.mark.parametrize("sub", [None, "", "x" * 256, "a\nb"])
def test_a_token_that_names_nobody_logs_nobody_in(
    open_with: Open, token: Token, sub: object
) -> None:
    """The claim is named."""
    with pytest.raises(InvalidInput, match="has no sub"):
        open_with().log_in("custom-token", token=token(sub=sub))


@pytest.mark.parametrize(
    ("trusts", "verified", "proved"),
    [(True, True, True), (True, "true", False), (True, None, False), (False, True, False)],
)
def test_h5_an_address_is_proved_only_when_setting_and_token_say_so(
    open_with: Open, token: Token, trusts: bool, verified: object, proved: bool
) -> None:
    """Each alone does not do."""
    engine = open_with(metadata="email", trusts_addresses=trusts)

    user = engine.log_in(
        "custom-token", token=token(email="Ada@example.com", email_verified=verified)
    ).user

    assert user.address is not None
    assert ("Ada@example.com", proved) == (user.address.typed, user.address.proved_at is not None)


def test_h5_another_claim_that_is_called_email_is_not_verified(
    open_with: Open, token: Token
) -> None:
    """`email_verified` speaks of `email` alone."""
    engine = open_with(metadata="contact=email", trusts_addresses=True)

    user = engine.log_in(
        "custom-token",
        token=token(contact="ceo@example.com", email="mallory@example.com", email_verified=True),
    ).user

    assert user.address is not None
    assert ("ceo@example.com", None) == (user.address.typed, user.address.proved_at)


@pytest.mark.parametrize("words", ["=name", "name=", f"a={'x' * 64}", "a=name, b=name"])
def test_a_mapping_that_is_none_is_told_when_the_engine_opens(open_with: Open, words: str) -> None:
    """The word is shown, for it is no secret."""
    with pytest.raises(InvalidSetting, match=r"custom-token\.metadata"):
        open_with(metadata=words)


def test_keys_may_stand_in_a_file(open_with: Open, token: Token, tmp_path: Path) -> None:
    """One that is not there is named when it is needed."""
    path = tmp_path / "keys.json"
    engine = open_with(secret=None, key_file=path)
    rs = jwt.encode({"sub": "a"}, "x" * 32, headers={"alg": "HS256"})

    with pytest.raises(NotConfigured, match="audience"):
        open_with(audience=()).log_in("custom-token", token=rs)
    with pytest.raises(InvalidSetting, match=r"custom-token\.key_file"):
        engine.log_in("custom-token", token=token_of_a_key(path, write=False))
    login = engine.log_in("custom-token", token=token_of_a_key(path, write=True))
    assert "from a file" == login.user.identities[0].id


def token_of_a_key(path: Path, *, write: bool) -> str:
    """Return a token of a new key whose public half is written to *path*."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from jwt.algorithms import OKPAlgorithm

    key = Ed25519PrivateKey.generate()
    if write:
        path.write_text(json.dumps(json.loads(OKPAlgorithm.to_jwk(key.public_key()))))
    claims = {"sub": "from a file", "aud": "shop", "exp": 4_000_000_000}
    return jwt.encode(claims, key, algorithm="EdDSA")


def test_what_is_missing_is_named(open_with: Open, token: Token) -> None:
    """Keys of any kind, and whom the tokens are for."""
    with pytest.raises(NotConfigured) as raised:
        open_with(secret=None, audience=()).log_in("custom-token", token=token())

    assert ("custom-token.secret", "custom-token.audience") == raised.value.settings


def test_the_library_is_loaded_at_the_first_token() -> None:
    """
    Given a fresh process,
    when an engine opens with the provider enabled, then no JOSE library and no cryptography is
    loaded by it.
    """
    code = (
        "import sys, admit\n"
        "from admit.testing import CHEAP_HASHING, KEY, MemoryStore\n"
        "settings = {**CHEAP_HASHING, 'custom-token.enabled': True,\n"
        f"    'custom-token.secret': {SECRET!r}, 'custom-token.audience': 'shop'}}\n"
        "with admit.open(MemoryStore(), key=KEY, settings=settings):\n"
        "    print(sorted({'joserfc', 'cryptography'} & set(sys.modules)))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert "[]\n" == done.stdout
