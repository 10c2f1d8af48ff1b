"""Tokens of others, at the provider `custom-token`: rules J1 to J6."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from custom_tokens import AUDIENCE, SECRET, Open, opening
from hostile_provider import (
    OTHER_KEY,
    OWN_KEY,
    Hostile,
    encoded,
    hmac_signed,
    jwk,
    misbehaving,
    new_key,
    pem,
    unsigned,
)
from token_desk import Claims, refused, signed

import admit
from admit.errors import InvalidSetting, WrongCredentials
from admit.testing import SettableClock

OTHER_SECRET = "another shared secret of 32 bytes"
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def public(key: Any) -> str:
    """Return the public half of a key as PEM."""
    half = key.public_key()
    return str(half.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


@pytest.fixture
def open_with(clock: SettableClock) -> Iterator[Open]:
    """Open an engine that takes custom tokens under these settings of the provider."""
    with opening(clock) as open_it:
        yield open_it


@pytest.fixture
def hostile(clock: SettableClock) -> Iterator[Hostile]:
    """A server on loopback that hands out a key set, or something else."""
    with misbehaving(clock) as server:
        yield server


@pytest.fixture
def claims(clock: SettableClock) -> Callable[..., dict[str, Any]]:
    """Return good claims, changed; None takes one away."""

    def made(**changed: object) -> dict[str, Any]:
        now = int(clock.now().timestamp())
        good = {"sub": "ada-1815", "aud": AUDIENCE, "iat": now, "exp": now + 600, **changed}
        return {name: value for name, value in good.items() if value is not None}

    return made


def by_hand(header: Mapping[str, Any], claims: Any, secret: str = SECRET) -> str:
    """Return a token with any header and any claims, signed with a secret all the same."""
    import hashlib
    import hmac

    body = f"{encoded(dict(header))}.{encoded(claims)}"
    return f"{body}.{encoded(hmac.digest(secret.encode(), body.encode(), hashlib.sha256))}"


# --- J1: an allow-list of algorithms for each key -------------------------------------------------


def test_j1_a_token_that_nobody_signed_is_turned_away(open_with: Open, claims: Claims) -> None:
    """`none` in every spelling, whatever keys there are."""
    engine = open_with(secret=SECRET, keys=public(OWN_KEY))

    for algorithm in ("none", "None", "NONE", "nOnE", ""):
        refused(engine, unsigned(claims(), algorithm))


@pytest.mark.parametrize("secret", [None, SECRET])
def test_j1_a_public_key_is_no_secret(open_with: Open, claims: Claims, secret: str | None) -> None:
    """
    Given the public key that everybody has,
    when it is taken for the secret of HS256, with or without the PEM's last line end,
    then the token is turned away.
    """
    engine = open_with(keys=public(OWN_KEY), secret=secret)

    for text in (pem(OWN_KEY), pem(OWN_KEY).strip()):
        refused(engine, hmac_signed(claims(), text))


def test_j1_a_key_verifies_what_it_is_for(open_with: Open, claims: Claims) -> None:
    """
    Given keys of three kinds,
    when a token is signed with one and names the algorithm of another, then it is turned away;
    named rightly, it is taken.
    """
    engine = open_with(keys="\n".join(map(public, (OWN_KEY, EC_KEY, ED_KEY))))
    rightly = [(OWN_KEY, "RS256"), (EC_KEY, "ES256"), (ED_KEY, "EdDSA")]

    for key, algorithm in rightly:
        token = signed(claims(), key, algorithm)
        head, payload, signature = token.split(".")
        for _, other in rightly:
            if other != algorithm:
                wrong = encoded({"alg": other, "typ": "JWT"})
                refused(engine, f"{wrong}.{payload}.{signature}")
        assert head
    for key, algorithm in rightly:
        login = engine.log_in("custom-token", token=signed(claims(), key, algorithm))
        assert "ada-1815" == login.user.identities[0].id


def test_j1_only_the_algorithms_of_the_setting_are_taken(open_with: Open, claims: Claims) -> None:
    """A key that could do more is not asked to."""
    engine = open_with(keys=public(OWN_KEY), algorithms="ES256")
    refused(engine, signed(claims(), OWN_KEY, "RS256"))

    stricter = open_with(keys=public(OWN_KEY))
    refused(stricter, signed(claims(), OWN_KEY, "RS512"))
    refused(stricter, signed(claims(), OWN_KEY, "PS256"))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_j1_the_secret_is_for_hs256_alone(open_with: Open, claims: Claims, algorithm: str) -> None:
    """Whatever else could be made of it."""
    longer = SECRET * 3
    refused(open_with(secret=longer), signed(claims(), longer, algorithm))


def test_j1_the_setting_takes_no_symmetric_algorithm(open_with: Open) -> None:
    """It would make a secret of a public key; told as the engine opens."""
    with pytest.raises(InvalidSetting, match=r"custom-token\.algorithms"):
        open_with(keys=public(OWN_KEY), algorithms="RS256, HS256")


def test_j1_another_key_opens_nothing(open_with: Open, claims: Claims) -> None:
    """Of each kind."""
    refused(open_with(secret=SECRET), signed(claims(), OTHER_SECRET))
    refused(open_with(keys=public(OWN_KEY)), signed(claims(), OTHER_KEY, "RS256"))
    refused(open_with(secret=SECRET), signed(claims(), SECRET)[:-4] + "AAAA")


# --- J2: kinds ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["logout+jwt", "dpop+jwt", "secevent+jwt", "", 7, None])
def test_j2_a_token_of_another_kind_is_turned_away(
    open_with: Open, claims: Claims, kind: object
) -> None:
    """Its signature is good, and it was made for something else."""
    refused(open_with(secret=SECRET), by_hand({"alg": "HS256", "typ": kind}, claims()))


@pytest.mark.parametrize("kind", ["JWT", "jwt", "application/JWT", "at+jwt", "none given"])
def test_j2_a_token_of_a_right_kind_is_taken(open_with: Open, claims: Claims, kind: str) -> None:
    """Any, or an access token."""
    header = {"alg": "HS256"} if kind == "none given" else {"alg": "HS256", "typ": kind}

    login = open_with(secret=SECRET).log_in("custom-token", token=by_hand(header, claims()))

    assert "ada-1815" == login.user.identities[0].id


def test_j2_our_own_tokens_are_none_of_others(open_with: Open, claims: Claims) -> None:
    """An access token of the engine opens nothing here, and a custom token nothing there."""
    engine = open_with(secret=SECRET)
    token = signed(claims())
    login = engine.log_in("custom-token", token=token)

    for ours in (login.access_token, login.refresh_token):
        with pytest.raises(WrongCredentials):
            engine.log_in("custom-token", token=ours)
    with pytest.raises(admit.errors.SessionInvalid):
        engine.verify(token)


# --- J3: who, whom, when --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "taken"),
    [
        ({"exp": -60}, False),
        ({"exp": -59}, True),
        ({"nbf": 61}, False),
        ({"nbf": 60}, True),
        ({"iat": 61}, False),
        ({"iat": 60}, True),
    ],
)
def test_j3_a_clock_may_be_off_by_a_minute(
    open_with: Open, claims: Claims, clock: SettableClock, changed: dict[str, int], taken: bool
) -> None:
    """And not by more; the other claims are good."""
    engine = open_with(secret=SECRET)
    now = int(clock.now().timestamp())
    token = signed(claims(**{name: now + seconds for name, seconds in changed.items()}))

    if taken:
        engine.log_in("custom-token", token=token)
    else:
        refused(engine, token)


@pytest.mark.parametrize("value", [None, "tomorrow", True, [], {}, 1e300])
@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
def test_j3_what_is_no_time_is_turned_away(
    open_with: Open, claims: Claims, name: str, value: object
) -> None:
    """And a missing `exp` is; the other two need not be there."""
    engine = open_with(secret=SECRET)
    token = by_hand({"alg": "HS256"}, claims(**{name: value}))

    if value is None and name != "exp":
        engine.log_in("custom-token", token=token)
    else:
        refused(engine, token)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_j3_an_expiry_that_is_no_number_is_turned_away(
    open_with: Open, claims: Claims, constant: str
) -> None:
    """Some read it as JSON; compared with it, nothing is ever too late."""
    body = json.dumps(claims(exp=0)).replace('"exp": 0', f'"exp": {constant}').encode()

    refused(open_with(secret=SECRET), by_hand({"alg": "HS256"}, body))


@pytest.mark.parametrize(
    "audience", [None, "", "another", ["another"], [], 7, {"shop": 1}, ["shop "], [["shop"]]]
)
def test_j3_a_token_for_somebody_else_is_turned_away(
    open_with: Open, claims: Claims, audience: object
) -> None:
    """Also one that is for nobody."""
    token = by_hand({"alg": "HS256"}, claims(aud=audience))

    refused(open_with(secret=SECRET), token)


def test_j3_every_audience_may_be_asked_for(open_with: Open, claims: Claims) -> None:
    """One of several is enough, unless the setting wants them all."""
    both, one = signed(claims(aud=["shop", "till"])), signed(claims(aud=["till"]))

    open_with(secret=SECRET, audience="shop, till").log_in("custom-token", token=one)
    strict = open_with(secret=SECRET, audience="shop, till", every_audience=True)
    refused(strict, one)
    strict.log_in("custom-token", token=both)


@pytest.mark.parametrize("issuer", [None, "https://evil.example", ["https://id.example"], 7])
def test_j3_a_token_of_another_issuer_is_turned_away(
    open_with: Open, claims: Claims, issuer: object
) -> None:
    """Once the setting says whom they must be from."""
    engine = open_with(secret=SECRET, issuer="https://id.example")

    refused(engine, by_hand({"alg": "HS256"}, claims(iss=issuer)))
    engine.log_in("custom-token", token=signed(claims(iss="https://id.example")))


# --- J4: what a header says of keys ---------------------------------------------------------------


@pytest.mark.parametrize("header", ["jwk", "jku", "x5u", "x5c"])
def test_j4_a_token_does_not_bring_its_own_key(
    open_with: Open, claims: Claims, hostile: Hostile, header: str
) -> None:
    """
    Given a token signed with an attacker's key, which it names in its header,
    when it is used, then it is turned away, and nobody asked where it points.
    """
    hostile.keys = {"keys": [jwk(OTHER_KEY, "own")]}
    theirs = {
        "jwk": jwk(OTHER_KEY, "own"),
        "jku": f"{hostile.url}/keys",
        "x5u": f"{hostile.url}/keys",
        "x5c": ["bm8gY2VydGlmaWNhdGU="],
    }[header]
    engine = open_with(keys=public(OWN_KEY))

    refused(engine, signed(claims(), OTHER_KEY, "RS256", kid="own", **{header: theirs}))
    assert {} == hostile.asked


def test_j4_a_kid_is_a_look_up_key_and_nothing_else(open_with: Open, claims: Claims) -> None:
    """Whatever it holds; a key without a name verifies all the same."""
    named = open_with(keys=json.dumps(jwk(OWN_KEY, "own")))
    unnamed = open_with(keys=public(OWN_KEY))

    refused(unnamed, signed(claims(), OWN_KEY, "RS256", kid="x" * 5000))
    for kid in ("../../etc/passwd", "' or 1=1", "http://169.254.169.254/"):
        refused(named, signed(claims(), OWN_KEY, "RS256", kid=kid))
        unnamed.log_in("custom-token", token=signed(claims(), OWN_KEY, "RS256", kid=kid))
    named.log_in("custom-token", token=signed(claims(), OWN_KEY, "RS256", kid="own"))
    named.log_in("custom-token", token=signed(claims(), OWN_KEY, "RS256"))


@pytest.mark.parametrize(
    "extra",
    [
        {"crit": ["exp"]},
        {"crit": ["urn:example:policy"], "urn:example:policy": True},
        {"crit": []},
        {"b64": False, "crit": ["b64"]},
        {"b64": True},
    ],
)
def test_a_header_that_asks_for_what_is_not_understood_is_turned_away(
    open_with: Open, claims: Claims, extra: dict[str, object]
) -> None:
    """RFC 7515 §4.1.11."""
    refused(open_with(secret=SECRET), by_hand({"alg": "HS256", **extra}, claims()))


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        "é.b.c",
        "e30.e30.",
        f"{encoded(b'[]')}.{encoded(b'{}')}.AAAA",
        f"{encoded(b'{')}.{encoded(b'{}')}.AAAA",
        f"{encoded(b'[' * 50_000)}.{encoded(b'{}')}.AAAA",
        f"{encoded({'alg': 7})}.e30.AAAA",
        f"{encoded({'alg': 'HS256', 'kid': 7})}.e30.AAAA",
        "x" * 1_000_001,
    ],
    ids=lambda token: token[:12],
)
def test_what_is_no_token_is_turned_away(open_with: Open, token: str) -> None:
    """Without a word about why, and without a failure."""
    refused(open_with(secret=SECRET, keys=public(OWN_KEY)), token)


@pytest.mark.parametrize("payload", [b"[]", b'"ada"', b"7", b"null", b"{", b"\xff", b"[" * 50_000])
def test_a_payload_that_is_no_object_is_turned_away(open_with: Open, payload: bytes) -> None:
    """Though its signature is good."""
    refused(open_with(secret=SECRET), by_hand({"alg": "HS256"}, payload))


# --- J5: a secret is long -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["secret", "former_secret"])
def test_j5_a_short_secret_is_told_when_the_engine_opens(open_with: Open, name: str) -> None:
    """Below 256 bits, also when the provider is not enabled; the secret is not quoted."""
    short = "a secret of 31 bytes, no more.."
    assert 31 == len(short)

    for enabled in (True, False):
        with pytest.raises(InvalidSetting, match=rf"custom-token\.{name}") as raised:
            open_with(**{name: short, "enabled": enabled})
        assert short not in f"{raised.value} {raised.value!r}"


def test_j1_a_public_key_is_not_taken_for_a_secret(open_with: Open) -> None:
    """Everybody has it; told as the engine opens."""
    with pytest.raises(InvalidSetting, match=r"custom-token\.secret"):
        open_with(secret=public(OWN_KEY))


def test_j5_a_secret_can_be_changed_while_tokens_are_about(open_with: Open, claims: Claims) -> None:
    """The former one is good as long as it is set."""
    engine = open_with(secret=OTHER_SECRET, former_secret=SECRET)

    for secret in (SECRET, OTHER_SECRET):
        engine.log_in("custom-token", token=signed(claims(), secret))
    refused(open_with(secret=OTHER_SECRET), signed(claims(), SECRET))


def test_j5_an_rsa_key_is_not_small(open_with: Open, claims: Claims) -> None:
    """1,024 bits are none, in PEM or in a JWK; a private key is none either."""
    small = new_key(1024)
    private = OWN_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    of_sign = json.dumps({**jwk(OWN_KEY, "own"), "d": "AQAB"})

    for text in (public(small), json.dumps(jwk(small, "own")), private, of_sign, "no key", "{}"):
        with pytest.raises(InvalidSetting, match=r"custom-token\.keys") as raised:
            open_with(keys=text).log_in("custom-token", token=signed(claims(), OWN_KEY, "RS256"))
        assert text.strip()[30:80] not in str(raised.value) or len(text) < 40
