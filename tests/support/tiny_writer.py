"""A process that uses a store; the tests start it, let it race, or let it die.

tiny_writer.py race PATH NAME       wait for a line, then race for keys and for one user
tiny_writer.py compact PATH STEP    commit at each step of a compaction, and die at this one
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from io import FileIO
from pathlib import Path

from small_store import UnsyncedFiles, id_of, put

from admit.errors import AdmitError
from admit.storage import TinyStore
from admit.stores import Change, KeyTaken, Label, NewEvent, Put, Remove, VersionMoved

TURNS = 40
INCREMENTS = 60
COUNTER = id_of(0xC0)
COMPACT_AT_BYTES = 20_000


def say(text: str) -> None:
    """Tell the test, in one write: a kill does not tear it."""
    os.write(1, f"{text}\n".encode())


def account(number: int, version: int) -> Change:
    """Return a change of three records and an event that belong together: the test sees if one is
    missing. The third version removes what the first two put."""
    event = NewEvent(id_of(number * 10 + version), {}, id_of(number), version, {"pad": "x" * 50})
    if version == 3:
        gone = (Remove("user", id_of(number), 2), Remove("custom-data", id_of(number), 2))
        return Change(remove=gone, events=(event,))
    body = {"version": version, "pad": "x" * (number * 37 % 300)}
    label = (Label(f"version/{version}", f"{number:020}"),)
    expects = version - 1 or None
    key = (f"key:{number}",)
    return Change(
        put=(
            Put("user", id_of(number), body, expects, key, label),
            Put("custom-data", id_of(number), body, expects),
        ),
        events=(event,),
    )


def race(path: str, name: int) -> None:
    """Take keys that the other wants too; say which; then increment a counter."""
    with_compactions = TinyStore(path, compact_at_bytes=COMPACT_AT_BYTES, index_at_bytes=0)
    say("ready")
    sys.stdin.readline()
    for turn in range(TURNS):
        put = Put("user", id_of(1000 * (name + 1) + turn), {"by": name}, None, (f"key:{turn}",))
        try:
            with_compactions.commit(Change(put=(put,)))
            say(f"won {turn}")
        except KeyTaken:
            say(f"taken {turn}")
    for _ in range(INCREMENTS):
        while True:
            counter = with_compactions.get("user", COUNTER)
            body = {"n": 1} if counter is None else {"n": counter.body["n"] + 1}
            expects = None if counter is None else counter.version
            try:
                with_compactions.commit(Change(put=(Put("user", COUNTER, body, expects),)))
                break
            except VersionMoved:
                continue
    with_compactions.close()
    say("done")


class DyingFiles(UnsyncedFiles):
    """Lets a second opening commit before each write, sync and replacement; then the process dies
    before, after, or in the middle of it."""

    def __init__(self, path: Path, dies_at: int) -> None:
        self._other = TinyStore(path, files=UnsyncedFiles())
        self._steps = itertools.count()
        self._numbers = itertools.count(1000)
        self._dies_at = dies_at
        self.locked = False

    def _step(self) -> None:
        if next(self._steps) == self._dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if not self.locked:
            number = next(self._numbers)
            self._other.commit(Change(put=(put(number),)))
            say(str(number))

    def write(self, file: FileIO, data: bytes, at: int) -> None:
        self.locked = data[27:31] == b"next"  # the line that ends a log
        self._step()
        super().write(file, data[: len(data) // 2], at)
        self.locked = True
        self._step()
        super().write(file, data[len(data) // 2 :], at + len(data) // 2)

    def sync(self, file: FileIO) -> None:
        self.locked = True
        self._step()

    def replace(self, source: Path, target: Path) -> None:
        self.locked = True
        self._step()
        super().replace(source, target)
        self._step()

    def remove(self, path: Path) -> None:
        self.locked = False
        self._step()
        super().remove(path)
        self._step()


def die_in_a_compaction(path: Path, step: int) -> None:
    """Compact, and die at this step of it, if there is one."""
    with_accounts = TinyStore(path, files=UnsyncedFiles())
    for number in range(20):
        with_accounts.commit(Change(put=(put(number, pad="x" * 200),)))
        say(str(number))
    with_accounts.close()
    TinyStore(path, files=DyingFiles(path, step)).compact()


if __name__ == "__main__":
    try:
        if sys.argv[1] == "compact":
            die_in_a_compaction(Path(sys.argv[2]), int(sys.argv[3]))
        else:
            race(sys.argv[2], int(sys.argv[3]))
    except AdmitError as error:
        say(f"failed {error}")
        raise
