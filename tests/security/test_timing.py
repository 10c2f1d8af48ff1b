"""E3: what a stranger with a stopwatch can learn about accounts – nothing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median, quantiles

import pytest

import admit
from admit import Engine
from admit.errors import LogInRefused
from admit.public import PublicFace
from admit.testing import Inbox

PASSWORD = "correct horse battery staple"
KNOWN = "ada@example.com"
SAMPLES = 200
WARM_UP = 10
"""Requests before the samples, which fill caches."""

Request = Callable[[PublicFace, str], object]

REQUESTS: Mapping[str, Request] = {
    "resend": lambda public, address: public.resend(address=address),
    "rerun": lambda public, address: public.rerun(address=address),
    "reset": lambda public, address: public.reset(address=address),
    "log-in": lambda public, address: _refused(public, address),
}


def _refused(public: PublicFace, address: str) -> None:
    with contextlib.suppress(LogInRefused):
        public.log_in("local-userpass", username=address, password="a wrong password")


@pytest.fixture
def engine(tmp_path: Path, inbox: Inbox) -> Iterator[Engine]:
    """An engine on a synced file, as people use it, but without a cool-down between the samples,
    and with hashes of some milliseconds: real ones would hide every other difference."""
    with admit.open(
        tmp_path / "users.json",
        plugins=[inbox],
        settings={
            "transport": "inbox",
            "email.sender": "admit@example.com",
            "email.link_base": "https://app.example.com/confirm",
            "cool_down": 0,
            "password_time_cost": 4,
            "password_memory_kibibytes": 2048,
            "password_parallelism": 1,
        },
        worker=False,
    ) as opened:
        yield opened


@pytest.mark.parametrize(
    ("named", "state"),
    [
        ("resend", "pending"),
        ("resend", "confirmed"),
        ("rerun", "pending"),
        ("reset", "pending"),
        ("reset", "confirmed"),
        ("log-in", "pending"),
        ("log-in", "confirmed"),
    ],
)
def test_e3_the_clock_tells_no_known_address_from_an_unknown_one(
    engine: Engine, named: str, state: str
) -> None:
    """
    Given accounts and addresses of nobody, on a store that syncs,
    when a stranger asks 200 times for each class, in turn, so that both meet the same noise,
    then the medians are no further apart than the noise of one class against itself: the larger of
    the two classes' interquartile ranges.

    It is about orders of magnitude: a sync more or less, a message sent on the caller's path or a
    hash left out changes a request by half and more. So noise counts as a quarter of a request at
    least, which a machine without any – a sync that costs nothing – would otherwise fall below with
    the microseconds by which documents differ.
    """
    request = REQUESTS[named]
    for number in range(WARM_UP + SAMPLES):
        user = engine.register(f"known{number}@example.com")
        if state == "confirmed":
            engine.confirm_manually(user)

    times: dict[str, list[float]] = {"known": [], "unknown": []}
    for number in range(WARM_UP + SAMPLES):
        for kind in ("known", "unknown") if number % 2 else ("unknown", "known"):
            start = time.perf_counter()
            request(engine.public, f"{kind}{number}@example.com")
            times[kind].append(time.perf_counter() - start)
    known, unknown = times["known"][WARM_UP:], times["unknown"][WARM_UP:]

    gap = abs(median(known) - median(unknown))
    noise = max(_interquartile_range(known), _interquartile_range(unknown))
    assert gap < max(noise, median(unknown) / 4)


def _interquartile_range(samples: list[float]) -> float:
    lower, _, upper = quantiles(samples, n=4)
    return upper - lower


def test_e3_no_message_is_sent_on_the_callers_path(engine: Engine, inbox: Inbox) -> None:
    """Given a pending user, when a stranger asks for a message in every way, then none has gone out
    by the time she is answered, and the worker sends one for each user who was meant."""
    engine.register(KNOWN, PASSWORD)
    sent = len(inbox.messages)

    engine.public.resend(address=KNOWN)
    engine.public.rerun(address=KNOWN)
    engine.public.reset(address=KNOWN)
    engine.public.register("grace@example.com", PASSWORD)

    assert sent == len(inbox.messages)
    engine.work_once()
    assert {KNOWN, "grace@example.com"} == {message.to for message in inbox.messages[sent:]}


def test_e3_a_mail_server_that_hangs_holds_up_no_stranger(engine: Engine, inbox: Inbox) -> None:
    """Given a transport that would never come back on the thread of whoever asks, when a stranger
    asks about a known address, then she is answered."""

    def fail_here(message: object) -> None:
        raise AssertionError("sent on the caller's path")

    engine.register(KNOWN, PASSWORD)
    inbox.before_mail(fail_here)

    engine.public.reset(address=KNOWN)
    engine.public.resend(address=KNOWN)
