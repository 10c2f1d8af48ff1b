"""Processes in which a user leaves, and that die while they erase what is left; see `nursery`."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from nursery import serve
from sql_opener import open_url

import admit
from admit.clock import from_text
from admit.plugins import auto, password
from admit.storage import TinyStore
from admit.stores import Change, Store
from admit.testing import CHEAP_HASHING, KEY, SettableClock

PASSWORD: Final = "correct horse battery staple"
ADDRESS: Final = "vanishing@example.com"
STEPS: Final = ("orders", "ledger")

Say = Callable[[str], None]


class Shop:
    """A plugin whose steps write down, in a file, that they were called: what the other side of a
    step sees, whoever calls it. The process can die just before or after that."""

    def __init__(self, book: Path, dies: str = "") -> None:
        self._book = book
        self._dies = dies

    @admit.hookimpl
    def register_erase_steps(self) -> Mapping[str, Any]:
        return {name: lambda user, name=name: self._call(name, user) for name in STEPS}

    def _call(self, name: str, user: admit.User) -> None:
        assert user.address is not None
        if self._dies == f"before {name}":
            die()
        with self._book.open("a") as book:
            book.write(f"{name} {user.address.typed}\n")
        if self._dies == f"after {name}":
            die()


def die() -> None:
    """End as `kill -9` ends."""
    os.kill(os.getpid(), signal.SIGKILL)


def open_store(where: str) -> Store:
    """Open the store at a path or a SQL URL."""
    return open_url(where) if "://" in where else TinyStore(where)


def engine_on(store: Store, book: Path, now: datetime, dies: str = "") -> admit.Engine:
    """Open an engine with the plugin, whose clock stands at *now*."""
    return admit.open(
        store,
        key=KEY,
        clock=SettableClock(now),
        plugins=[Shop(book, dies), auto, password],
        discover=False,
        settings={**CHEAP_HASHING, "confirmation_flow": "auto"},
        worker=False,
    )


def die_at_commit(store: Store, number: int, when: str) -> None:
    """Have this process die before, or after, its commit of this number."""
    commit, numbers = store.commit, itertools.count()

    def commit_or_die(change: Change, *, settle: bool = True) -> None:
        is_the_one = next(numbers) == number
        if is_the_one and when == "before":
            die()
        commit(change, settle=settle)
        if is_the_one:
            die()

    store.commit = commit_or_die  # type: ignore[method-assign]  # what a crash does to any store


def leave(say: Say, where: str, book: str, now: str, at: int, when: str, dies: str) -> None:
    """Delete her and erase all that is left; die where it was said."""
    with closing(open_store(where)) as store:
        engine = engine_on(store, Path(book), from_text(now), dies)
        if at >= 0:
            die_at_commit(store, at, when)
        engine.delete(address=ADDRESS)
        while engine.work_once():
            pass
    say("done")


def work(say: Say, where: str, book: str, now: str) -> None:
    """Erase what is left of everybody, side by side with others."""
    with closing(open_store(where)) as store:
        engine = engine_on(store, Path(book), from_text(now) + timedelta(seconds=1))
        for _ in range(50):
            engine.work_once()
    say("done")


MODULE: Final = Path(__file__)

if __name__ == "__main__":
    serve({"leave": leave, "work": work})
