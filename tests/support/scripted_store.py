"""A run over everything that a TinyStore does to its files, step by step beside an oracle."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Final

import attrs
import pytest
from faulty_disk import FaultyDisk, PowerFailure
from oracle import State, held_by
from small_store import id_of

from admit.errors import FateUnknown, StoreError
from admit.storage import TinyStore
from admit.storage.batching import Durability
from admit.stores import Change, Label, NewEvent, Put, Record, Remove, StoredEvent

COMPACT_AT_BYTES: Final = 1_500
"""So few that some commits of the run compact by themselves."""


@attrs.frozen
class Step:
    """One thing to do with the store."""

    verb: str
    change: Callable[[State], Change] = lambda state: Change()
    settle: bool = True


def _puts(*numbers: int, event: int, pad: int = 40) -> Callable[[State], Change]:
    def change(state: State) -> Change:
        puts, version = [], 1
        for number in numbers:
            expects = state.version("user", id_of(number))
            version = (expects or 0) + 1
            body = {"version": version, "pad": "x" * pad}
            labels = (Label("all", f"{number:04}"), Label(f"odd/{version % 2}", ""))
            puts.append(Put("user", id_of(number), body, expects, (f"key:{number}",), labels))
        return Change(put=tuple(puts), events=(_event(event, numbers[0], version),))

    return change


def _event(number: int, user: int, version: int) -> NewEvent:
    return NewEvent(id_of(number), {"trigger": "t"}, id_of(user), version, {"of": number})


def _removes(number: int, event: int) -> Callable[[State], Change]:
    removed = (Remove("user", id_of(number)),)
    return lambda state: Change(remove=removed, events=(_event(event, number, 99),))


def _tidies(event: int) -> Callable[[State], Change]:
    """Seal all that is there, erase one detail and forget another event."""

    def change(state: State) -> Change:
        ids = [e.id for e in state.events]
        return Change(
            sequence={e.id: n for n, e in enumerate(state.events, 1) if e.sequence is None},
            erase=tuple(ids[1:2]),
            forget=tuple(ids[:1]),
            events=(_event(event, 1, 50),),
        )

    return change


SCRIPT: Final = (
    Step("open"),
    Step("commit", _puts(1, event=101)),
    Step("commit", _puts(2, 3, event=102), settle=False),
    Step("commit", _puts(1, event=103), settle=False),
    Step("settle"),
    Step("commit", _tidies(event=104)),
    Step("compact"),
    Step("commit", _puts(4, 1, event=105)),
    Step("commit elsewhere", _puts(5, 2, event=106)),
    Step("commit", _removes(3, event=107), settle=False),
    Step("die elsewhere", _puts(9, event=190)),
    Step("restore"),
    Step("commit", _puts(6, event=108, pad=900)),
    Step("commit", _puts(7, event=109, pad=900)),
    Step("reopen"),
    Step("commit", _tidies(event=110), settle=False),
    Step("commit elsewhere", _puts(8, event=111)),
    Step("compact elsewhere"),
    Step("commit", _puts(1, 8, event=112)),
    Step("reopen"),
    Step("commit", _puts(9, event=113)),
)

RESTORED: Final = (
    Record("user", id_of(70), 7, {"restored": True}, ("key:70",), (Label("all", "0070"),)),
    Record("session", id_of(71), 2, {}, (), ()),
)
RESTORED_EVENT: Final = StoredEvent(id_of(170), {"trigger": "t"}, id_of(70), 7, None, 170)


class ScriptedRun:
    """The script on one disk."""

    def __init__(self, path: Path, disk: FaultyDisk, durability: Durability = "full") -> None:
        self.path, self.disk, self.durability = path, disk, durability
        self.state = State()
        """What was written, as far as the store said."""
        self.durable = [self.state]
        """What may be found after a power failure: the state that was last known to be on the
        disk, then each that came since."""
        self.acknowledged = 0
        self._store: TinyStore | None = None
        self._other: TinyStore | None = None

    @property
    def store(self) -> TinyStore:
        assert self._store is not None
        return self._store

    @property
    def is_open(self) -> bool:
        return self._store is not None

    def do(self, step: Step) -> None:
        """Do a step. Raises what the store raises, and PowerFailure; either way the oracle knows
        what may have come of it. What a commit set going in the background is over then."""
        try:
            self._do(step)
        finally:
            for thread in threading.enumerate():
                if thread.name == "admit-compaction":
                    thread.join()
        self.disk.check_power()

    def _do(self, step: Step) -> None:
        verb, _, elsewhere = step.verb.partition(" ")
        if verb == "open":
            if self._store is None:
                self._store = self._opened()
            return
        if verb == "reopen":
            self.close()
            self._store = self._opened()
            return
        if verb == "die":
            self._die(step)
            return
        store = self._elsewhere() if elsewhere else self.store
        if verb == "compact":
            store.compact()
            self._settled()
        elif verb == "settle":
            store.settle()
            self._settled()
        else:
            self._write(store, step)

    def close(self) -> None:
        """Close what is open."""
        self._close()
        self._settled()

    def close_dead(self) -> None:
        """Let go of the files after a power failure."""
        with suppress(PowerFailure):
            self._close()

    def _close(self) -> None:
        stores = [store for store in (self._other, self._store) if store is not None]
        self._other = self._store = None
        with ExitStack() as ending:
            for store in stores:
                ending.callback(store.close)

    def check(self) -> None:
        """Compare what is open with the oracle, undisturbed."""
        with self.disk.calm():
            for store in (self._store, self._other):
                if store is not None:
                    assert self.state == held_by(store)

    def _write(self, store: TinyStore, step: Step) -> None:
        if step.verb == "restore":
            after = self.state.restored(RESTORED, (RESTORED_EVENT,))
            event = RESTORED_EVENT.id
        else:
            change = step.change(self.state)
            after, event = self.state.after(change), change.events[0].id
        self.durable.append(after)
        try:
            if step.verb == "restore":
                store.restore(RESTORED, (RESTORED_EVENT,))
            else:
                store.commit(change, settle=step.settle)
        except FateUnknown:
            with self.disk.calm():
                if store.get("event", event) is not None:
                    self.state = after
            raise
        except StoreError:
            self.durable.pop()
            raise
        self.state = after
        self.acknowledged += 1
        if step.settle and (self.durability == "full" or step.verb == "restore"):
            self._settled()

    def _die(self, step: Step) -> None:
        """Let a process that has the store open too die when it has written half a line."""
        with closing(FaultyDisk()) as disk:
            store = TinyStore(self.path, files=disk)
            disk.die_writing()
            with pytest.raises(PowerFailure):
                store.commit(step.change(self.state))
            with pytest.raises(PowerFailure):
                store.close()

    def _settled(self) -> None:
        self.durable = [self.state]

    def _opened(self) -> TinyStore:
        return TinyStore(
            self.path,
            files=self.disk,
            durability=self.durability,
            sync_within_seconds=3600,  # so that it syncs only when the script says so
            compact_at_bytes=COMPACT_AT_BYTES,
            index_at_bytes=0,
        )

    def _elsewhere(self) -> TinyStore:
        if self._other is None:
            self._other = self._opened()
        return self._other
