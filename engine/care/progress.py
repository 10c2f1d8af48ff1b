"""Telling how far long work has come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeVar

import attrs

EVERY: Final = 500

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Progress:
    """How far it has come."""

    stage: str
    """What is being done, for people: `copying user`."""
    done: int
    total: int
    """How many there were when it began; others may go on writing."""


OnProgress = Callable[[Progress], None]
"""What is called now and then, in the thread that works."""


def no_progress(progress: Progress) -> None:
    """Tell nobody."""


def watched(
    items: Iterable[T], tell: OnProgress, stage: str, kind: str, totals: Mapping[str, int]
) -> Iterator[T]:
    """Pass *items* of *kind* on, and tell how many they were: every `EVERY`, and at the end.
    Of none, nothing is told."""
    total = totals.get(kind, 0)
    done = 0
    for item in items:
        yield item
        done += 1
        if done % EVERY == 0:
            tell(Progress(stage=f"{stage} {kind}", done=done, total=max(total, done)))
    if done:
        tell(Progress(stage=f"{stage} {kind}", done=done, total=done))
