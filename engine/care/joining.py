"""Walking two stores side by side, so that each item meets the one that stands for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from ..stores import Record, StoredEvent

_MOST_WAITING: Final = 10_000
"""Events held until their counterparts come; beyond it they are written without a look at them."""


def joined(
    here: Iterable[Record], there: Iterable[Record]
) -> Iterator[tuple[Record | None, Record | None]]:
    """Pair the records of two walks by id; None stands for one that the other side lacks."""
    others = iter(there)
    other = next(others, None)
    for one in here:
        while other is not None and other.id < one.id:
            yield None, other
            other = next(others, None)
        if other is not None and other.id == one.id:
            yield one, other
            other = next(others, None)
        else:
            yield one, None
    while other is not None:
        yield None, other
        other = next(others, None)


def joined_events(
    here: Iterable[StoredEvent], there: Iterable[StoredEvent], is_gone: Callable[[str], bool]
) -> Iterator[tuple[StoredEvent | None, StoredEvent | None]]:
    """Pair the events of a store and of its copy by id; None stands for one that is lacking.

    Both walks go by the order of commits, in which a copy holds what it has; so they stay side by
    side, but for a few that the store showed late: commits that were under way together need not
    become visible in their order. *is_gone* tells whether the store has forgotten an event.
    """
    others = iter(there)
    other = next(others, None)
    waiting: dict[str, StoredEvent | None] = {}
    """Events of here whose counterpart may come later; None: given already, without one."""
    for one in here:
        while other is not None and other.id != one.id:
            if other.id in waiting:
                waited = waiting.pop(other.id)
                if waited is not None:
                    yield waited, other
            elif is_gone(other.id):
                yield None, other
            else:
                break
            other = next(others, None)
        if other is None:
            yield one, None
        elif other.id == one.id:
            yield one, other
            other = next(others, None)
        elif len(waiting) < _MOST_WAITING:
            waiting[one.id] = one
        else:
            waiting[one.id] = None
            yield one, None
    while other is not None:
        if other.id not in waiting:
            yield None, other
        else:
            waited = waiting.pop(other.id)
            if waited is not None:
                yield waited, other
        other = next(others, None)
    for left in waiting.values():
        if left is not None:
            yield left, None
