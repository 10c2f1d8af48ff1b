"""J6: keys of custom tokens behind a URL, and what is told of a refusal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from custom_tokens import AUDIENCE, SECRET, Open, opening
from hostile_provider import (
    OTHER_KEY,
    Hostile,
    jwk,
    misbehaving,
    send,
)
from token_desk import Claims, refused, signed

from admit.errors import InvalidSetting, ProviderFailed, WrongCredentials
from admit.testing import SettableClock


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


# --- J6: key sets behind a URL --------------------------------------------------------------------


@pytest.mark.parametrize("url", ["http://id.example/keys", "file:///etc/passwd", "keys", "ftp://a"])
def test_j6_a_key_set_is_behind_https(open_with: Open, url: str) -> None:
    """Told as the engine opens; http is for this machine alone."""
    with pytest.raises(InvalidSetting, match=r"custom-token\.jwks_url"):
        open_with(jwks_url=url)


def test_j6_a_key_set_is_fetched_once_for_many_tokens(
    open_with: Open, claims: Claims, hostile: Hostile
) -> None:
    """And one at the same moment waits for the other."""
    engine = open_with(jwks_url=f"{hostile.url}/keys")
    tokens = [hostile.mint(claims(sub=f"user-{n}")) for n in range(8)]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda token: engine.log_in("custom-token", token=token), tokens))

    assert 8 == engine.users.count()
    assert {"/keys": 1} == hostile.asked


def test_j6_a_new_key_is_found_when_it_is_first_used(
    open_with: Open, claims: Claims, hostile: Hostile, clock: SettableClock
) -> None:
    """
    Given a server that changed its key,
    when a token of the new one comes a minute after the last fetch, then the set is fetched again,
    and the old one's tokens open nothing.
    """
    engine = open_with(jwks_url=f"{hostile.url}/keys")
    engine.log_in("custom-token", token=hostile.mint(claims()))
    hostile.keys = {"keys": [jwk(OTHER_KEY, "next")]}
    clock.advance(timedelta(minutes=1))

    engine.log_in("custom-token", token=hostile.mint(claims(), key=OTHER_KEY, kid="next"))

    with pytest.raises(WrongCredentials):
        engine.log_in("custom-token", token=hostile.mint(claims()))
    assert {"/keys": 2} == hostile.asked


def test_j6_random_kids_cause_no_storm(
    open_with: Open, claims: Claims, hostile: Hostile, clock: SettableClock
) -> None:
    """
    Given strangers who send tokens with a kid of their own,
    when fifty come within a minute, then the set is fetched twice at most.
    """
    engine = open_with(jwks_url=f"{hostile.url}/keys")

    for number in range(50):
        clock.advance(timedelta(seconds=1))
        refused(engine, hostile.mint(claims(), key=OTHER_KEY, kid=f"kid-{number}"))

    assert hostile.asked["/keys"] <= 2


@pytest.mark.parametrize("keys", [{}, {"keys": []}, {"keys": [{}] * 101}, {"keys": "none"}])
def test_j6_a_key_set_that_is_none_is_turned_away(
    open_with: Open, claims: Claims, hostile: Hostile, keys: dict[str, object]
) -> None:
    """The caller hears that it is not his fault."""
    hostile.keys = keys

    with pytest.raises(ProviderFailed):
        open_with(jwks_url=f"{hostile.url}/keys").log_in(
            "custom-token", token=hostile.mint(claims())
        )


def _giant(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, b'{"keys": "' + b"x" * 10_000_000 + b'"}')


def _redirect(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 302, b"", Location="http://127.0.0.1:1/keys")


def _broken(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, b"<html>")


@pytest.mark.parametrize("answer", [_giant, _redirect, _broken], ids=lambda answer: answer.__name__)
def test_j6_a_giant_key_set_a_redirect_or_a_page_is_turned_away(
    open_with: Open, claims: Claims, hostile: Hostile, answer: Any
) -> None:
    """None of it is read to its end, followed or believed."""

    def answered(handler: BaseHTTPRequestHandler) -> None:
        try:
            answer(handler)
        except ConnectionError:
            return  # hung up on: that is what is wanted

    hostile.instead["/keys"] = answered

    with pytest.raises(ProviderFailed):
        open_with(jwks_url=f"{hostile.url}/keys").log_in(
            "custom-token", token=hostile.mint(claims())
        )


def test_j6_a_slow_key_set_is_left_after_the_limit(
    open_with: Open, claims: Claims, hostile: Hostile
) -> None:
    """
    Given a server that drips its answer byte by byte,
    when the setting's time is over, then it is left, though every byte came in time.
    """
    done = threading.Event()

    def dripping(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(200):
            if done.wait(0.05):
                return
            try:
                handler.wfile.write(b" ")
            except OSError:
                return

    hostile.instead["/keys"] = dripping
    engine = open_with(jwks_url=f"{hostile.url}/keys", time_limit="0.3 seconds")
    began = time.monotonic()

    with pytest.raises(ProviderFailed):
        engine.log_in("custom-token", token=hostile.mint(claims()))

    done.set()
    assert time.monotonic() - began < 5


# --- what is told ---------------------------------------------------------------------------------


def test_t3_why_a_token_was_refused_stands_in_the_log_without_the_token(
    open_with: Open, claims: Claims, caplog: pytest.LogCaptureFixture
) -> None:
    """For whoever runs the application; the caller reads that the credentials are not right."""
    caplog.set_level("INFO", "admit.custom_token")
    token = signed(claims(exp=1))

    with pytest.raises(WrongCredentials) as raised:
        open_with(secret=SECRET).log_in("custom-token", token=token)

    assert "it has expired" in caplog.text
    assert "expired" not in str(raised.value)
    for part in (*token.split("."), SECRET):
        assert part not in f"{caplog.text} {raised.value!r}"
