"""A use case that was validated and hashed, and waits to be decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

Finish = Callable[[], T]
"""The steps after the commit: the flow, its answer, *after* hooks. Gives the use case's answer."""


class Prepared(NamedTuple, Generic[T]):
    """`prepare` is done. `decide(settle)` reads and commits once, and returns what is left to do.

    Split so that a server can prepare on any thread, decide many use cases on one and settle them
    with a single sync, and finish elsewhere (design.md §9).
    """

    decide: Callable[[bool], Finish[T]]

    def run(self) -> T:
        """Do it all, here and now."""
        return self.decide(True)()


class Waiting(Generic[T]):
    """A finish that waits for a flow which does I/O: a batch lets many of them wait together."""

    def __init__(self, finish: Finish[T]) -> None:
        self._finish = finish

    def __call__(self) -> T:
        """Finish."""
        return self._finish()


def done(value: T) -> Finish[T]:
    """Return a finish that has nothing left to do."""
    return lambda: value
