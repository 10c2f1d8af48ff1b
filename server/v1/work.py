"""What is due, done now; and who asks."""

from __future__ import annotations

from typing import Any

import admit

from ..asking import Ask
from ..bodies import Body
from .asked import number, verb


class Worked(Body):
    """How much was done of each."""

    runs: int
    swept: int
    sealed: int


class Recovered(Body):
    """How many runs were taken up."""

    recovered: int


class Application(Body):
    """The application that is asked."""

    app_id: str
    internal_id: str
    group_id: str


def _application(engine: admit.Engine, ask: Ask, body: None) -> dict[str, Any]:
    hosted = ask.hosted
    return {
        "app_id": hosted.app_id,
        "internal_id": hosted.internal_id,
        "group_id": hosted.group_id,
    }


ROUTES = [
    verb(
        "GET",
        "",
        "Say which application this is.",
        _application,
        scope="viewer",
        answer=Application,
    ),
    verb(
        "POST",
        "/work",
        "Do what is due now: queued messages, retries, sweeping, sealing.",
        lambda engine, ask, body: engine.work_once(),
        scope="support",
        answer=Worked,
    ),
    verb(
        "POST",
        "/recover",
        "Take up what a crash cut off, and nothing else.",
        lambda engine, ask, body: {"recovered": engine.recover()},
        scope="support",
        answer=Recovered,
    ),
    verb(
        "POST",
        "/sweep",
        "Remove what is past its time.",
        lambda engine, ask, body: engine.sweep(most=number(ask, "most", 1000)),
        scope="owner",
        answer=dict[str, Any],
        query={"most": "Of each kind at most so many."},
    ),
]
