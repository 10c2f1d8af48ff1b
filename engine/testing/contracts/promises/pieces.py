"""Users, events and walks that the store suites are made of."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import attrs

from ....stores import Change, Label, NewEvent, Page, Put, Record, Remove, Store, StoredEvent
from ....upkeep import Upkeep, View

HOSTILE_TEXTS: Final = {
    "nul": "a\0b",
    "controls": "\x01\t\r\n\x7f",
    "bidi": "\u202eadmin\u202c\u2066",
    "astral": "𝔘𝔫𝔦 \U0001f469\u200d\U0001f680 \U0010fffd",
    "combining": "e\u0301 é ﬁ İ",
    "separators": "\u2028\u2029\u0085\ufeff",
    "quotes": "'\"\\`;--%_$1{}[]",
    "empty": "",
}
"""Texts that a store must keep as they are, wherever a text may stand."""

LARGE_BYTES: Final = 256 * 1024
"""The largest body there is: custom data (design.md §9)."""

THREADS: Final = 8
"""How many race."""


def id_of(number: int) -> str:
    """Return an id: *number* as 24 hex digits."""
    return f"{number:024x}"


def user(
    number: int,
    body: Mapping[str, Any] | None = None,
    *,
    expects: int | None = None,
    keys: Sequence[str] = (),
    labels: Sequence[tuple[str, str]] = (),
) -> Put:
    """Return the write of a user."""
    return Put(
        "user",
        id_of(number),
        {"n": number} if body is None else body,
        expects,
        tuple(keys),
        tuple([Label(name, order) for name, order in labels]),
    )


def event(
    number: int, *, user: int | None = None, version: int | None = None, detail: Any = None
) -> NewEvent:
    """Return an event of a user, or of nobody."""
    body: dict[str, Any] = {"id": id_of(number), "trigger": "test"}
    return NewEvent(id_of(number), body, None if user is None else id_of(user), version, detail)


def numbers(page: Page[Record] | Page[StoredEvent]) -> list[int]:
    """Return the numbers of which the ids on a page were made."""
    return [int(item.id, 16) for item in page.items]


def put_ten(store: Store) -> None:
    """Put ten users under one label, four of them at one order."""
    orders = ["a", "b", "c", "d", "d", "d", "d", "e", "f", "g"]
    store.commit(Change(put=tuple([user(n, labels=[("l", o)]) for n, o in enumerate(orders, 1)])))


def walk(store: Store, *, limit: int, reverse: bool = False) -> list[list[int]]:
    """Walk over the label `l`, page by page."""
    pages: list[list[int]] = []
    after = None
    while True:
        page = store.page("user", "l", after=after, limit=limit, reverse=reverse)
        pages.append(numbers(page))
        after = page.next
        if after is None:
            return pages


def put_events(store: Store, which: Sequence[int], user: int | None = None) -> None:
    """Commit these events, one after the other."""
    for number in which:
        version = None if user is None else 1
        store.commit(Change(events=(event(number, user=user, version=version),)))


def fill(store: Store) -> None:
    """Do everything to a store that a change can do."""
    for n in range(1, 8):
        happened = event(100 + n, user=n % 3, version=n, detail={"d": n})
        put = user(n, keys=[f"k:{n}"], labels=[("l", str(n % 3)), ("m", HOSTILE_TEXTS["astral"])])
        store.commit(Change(put=(put,), events=(happened,)), settle=n % 2 == 0)
    store.commit(Change(put=(user(1, {"é": "\0"}, expects=1, keys=["moved"]),)))
    store.commit(Change(remove=(Remove("user", id_of(7)),)))
    store.commit(Change(sequence={id_of(101): 2, id_of(102): 1}, erase=(id_of(101), id_of(103))))
    store.commit(Change(forget=(id_of(104),)))


def everything(store: Store) -> list[object]:
    """Return all that `fill` may have left, as the reads of a store answer it."""
    return [
        [store.get("user", id_of(n)) for n in range(9)],
        [store.find(f"k:{n}") for n in range(9)],
        store.find("moved"),
        [store.page("user", label) for label in ("l", "m")],
        [store.events(user=id_of(n)) for n in range(3)],
        store.events(sequence_after=0),
        store.events(unsealed=True),
    ]


@attrs.frozen
class Content:
    """All that a store holds."""

    records: list[Record]
    events: list[StoredEvent]


def all_of(store: Upkeep) -> Content:
    """Return all that a store holds."""
    with store.view() as view:
        return content_of(view)


def content_of(view: View) -> Content:
    """Return all that a view shows."""
    records = [record for kind in view.kinds() for record in view.records(kind)]
    places = [(record.kind, record.id) for record in records]
    assert all(one < two for one, two in pairwise(places)), "not by kind and id"
    return Content(records, list(view.events()))


def holder(number: int, *keys: str) -> Record:
    """Return a record of a user with these keys."""
    return Record("user", id_of(number), 2, {}, keys)


def holders(store: Upkeep, *keys: str) -> list[int | None]:
    """Return the number of the record that holds each key."""
    found = map(store.find, keys)
    return [None if holder is None else int(holder.id, 16) for holder in found]


def race(act: Callable[[int, int], None], *, turns: int) -> list[list[type[Exception] | None]]:
    """Let threads act at once, turn by turn; return what each raised in each turn."""
    outcomes: list[list[type[Exception] | None]] = [[None] * THREADS for _ in range(turns)]
    together = threading.Barrier(THREADS)

    def run(thread: int) -> None:
        for turn in range(turns):
            together.wait(timeout=60)
            try:
                act(thread, turn)
            except Exception as error:
                outcomes[turn][thread] = type(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
