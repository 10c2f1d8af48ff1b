"""J1 to J4, for our own tokens: nothing in a token chooses how it is verified."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta

import jwt
import pytest
from ada import ADDRESS, PASSWORD
from cryptography.hazmat.primitives import serialization
from jwt.utils import base64url_encode
from opened import OpenWith, engines, entered
from tokens import claims_of, encoded, header_of, text_of, with_claims, with_header

from admit import Engine, Secret
from admit.errors import SessionInvalid
from admit.testing import MemoryStore, SettableClock
from admit.testing import open as open_engine

ALGORITHMS = ("HS256", "EdDSA", "ES256", "RS256")
PUBLIC = ALGORITHMS[1:]


@pytest.fixture
def open_with(store: MemoryStore, clock: SettableClock) -> Iterator[OpenWith]:
    """Opens engines on one store, with settings."""
    yield from engines(store, clock)


def refused(engine: Engine, token: str | Secret) -> str:
    """Why an access token opens nothing."""
    with pytest.raises(SessionInvalid) as invalid:
        engine.verify(token)
    return invalid.value.because


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_j1_a_token_names_the_one_algorithm_of_its_key(open_with: OpenWith, algorithm: str) -> None:
    """Given the setting, when a user logs in, then her token is of that algorithm, and good."""
    engine = open_with(access_token_algorithm=algorithm)
    login = entered(engine)

    assert algorithm == header_of(login.access_token)["alg"]
    assert login.user.id == engine.verify(login.access_token).user_id


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("stateless", [False, True])
def test_j1_none_is_no_algorithm(open_with: OpenWith, algorithm: str, stateless: bool) -> None:
    """Given a good token, when its header says `none`, with its signature or without, then no."""
    engine = open_with(access_token_algorithm=algorithm, sessions_end_at_once=not stateless)
    token = entered(engine).access_token

    for none in ("none", "None", "NONE", "nOnE", ""):
        forged = with_header(token, alg=none)
        assert "malformed" == refused(engine, forged)
        assert "malformed" == refused(engine, forged.rpartition(".")[0] + ".")


@pytest.mark.parametrize("algorithm", PUBLIC)
def test_j1_a_public_key_is_no_hmac_secret(open_with: OpenWith, algorithm: str) -> None:
    """
    Given the public key, which anybody has, in each form in which it is passed around,
    when a token is signed by HS256 with it, under its key id or our own,
    then it opens nothing.
    """
    engine = open_with(access_token_algorithm=algorithm)
    token = entered(engine).access_token
    (jwk,) = engine.sessions.jwks()["keys"]
    key = jwt.PyJWK(jwk).key
    forms = [
        key.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
        for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER)
    ]
    forms += [json.dumps(jwk).encode(), jwk.get("x", jwk.get("n")).encode()]

    for secret in forms:
        for kid in (jwk["kid"], engine.sessions.signing_keys()[0].id):
            body = f"{encoded({'alg': 'HS256', 'kid': kid, 'typ': 'JWT'})}." + (
                encoded(claims_of(token))
            )
            mac = hmac.digest(secret, body.encode(), hashlib.sha256)
            forged = f"{body}.{base64url_encode(mac).decode()}"
            assert refused(engine, forged) in {"malformed", "bad signature"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_j1_another_algorithms_name_opens_nothing(open_with: OpenWith, algorithm: str) -> None:
    """Given a good token, when its header names another algorithm, known or not, then no."""
    engine = open_with(access_token_algorithm=algorithm)
    token = entered(engine).access_token

    for other in {*ALGORITHMS, "HS512", "RS512", "PS256", "Ed25519"} - {algorithm}:
        assert "malformed" == refused(engine, with_header(token, alg=other))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_j1_no_sign_of_a_token_can_be_changed(open_with: OpenWith, algorithm: str) -> None:
    """Given a good token, when any one letter of it is another one, then it opens nothing: also
    where base64 has letters that decode to the same bytes."""
    engine = open_with(access_token_algorithm=algorithm)
    token = text_of(entered(engine).access_token)

    for at, letter in enumerate(token):
        for other in {"A", "B", "-"} - {letter}:
            forged = f"{token[:at]}{other}{token[at + 1 :]}"
            assert refused(engine, forged) in {"malformed", "bad signature"}
    assert refused(engine, token + "=") in {"malformed", "bad signature"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("stateless", [False, True])
def test_j2_the_kinds_are_not_interchangeable(
    open_with: OpenWith, algorithm: str, stateless: bool
) -> None:
    """Given both tokens of a log-in, when each is used as the other, then it opens nothing."""
    engine = open_with(access_token_algorithm=algorithm, sessions_end_at_once=not stateless)
    login = entered(engine)

    assert "incorrect token type" == refused(engine, login.refresh_token)
    for use in (engine.refresh, engine.log_out):
        with pytest.raises(SessionInvalid, match="incorrect token type"):
            use(login.access_token)


def test_j2_others_cannot_verify_a_refresh_token(open_with: OpenWith) -> None:
    """Given a key set for others, then a refresh token is not signed by any key in it."""
    engine = open_with(access_token_algorithm="EdDSA")
    login = entered(engine)

    assert "HS256" == header_of(login.refresh_token)["alg"]
    known = {key["kid"] for key in engine.sessions.jwks()["keys"]}
    assert header_of(login.refresh_token)["kid"] not in known


@pytest.mark.parametrize("stateless", [False, True])
def test_j3_issuer_and_audience_must_be_ours(open_with: OpenWith, stateless: bool) -> None:
    """
    Given two applications that share a key, as a test server and the real one should not,
    when each says who its tokens are from and for,
    then neither takes the other's.
    """
    mode = {"sessions_end_at_once": not stateless}
    shop = open_with(token_issuer="https://shop.example", token_audience="shop", **mode)
    login = entered(shop)
    issuer = open_with(token_issuer="https://blog.example", token_audience="shop", **mode)
    audience = open_with(token_issuer="https://shop.example", token_audience="blog", **mode)

    assert ("https://shop.example", "shop") == tuple(
        shop.verify(login.access_token).claims[name] for name in ("iss", "aud")
    )
    assert "from another issuer" == refused(issuer, login.access_token)
    assert "for another audience" == refused(audience, login.access_token)
    without = open_with(**mode)
    assert "from another issuer" == refused(shop, entered(without).access_token)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_j3_a_token_ends_at_its_instant(
    open_with: OpenWith, clock: SettableClock, algorithm: str
) -> None:
    """Given a token without a look-up, when its end has come, then it is over, to the second."""
    engine = open_with(access_token_algorithm=algorithm, sessions_end_at_once=False)
    token = entered(engine).access_token

    clock.advance(timedelta(minutes=30, seconds=-1))
    engine.verify(token)
    clock.advance(timedelta(seconds=1))

    assert "expired" == refused(engine, token)
    assert refused(engine, with_claims(token, exp=2**31)) == "bad signature"


@pytest.mark.parametrize("algorithm", PUBLIC)
def test_j4_a_key_that_a_token_brings_along_is_ignored(open_with: OpenWith, algorithm: str) -> None:
    """
    Given a token signed by a key of its own, which its header carries or points to,
    when it is used,
    then it opens nothing, whatever key id it names.
    """
    engine = open_with(access_token_algorithm=algorithm)
    token = entered(engine).access_token
    with open_engine(settings={"access_token_algorithm": algorithm}) as elsewhere:
        foreign = elsewhere.sessions.jwks()["keys"][0]
        elsewhere.confirm_manually(elsewhere.register(ADDRESS, PASSWORD))
        forged = elsewhere.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
        signature = text_of(forged.access_token).rpartition(".")[2]

    for extra in (
        {"jwk": foreign},
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/cert.pem"},
        {"kid": foreign["kid"]},
        {"kid": "../../dev/null"},
        {"kid": None},
        {"crit": ["exp"]},
    ):
        changed = with_header(token, **extra)
        assert "malformed" == refused(engine, changed)
        assert "malformed" == refused(engine, f"{changed.rpartition('.')[0]}.{signature}")


def test_s1_refresh_tokens_are_new_at_each_log_in_and_kept_as_digests(
    open_with: OpenWith, store: MemoryStore
) -> None:
    """Given two log-ins, then their tokens share no secret, each of 256 bits, and neither token nor
    secret stands in the store."""
    engine = open_with()
    first, second = entered(engine), entered(engine)

    secrets = [claims_of(login.refresh_token)["jti"] for login in (first, second)]

    assert secrets[0] != secrets[1]
    assert [43, 43] == [len(secret) for secret in secrets]  # 256 bits in base64url
    kept = [str(store.get("session", login.session.id)) for login in (first, second)]
    for text in kept:
        assert not any(secret in text for secret in secrets)
        assert text_of(first.refresh_token).rpartition(".")[2] not in text
