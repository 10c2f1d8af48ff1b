"""Writers that race for one store until they are killed; see `nursery`."""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any, Final

from nursery import serve
from small_store import id_of
from tiny_writer import account

from admit.storage import TinyStore
from admit.storage.files import Files
from admit.stores import Change, KeyTaken, Put, VersionMoved

COMPACT_AT_BYTES: Final = 6_000
COUNTER: Final = id_of(0xC0)
_TURN_ID: Final = 10**15

Say = Callable[[str], None]


class DeadlyFiles(Files):
    """Kills its own process, as `kill -9` does, at a chosen operation; halfway, if it writes."""

    def __init__(self, operations: int | None) -> None:
        self._left = operations

    def _die_if_due(self, before: Callable[[], Any] = lambda: None) -> None:
        if self._left is None:
            return
        self._left -= 1
        if self._left < 0:
            before()
            os.kill(os.getpid(), signal.SIGKILL)

    def write(self, file: FileIO, data: bytes, at: int) -> None:
        self._die_if_due(lambda: super(DeadlyFiles, self).write(file, data[: len(data) // 2], at))
        super().write(file, data, at)

    def __getattribute__(self, name: str) -> Any:
        if name in _MAY_KILL:
            object.__getattribute__(self, "_die_if_due")()
        return object.__getattribute__(self, name)


_MAY_KILL: Final = frozenset(
    name for name in vars(Files) if not name.startswith("_") and name != "write"
)


def write(say: Say, path: str, first: int, dies_at: int | None, fault: str = "") -> None:
    """Commit for ever: accounts of one's own, addresses and a counter that others want too. Say
    each commit once it is durable. *fault* is a lie that a test must notice."""
    store = TinyStore(path, compact_at_bytes=COMPACT_AT_BYTES, files=DeadlyFiles(dies_at))
    chance = random.Random(first)  # noqa: S311

    def accounts(thread: int) -> None:
        for number in itertools.count(first + thread, 2):
            for version in range(1, 4 if number % 5 == 0 else 3):
                change = account(number, version)
                if fault == "says too early":
                    say(f"account {number} {version}")
                if fault == "splits":
                    store.commit(Change(put=change.put[:1], remove=change.remove[:1]))
                    change = Change(change.put[1:], change.remove[1:], change.events)
                store.commit(change, settle=number % 3 != 0)
                if number % 3 == 0:
                    store.settle()
                if fault != "says too early":
                    say(f"account {number} {version}")

    def addresses() -> None:
        for turn in itertools.count(chance.randrange(3)):
            id = id_of(_TURN_ID + first + turn)
            put = Put("user", id, {"by": first}, None, (f"address:{turn}",))
            try:
                store.commit(Change(put=(put,)))
                say(f"won {turn} {first}")
            except KeyTaken:
                pass
            _increment(store, say)

    threads = [
        threading.Thread(target=accounts, args=(0,)),
        threading.Thread(target=accounts, args=(1,)),
        threading.Thread(target=addresses),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _increment(store: TinyStore, say: Say) -> None:
    while True:
        counter = store.get("user", COUNTER)
        n = 1 if counter is None else counter.body["n"] + 1
        expects = None if counter is None else counter.version
        try:
            store.commit(Change(put=(Put("user", COUNTER, {"n": n}, expects),)))
        except VersionMoved:
            continue
        say(f"counted {n}")
        return


MODULE: Final = Path(__file__)

if __name__ == "__main__":
    serve({"write": write})
