"""Many use cases decided on one thread and settled with one sync."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._core import Core
from ..errors import AdmitError
from .prepared import Prepared


def batch(core: Core, prepared: Sequence[Prepared[Any]]) -> list[Any]:
    """Decide each, settle all, finish each; see `Engine.batch`."""
    decided: list[Any] = []
    for one in prepared:
        try:
            decided.append(one.decide(False))
        except AdmitError as problem:
            decided.append(problem)
    # Nothing is answered before it is durable: a failed sync raises here, for all of them.
    core.store.settle()
    answers = []
    for finish in decided:
        if isinstance(finish, AdmitError):
            answers.append(finish)
            continue
        try:
            answers.append(finish())
        except AdmitError as problem:
            answers.append(problem)
    return answers
