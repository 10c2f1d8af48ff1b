"""What a hostile provider's server cannot do to us: the discovery document, the key set, the token
endpoint, the browser's way. Rules J6, O2, O3."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from honest import OpenOn
from hostile_provider import (
    DISCOVERY,
    OTHER_KEY,
    OWN_KEY,
    Answer,
    Hostile,
    jwk,
    new_key,
    send,
)

import admit
from admit.errors import (
    InvalidInput,
    InvalidSetting,
    ProviderFailed,
    WrongCredentials,
)
from admit.testing import SettableClock

NONCE = "a nonce"


@pytest.fixture
def engine(hostile: Hostile, open_on: OpenOn, clock: SettableClock) -> admit.Engine:
    """An engine that believes the provider."""
    return open_on("oidc", hostile.url, clock=clock)


@pytest.fixture
def impatient(hostile: Hostile, open_on: OpenOn, clock: SettableClock) -> admit.Engine:
    """An engine that waits for the provider a fifth of a second at most."""
    return open_on("oidc", hostile.url, {"time_limit": timedelta(milliseconds=200)}, clock=clock)


def by_id_token(engine: admit.Engine, hostile: Hostile, **signing: Any) -> admit.User:
    """Log in with a good token, signed so."""
    token = hostile.mint(hostile.claims(NONCE), **signing)
    return engine.log_in("oidc", id_token=token, nonce=NONCE).user


def by_code(engine: admit.Engine, hostile: Hostile) -> admit.User:
    """Log in with a code for a good token."""
    hostile.token_answer["id_token"] = hostile.mint(hostile.claims(NONCE))
    return engine.log_in("oidc", auth_code="a code", nonce=NONCE).user


def by_redirect(engine: admit.Engine, hostile: Hostile) -> admit.User:
    """Log in through the browser."""
    begun = engine.redirects.begin("oidc")
    return engine.redirects.finish(hostile.answer(begun), binding=begun.binding).user


MODES: dict[str, Callable[[admit.Engine, Hostile], admit.User]] = {
    "id token": by_id_token,
    "code": by_code,
    "redirect": by_redirect,
}


# --- documents ---------------------------------------------------------------------------------


def giant(handler: BaseHTTPRequestHandler) -> None:
    """Send more than anybody needs."""
    with suppress(OSError):  # it hangs up in the middle
        send(handler, 200, b'{"filler": "' + b"x" * 2_000_000 + b'"}')


def dripping(handler: BaseHTTPRequestHandler) -> None:
    """Send a byte now and then: each comes before a time-out that begins anew with every byte."""
    with suppress(OSError):
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Type: ")
        for _ in range(100):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            if threading.Event().wait(0.05):
                break


def silent(handler: BaseHTTPRequestHandler) -> None:
    """Say nothing for longer than anybody waits."""
    threading.Event().wait(1)


def redirecting(handler: BaseHTTPRequestHandler) -> None:
    """Send whoever asks somewhere else."""
    send(handler, 302, b"{}", Location="http://127.0.0.1:1/elsewhere")


def nested(handler: BaseHTTPRequestHandler) -> None:
    """Send brackets without end."""
    send(handler, 200, b"[" * 200_000)


def failing(handler: BaseHTTPRequestHandler) -> None:
    """Fail."""
    send(handler, 500, b"{}")


def listing(handler: BaseHTTPRequestHandler) -> None:
    """Send JSON that is no object."""
    send(handler, 200, b"[]")


def compressed(handler: BaseHTTPRequestHandler) -> None:
    """Send what was not asked for."""
    send(handler, 200, b"\x1f\x8b", Content_Encoding="gzip")


BAD_ANSWERS: dict[str, tuple[Answer, str]] = {
    "giant": (giant, "larger than 256 kB"),
    "dripping": (dripping, "did not answer within 0.2 seconds"),
    "silent": (silent, "did not answer within 0.2 seconds"),
    "redirecting": (redirecting, "redirect"),
    "nested without end": (nested, "no JSON object"),
    "failing": (failing, "status 500"),
    "a list": (listing, "no JSON object"),
    "compressed": (compressed, "no JSON object"),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", [DISCOVERY, "/keys"])
@pytest.mark.parametrize("bad", BAD_ANSWERS)
def test_j6_a_bad_answer_is_turned_away_in_bounded_time(
    bad: str, path: str, mode: str, impatient: admit.Engine, hostile: Hostile
) -> None:
    """
    Given a server that answers so at its discovery document or its key set,
    when somebody logs in,
    then she is told that the provider failed and why, long before the answer would have ended.
    """
    answer, because = BAD_ANSWERS[bad]
    hostile.instead[path] = answer
    began = time.monotonic()

    with pytest.raises(ProviderFailed) as failed:
        MODES[mode](impatient, hostile)

    assert because in str(failed.value)
    assert time.monotonic() - began < 3
    assert impatient.users.count() == 0


@pytest.mark.parametrize("bad", BAD_ANSWERS)
def test_j6_a_bad_answer_to_a_code_is_turned_away(
    bad: str, impatient: admit.Engine, hostile: Hostile
) -> None:
    """
    Given a server that answers so at its token endpoint,
    when somebody comes with a code,
    then she is told that the provider failed.
    """
    answer, because = BAD_ANSWERS[bad]
    hostile.instead["/token"] = answer

    with pytest.raises(ProviderFailed, match=because):
        by_code(impatient, hostile)


BAD_DOCUMENTS: dict[str, dict[str, object]] = {
    "another issuer": {"issuer": "https://accounts.example.net"},
    "no issuer": {"issuer": None},
    "keys over plain http": {"jwks_uri": "http://keys.example.net/keys"},
    "keys in a file": {"jwks_uri": "file:///etc/passwd"},
    "keys behind a user name": {"jwks_uri": "https://127.0.0.1@keys.example.net/"},
    "no token endpoint": {"token_endpoint": None},
    "an authorization endpoint that is a script": {"authorization_endpoint": "javascript:1"},
    "an authorization endpoint with a fragment": {"authorization_endpoint": "https://a.example/#"},
    "an endpoint that is a list": {"token_endpoint": ["https://a.example/token"]},
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bad", BAD_DOCUMENTS)
def test_o3_j6_a_discovery_document_that_leads_astray_is_turned_away(
    bad: str, mode: str, engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given a discovery document that names another issuer, or an endpoint that nobody should ask,
    when somebody logs in,
    then it is refused as a whole.
    """
    hostile.discovery.update(BAD_DOCUMENTS[bad])

    with pytest.raises(ProviderFailed, match="discovery document cannot be used"):
        MODES[mode](engine, hostile)

    assert hostile.asked["/keys"] == hostile.asked["/token"] == 0


@pytest.mark.parametrize("issuer", ["http://accounts.example.net", "ftp://a.example", "accounts"])
def test_j6_an_issuer_is_https(issuer: str, open_on: OpenOn) -> None:
    """
    Given a setting that names an issuer over plain http, on another machine,
    when somebody logs in,
    then the setting is named, and nobody was asked.
    """
    engine = open_on("oidc", issuer)

    with pytest.raises(InvalidSetting, match=r"oidc\.issuer"):
        engine.log_in("oidc", id_token="e30.e30.e30")


BAD_KEYS: dict[str, dict[str, object]] = {
    "for encryption": {"use": "enc"},
    "for another algorithm": {"alg": "PS256"},
    "for a symmetric one": {"alg": "HS256"},
    "only to sign with": {"key_ops": ["sign"]},
    "with a kid that is no text": {"kid": 7},
    "with half a modulus": {"n": "AQAB"},
    "without a modulus": {"n": None},
    "of an unknown type": {"kty": "LATTICE"},
}


@pytest.mark.parametrize("bad", BAD_KEYS)
def test_j1_a_key_verifies_only_what_it_is_for(
    bad: str, engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given a key set whose fitting key is not meant for this, and another, good one,
    when a token signed with the first comes,
    then it is refused.
    """
    spoiled = {**jwk(OWN_KEY, "own"), **BAD_KEYS[bad]}
    kept = {name: value for name, value in spoiled.items() if value is not None}
    hostile.keys["keys"] = [kept, jwk(OTHER_KEY, "other")]

    with pytest.raises(WrongCredentials):
        by_id_token(engine, hostile)


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits long")
def test_j1_a_small_rsa_key_is_no_key(engine: admit.Engine, hostile: Hostile) -> None:
    """
    Given a key set with one RSA key of 1,024 bits,
    when a token signed with it comes,
    then there is no key that could verify it.
    """
    small = new_key(1024)
    hostile.keys["keys"] = [jwk(small, "own")]

    with pytest.raises(ProviderFailed, match="no key"):
        by_id_token(engine, hostile, key=small)


@pytest.mark.parametrize("keys", [{}, {"keys": {}}, {"keys": []}, {"keys": [{}] * 101}])
def test_j6_a_key_set_without_keys_is_turned_away(
    keys: dict[str, Any], engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given a key set that is none, is empty, or has more keys than anybody needs,
    when somebody logs in,
    then the provider failed.
    """
    hostile.keys = keys

    with pytest.raises(ProviderFailed, match="key set"):
        by_id_token(engine, hostile)


# --- keys change -------------------------------------------------------------------------------


def test_j6_a_new_key_is_found_when_it_is_first_used(
    engine: admit.Engine, hostile: Hostile, clock: SettableClock
) -> None:
    """
    Given a provider whose keys are known for two minutes,
    when it signs with a new one,
    then the set is fetched once more; the old key, which is gone from it, verifies no more.
    """
    by_id_token(engine, hostile)
    clock.advance(timedelta(minutes=2))
    hostile.keys["keys"] = [jwk(OTHER_KEY, "next")]

    by_id_token(engine, hostile, key=OTHER_KEY, kid="next")

    assert hostile.asked["/keys"] == 2
    with pytest.raises(WrongCredentials):
        by_id_token(engine, hostile)


def test_j6_random_kids_cause_no_storm(
    engine: admit.Engine, hostile: Hostile, clock: SettableClock
) -> None:
    """
    Given strangers who come with a new `kid` each time, many at once,
    when half a minute passes, and another minute,
    then the set was fetched once, and once more.
    """

    def come(number: int) -> None:
        with pytest.raises(WrongCredentials):
            by_id_token(engine, hostile, kid=f"random {number}")

    with ThreadPoolExecutor(8) as strangers:
        list(strangers.map(come, range(16)))
        clock.advance(timedelta(seconds=30))
        list(strangers.map(come, range(16)))
        assert hostile.asked["/keys"] == 1
        clock.advance(timedelta(seconds=60))
        list(strangers.map(come, range(16)))

    assert hostile.asked["/keys"] == 2
    assert hostile.asked[DISCOVERY] == 1


def test_j6_keys_are_believed_a_while_longer_when_their_server_is_gone(
    engine: admit.Engine, hostile: Hostile, clock: SettableClock
) -> None:
    """
    Given keys that were fetched, and a server that is gone since,
    when an hour has passed, they still verify, and the server is asked once a minute at most;
    when two have passed, they do not.
    """
    by_id_token(engine, hostile)
    hostile.instead["/keys"] = failing
    clock.advance(timedelta(minutes=61))

    for _ in range(5):
        by_id_token(engine, hostile)
    assert hostile.asked["/keys"] == 2
    clock.advance(timedelta(hours=1))
    with pytest.raises(ProviderFailed):
        by_id_token(engine, hostile)


def test_j6_a_server_that_is_gone_is_not_asked_by_every_stranger(
    engine: admit.Engine, hostile: Hostile, clock: SettableClock
) -> None:
    """
    Given a server that hangs,
    when many come within a minute,
    then it was asked once, and all are told; a minute later it is asked again, and answers.
    """
    hostile.instead[DISCOVERY] = failing
    for _ in range(5):
        with pytest.raises(ProviderFailed, match="status 500"):
            by_id_token(engine, hostile)
    assert hostile.asked[DISCOVERY] == 1

    del hostile.instead[DISCOVERY]
    clock.advance(timedelta(minutes=1))

    assert "confirmed" == by_id_token(engine, hostile).state


def test_endpoints_that_are_known_outlive_their_document(
    engine: admit.Engine, hostile: Hostile, clock: SettableClock
) -> None:
    """
    Given a provider whose discovery document is gone after half a day,
    when somebody logs in,
    then what it said last still holds; its keys are fetched anew.
    """
    by_id_token(engine, hostile)
    hostile.instead[DISCOVERY] = failing
    clock.advance(timedelta(hours=13))

    assert "confirmed" == by_id_token(engine, hostile).state
    assert hostile.asked["/keys"] == 2


# --- codes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (400, {"error": "invalid_grant"}, WrongCredentials),
        (401, {"error": "invalid_client"}, ProviderFailed),
        (400, {"error": "<script>"}, ProviderFailed),
        (400, {"error": 7}, ProviderFailed),
        (200, {"access_token": "an access token"}, ProviderFailed),
        (200, {"id_token": None}, ProviderFailed),
        (200, {"id_token": {}}, ProviderFailed),
    ],
)
def test_a_code_that_is_not_exchanged_opens_nothing(
    status: int,
    answer: dict[str, Any],
    error: type[Exception],
    engine: admit.Engine,
    hostile: Hostile,
) -> None:
    """
    Given a token endpoint that answers so,
    when somebody comes with a code,
    then a code that is not good is told from a provider that fails, and nothing of its text shows.
    """
    hostile.token_status, hostile.token_answer = status, answer

    with pytest.raises(error) as raised:
        engine.log_in("oidc", auth_code="a code")

    assert "<script>" not in str(raised.value)


def test_t7_a_code_is_exchanged_only_with_our_own_redirect_uri_and_client(
    engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given a stranger with a code for another site,
    when she names that site's redirect URI, or its client id,
    then she is refused before the provider is asked.
    """
    for field, value in (("redirect_uri", "https://evil.example/cb"), ("client_id", "another")):
        with pytest.raises(InvalidInput, match=field):
            engine.log_in("oidc", auth_code="a code", **{field: value})

    assert hostile.asked["/token"] == 0
