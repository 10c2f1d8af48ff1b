"""Many use cases decided on one thread and settled with one sync."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from .._core import Core
from ..errors import InvalidInput
from .prepared import Finish, Prepared, Waiting

AT_ONCE: Final = 16
"""Flows of a batch that are waited for side by side."""


def batch(core: Core, prepared: Sequence[Prepared[Any]]) -> list[Any]:
    """Decide each, settle all, finish each; see `Engine.batch`."""
    if not all(isinstance(one, Prepared) for one in prepared):
        raise InvalidInput("prepared", "must be what the methods of engine.prepare gave.")
    answers: list[Any] = []
    for one in prepared:
        try:
            answers.append(one.decide(False))
        except Exception as problem:  # a bug in one, too, is no news of the others
            answers.append(problem)
    # Nothing is answered before it is durable: a failed sync raises here, for all of them.
    core.store.settle()
    waiting: list[int] = []
    for place, finish in enumerate(answers):
        if isinstance(finish, Waiting):
            waiting.append(place)
        elif not isinstance(finish, Exception):
            answers[place] = _finished(finish)
    # What waits for the world waits together, on the engine's threads.
    told = core.plugins.calls.run_each([answers[place] for place in waiting], at_once=AT_ONCE)
    for place, (value, error) in zip(waiting, told, strict=True):
        if error is not None and not isinstance(error, Exception):
            raise error
        answers[place] = value if error is None else error
    return answers


def _finished(finish: Finish[Any]) -> Any:
    try:
        return finish()
    except Exception as problem:
        return problem
