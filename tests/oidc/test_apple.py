"""Sign in with Apple: what it does in a way of its own. Rule O4."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from honest import ADA, VERIFIER, Honest, OpenOn, serving
from honest_provider import CALLBACK, SIGNED_CLIENT, SIGNED_CLIENT_KEY
from hostile_provider import Hostile
from plugin_services import Probe
from races import edit

import admit
from admit.errors import (
    InvalidSetting,
    NotConfigured,
    ProviderFailed,
    StoreDamaged,
    WrongCredentials,
)
from admit.masked import Secret
from admit.services import Services
from admit.stores import Change
from admit.testing import MemoryStore, SettableClock
from admit.testing.contracts.opened import all_text

APPLE = "oauth2-apple"
RELAYED = {"sub": "relayed", "email": "x7k@privaterelay.appleid.com", "email_verified": "true"}
KEY = generate_private_key(SECP256R1())
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PLAIN: Mapping[str, object] = {"client_id": "the-client"}
TEAM: Mapping[str, object] = {
    "client_id": SIGNED_CLIENT,
    "team_id": "TEAM123456",
    "key_id": "KEY1234567",
    "private_key": Secret(PRIVATE),
}


@pytest.fixture(scope="session")
def honest_apple(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Honest]:
    """A provider that wants signed client secrets and knows our public key."""
    folder: Path = tmp_path_factory.mktemp("apple")
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / SIGNED_CLIENT_KEY).write_bytes(public)
    with serving(folder, "--no-basic") as provider:
        yield provider


def sign_in(engine: admit.Engine, honest: Honest, user: Mapping[str, Any]) -> admit.User:
    """Send a browser there and take its answer."""
    begun = engine.redirects.begin(APPLE)
    answer = honest.press_log_in(begun.url, user)
    return engine.redirects.finish(answer, binding=begun.binding).user


def test_o4_the_name_comes_once_and_is_kept(honest_apple: Honest, open_on: OpenOn) -> None:
    """
    Given that Apple has the browser post the name beside its first answer, and never again,
    when Ada signs in twice,
    then her name is still there, and what the token says is as new as the token.
    """
    engine = open_on(APPLE, honest_apple.url, TEAM)
    told = {"sub": "o4", "email": "old@example.com"}

    first = sign_in(engine, honest_apple, told)
    second = sign_in(engine, honest_apple, {**told, "email": "new@example.com"})

    name = {"name": "Ada Lovelace", "first_name": "Ada", "last_name": "Lovelace"}
    assert {**name, "email": "old@example.com"} == first.identities[0].data
    assert {**name, "email": "new@example.com"} == second.identities[0].data
    assert first.id == second.id


def test_the_cookie_may_come_along_with_a_form_of_another_site(
    honest_apple: Honest, open_on: OpenOn
) -> None:
    """
    Given that the browser comes back with a form from Apple's site,
    when a log-in begins,
    then its cookie is to be SameSite=None – for others it is Lax –, and the form is asked for.
    """
    engine = open_on(APPLE, honest_apple.url, TEAM)

    begun = engine.redirects.begin(APPLE)

    assert "None" == begun.same_site
    assert "response_mode=form_post" in begun.url
    assert "Lax" == open_on("oidc", honest_apple.url).redirects.begin("oidc").same_site


def test_o4_a_relayed_address_is_an_address_and_may_be_verified_in_words(
    hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given an address of Apple's relay that is verified with the text "true",
    when she comes in, it is her proved address;
    when another provider says so, it is not proved (security.md H5).
    """
    for name, proved in ((APPLE, True), ("oauth2-google", False), ("oidc", False)):
        engine = open_on(
            name, hostile.url, {"client_id": "the-client", **UNSIGNED[name]}, clock=clock
        )
        token = hostile.mint(hostile.claims("a nonce", **RELAYED))
        address = engine.log_in(name, id_token=token).user.address
        assert address is not None
        assert RELAYED["email"] == address.canonical
        assert proved == (address.proved_at is not None)


UNSIGNED: Mapping[str, Mapping[str, object]] = {
    APPLE: {},
    "oauth2-google": {},
    "oidc": {"trusts_addresses": True},
}


def test_an_app_may_hash_its_nonce(hostile: Hostile, open_on: OpenOn, clock: SettableClock) -> None:
    """
    Given an app that gave Apple the SHA-256 of its nonce, as its pages advise,
    when it hands over token and nonce, it is let in; with another nonce, not;
    and a provider without that custom takes no hash.
    """
    hashed = hashlib.sha256(b"a nonce").hexdigest()
    token = hostile.mint(hostile.claims(hashed))
    engine = open_on(APPLE, hostile.url, PLAIN, clock=clock)
    other = open_on("oidc", hostile.url, clock=clock)

    assert "confirmed" == engine.log_in(APPLE, id_token=token, nonce="a nonce").user.state
    with pytest.raises(WrongCredentials):
        engine.log_in(APPLE, id_token=token, nonce="another nonce")
    with pytest.raises(WrongCredentials):
        other.log_in("oidc", id_token=token, nonce="a nonce")


def test_a_code_of_an_app_is_exchanged_with_a_signed_secret(
    honest_apple: Honest, open_on: OpenOn
) -> None:
    """
    Given a provider that verifies the client's secret with PyJWT,
    when an app hands over its code, with the name that only it was told,
    then she is in, and called so.
    """
    engine = open_on(APPLE, honest_apple.url, TEAM)
    code = honest_apple.code_for_app(ADA, "signed", SIGNED_CLIENT)
    user = {"name": {"firstName": "Ada", "lastName": "King"}}

    identity = engine.log_in(
        APPLE,
        auth_code=code,
        code_verifier=VERIFIER,
        redirect_uri=CALLBACK,
        nonce="signed",
        user=json.dumps(user),
    ).user.identities[0]

    assert "King" == identity.data["last_name"]


def test_a_key_may_stand_in_one_line(honest_apple: Honest, open_on: OpenOn) -> None:
    """
    Given a key whose line breaks are written as backslash and n, as in an environment variable,
    when somebody signs in,
    then it is the same key.
    """
    one_line = Secret(PRIVATE.replace("\n", "\\n"))
    engine = open_on(APPLE, honest_apple.url, {**TEAM, "private_key": one_line})

    assert "confirmed" == sign_in(engine, honest_apple, {"sub": "one line"}).state


@pytest.mark.parametrize("said", ["", "no JSON", "[]", '{"name": 7}', "[" * 9000, '{"name": {}}'])
def test_nonsense_beside_the_answer_is_no_name(
    said: str, hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given that anybody can write into the form what stands beside the answer,
    when that is nonsense,
    then she is in without a name.
    """
    engine = open_on(APPLE, hostile.url, PLAIN, clock=clock)

    user = engine.log_in(APPLE, id_token=hostile.mint(hostile.claims("n")), user=said).user

    assert {"email": "ada@example.com"} == user.identities[0].data


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("team_id", None, NotConfigured),
        ("key_id", None, NotConfigured),
        ("private_key", None, NotConfigured),
        ("private_key", Secret("no key"), InvalidSetting),
        ("key_id", "KEY7654321", ProviderFailed),
    ],
)
def test_what_is_wrong_with_the_key_is_said(
    field: str, value: object, error: type[Exception], honest_apple: Honest, open_on: OpenOn
) -> None:
    """
    Given a setting that is missing or wrong,
    when a code is to be exchanged,
    then the setting is named, or what Apple says of it; the key itself never.
    """
    engine = open_on(APPLE, honest_apple.url, {**TEAM, field: value})

    with pytest.raises(error, match=field if error is not ProviderFailed else "invalid_client"):
        engine.log_in(APPLE, auth_code="a code")


def test_t3_the_refresh_token_is_sealed_and_taken_back_when_its_user_goes(
    honest_apple: Honest, open_on: OpenOn
) -> None:
    """
    Given a user who signed in through the browser, so that Apple gave us a refresh token,
    when she is looked at, it stands nowhere in the clear; when she is deleted, the worker has Apple
    revoke it, and nothing of it is left.
    """
    store, probe = MemoryStore(), Probe()
    written: list[Change] = []
    store.before_commit = written.append
    engine = open_on(APPLE, honest_apple.url, TEAM, store=store, plugins=(probe,))
    before = honest_apple.revoked()
    user = sign_in(engine, honest_apple, {"sub": "to be revoked"})
    sealed = user.identities[0].private["refresh_token"]
    about = f"refresh_token of {APPLE}:{user.identities[0].login_key}"
    token = _services(engine, probe).unseal(sealed, about=about).reveal()

    engine.delete(user)
    while engine.work_once():
        pass

    assert before + 1 == honest_apple.revoked()
    assert token not in all_text(written) + repr(user)
    assert [("apple-revocation", "done")] == [
        (step.name, step.ended) for step in engine.users.erasure(user.id).steps
    ]


def test_the_refresh_token_is_taken_back_when_the_identity_is_unlinked(
    honest_apple: Honest, open_on: OpenOn
) -> None:
    """
    Given a user with a password, who signed in through the browser as well,
    when she unlinks what she has at Apple,
    then the worker has Apple revoke that token, and she is there as before.
    """
    engine = open_on(APPLE, honest_apple.url, TEAM)
    user = sign_in(engine, honest_apple, {"sub": "to be unlinked"})
    other = engine.create("ada@example.com", "correct horse battery staple")
    user = engine.identities.merge(other, user)
    before = honest_apple.revoked()

    engine.identities.unlink(user, provider=APPLE)
    while engine.work_once():
        pass

    assert before + 1 == honest_apple.revoked()
    [step] = [e.codes for e in engine.users.timeline(user) if e.trigger == "erase-step"]
    assert ("apple-revocation", "done") == (step["step"], step["result"])


def _services(engine: admit.Engine, probe: Probe) -> Services:
    engine.settings.set("confirmation_flow", "probe")
    engine.register("probe@example.com", "correct horse battery staple")
    assert probe.services is not None
    return probe.services


def test_what_apple_cannot_be_asked_now_is_asked_later(
    honest_apple: Honest, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given a deleted user, and a key that Apple does not take,
    when the worker tries to take the token back,
    then the step failed with a code, and is tried again.
    """
    store = StaysOpen()
    user = sign_in(
        open_on(APPLE, honest_apple.url, TEAM, store=store), honest_apple, {"sub": "late"}
    )
    wrong = {**TEAM, "key_id": "KEY7654321"}
    engine = open_on(APPLE, honest_apple.url, wrong, store=store)

    engine.delete(user)
    while engine.work_once():
        pass

    [step] = engine.users.erasure(user.id).steps
    assert step.ended is None
    assert (step.error or "").startswith("provider-failed")


class StaysOpen(MemoryStore):
    """A store that an engine does not take with it when it closes."""

    def close(self) -> None:
        """Stay, for the next engine."""


def test_who_came_with_an_id_token_alone_has_nothing_to_take_back(
    hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given a user whose app hands over id tokens,
    when she is deleted,
    then there is nothing to take back: no step waits for her, and Apple is not asked.
    """
    store = MemoryStore()
    engine = open_on(APPLE, hostile.url, PLAIN, store=store, clock=clock)
    user = engine.log_in(APPLE, id_token=hostile.mint(hostile.claims("n"))).user

    engine.delete(user)

    assert store.get("erasure", user.id) is None
    while engine.work_once():
        pass
    assert {} == user.identities[0].private
    assert [] == hostile.forms


def test_t3_a_sealed_token_does_not_open_as_that_of_another_identity(
    honest_apple: Honest, open_on: OpenOn
) -> None:
    """
    Given two users whose refresh tokens at Apple are kept, and somebody who writes to the store and
    puts the one in the place of the other,
    when the second one goes, then the first one's token is not taken back in her name.
    """
    store = MemoryStore()
    engine = open_on(APPLE, honest_apple.url, TEAM, store=store)
    ada = sign_in(engine, honest_apple, {"sub": "ada"})
    eve = sign_in(engine, honest_apple, {"sub": "eve"})
    record = store.get("user", eve.id)
    assert record is not None
    (identity,) = record.body["identities"]
    private = {"refresh_token": ada.identities[0].private["refresh_token"]}
    edit(store, "user", eve.id, identities=[{**identity, "private": private}])
    before = honest_apple.revoked()

    engine.delete(eve)
    while engine.work_once():
        pass

    assert before == honest_apple.revoked()
    (erasure,) = engine.users.erasures().items
    assert "store-damaged" in str(erasure.steps[0].error)


@pytest.mark.parametrize("how", ["changed", "of another key", "no text of ours"])
def test_a_seal_that_does_not_open_is_said_to_be_damaged(
    how: str, hostile: Hostile, open_on: OpenOn
) -> None:
    """
    Given a sealed text that was changed, or sealed with a key that is gone,
    when it is to be opened,
    then the store is damaged, and nothing of it is shown.
    """
    probe = Probe()
    services = _services(open_on(APPLE, hostile.url, PLAIN, plugins=(probe,)), probe)
    sealed = services.seal(Secret("a refresh token"), about="hers")
    broken = {
        "changed": sealed[:-2] + ("AA" if sealed[-2:] != "AA" else "BB"),
        "of another key": f"00000000{sealed[8:]}",
        "no text of ours": "nothing",
    }[how]

    assert "a refresh token" == services.unseal(sealed, about="hers").reveal()
    with pytest.raises(StoreDamaged):
        services.unseal(broken, about="hers")
