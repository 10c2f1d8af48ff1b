"""What a store promises to processes that share it."""

from __future__ import annotations

import itertools
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from typing import Any, Final

from ....stores import Change, KeyTaken, Store, VersionMoved
from .fixtures import Opener, StoreFixtures
from .pieces import event, id_of, numbers, user

_TURNS: Final = 25
_PROCESSES: Final = 3
_PATIENCE_SECONDS: Final = 60
_COUNTER: Final = 999


class Elsewhere:
    """Another process, which opened the store and does with it what it is told."""

    def __init__(self, process: Any, pipe: Connection) -> None:
        self._process, self._pipe = process, pipe

    def begin(self, act: Callable[..., object], *arguments: object) -> None:
        """Let it call *act*, a function of a module, with its store, its pipe and *arguments*."""
        self._pipe.send((act, arguments))

    def said(self) -> Any:
        """Return what it says next: what *act* sent, or what it came back with."""
        assert self._pipe.poll(_PATIENCE_SECONDS), "the other process says nothing"
        return self._pipe.recv()

    def killed(self) -> list[Any]:
        """Kill it; return what it had said until then."""
        self._process.kill()
        self._process.join()
        said = []
        try:
            while True:
                said.append(self._pipe.recv())
        except (EOFError, OSError):
            return said


@contextmanager
def process_on(opener: Opener) -> Iterator[Elsewhere]:
    """Give another process that has opened the store; it ends with this."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_obey, args=(opener, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        elsewhere = Elsewhere(process, ours)
        assert elsewhere.said() == "open"
        yield elsewhere
    finally:
        ours.close()  # which ends it, unless it hangs
        process.join(_PATIENCE_SECONDS)
        process.kill()
        process.join()
        process.close()


class ProcessPromises(StoreFixtures):
    """Processes that race, follow each other, and are killed."""

    def test_what_one_process_commits_another_sees_at_once(
        self, store: Store, elsewhere: Opener
    ) -> None:
        """Given a store open in two processes, when each commits in turn, then the other sees it
        at its next read, and is refused what is taken."""
        with process_on(elsewhere) as other:
            for n in range(1, 20, 2):
                store.commit(_whole(n))
                other.begin(_see_then_put, n)
                assert other.said() is True
                assert numbers(store.page("user", "l")) == list(range(1, n + 2))
                assert numbers(store.events(user=id_of(n + 1))) == [1000 + n + 1]

    def test_of_processes_that_race_for_a_key_one_wins(
        self, store: Store, elsewhere: Opener
    ) -> None:
        """Given three processes, when each takes the same 25 keys for records of its own, then
        each key has one holder, and everybody else was told that it is taken."""
        with ExitStack() as stack:
            others = [stack.enter_context(process_on(elsewhere)) for _ in range(_PROCESSES)]
            for name, other in enumerate(others):
                other.begin(_take_keys, name)
            won = [other.said() for other in others]

        assert list(range(_TURNS)) == sorted(itertools.chain(*won))
        for name, turns in enumerate(won):
            for turn in turns:
                holder = store.find(f"race:{turn}")
                assert holder is not None
                assert name == holder.body["by"]
        assert store.count("user", "raced") == _TURNS

    def test_no_increment_of_racing_processes_is_lost(
        self, store: Store, elsewhere: Opener
    ) -> None:
        """Given three processes, when each increments one record 25 times, retrying when its
        version moved, then the sum and the version are 75, and so many events tell of it in the
        order of the versions."""
        with ExitStack() as stack:
            others = [stack.enter_context(process_on(elsewhere)) for _ in range(_PROCESSES)]
            for name, other in enumerate(others):
                other.begin(_increment, name)
            assert [other.said() for other in others] == ["done"] * _PROCESSES

        counter = store.get("user", id_of(_COUNTER))
        assert counter is not None
        total = _TURNS * _PROCESSES
        assert (total, total) == (counter.body["n"], counter.version)
        told = store.events(user=counter.id, limit=total + 1).items
        assert list(range(1, total + 1)) == [happened.version for happened in told]

    def test_a_killed_process_loses_nothing_it_was_told_and_stops_nobody(
        self, store: Store, elsewhere: Opener
    ) -> None:
        """Given a process that commits without end, when it is killed, then all that it was told
        is kept is there, whole, at most one more is, and others go on committing."""
        for life in range(1, 4):
            with process_on(elsewhere) as other:
                first = 10_000 * life
                other.begin(_commit_for_ever, first)
                told = [other.said() for _ in range(10 * life)]
                told += other.killed()

            store.commit(_whole(life))
            told_last = first + len(told) - 1
            assert list(range(first, told_last + 1)) == told
            seen = [n for n in range(first, told_last + 3) if _is_whole(store, n)]
            assert told == seen[: len(told)]
            assert len(seen) <= len(told) + 1
            assert _is_whole(store, life)


def _whole(number: int) -> Change:
    return Change(
        put=(
            user(number, keys=[f"k:{number}"], labels=[("l", f"{number:08}")]),
            user(number + 1_000_000, {"with": number}),
        ),
        events=(event(1000 + number, user=number, version=1, detail={"n": number}),),
    )


def _is_whole(store: Store, number: int) -> bool:
    """Return whether `_whole(number)` is there. Raises AssertionError: it is, by half."""
    holder = store.find(f"k:{number}")
    parts = [
        store.get("user", id_of(number)),
        store.get("user", id_of(number + 1_000_000)),
        store.get("event", id_of(1000 + number)),
        next(iter(store.events(user=id_of(number)).items), None),
        holder,
    ]
    assert len({part is None for part in parts}) == 1, f"{number} is there by half: {parts}"
    return holder is not None


def _obey(opener: Opener, pipe: Connection) -> None:
    store = opener()
    pipe.send("open")
    try:
        while True:
            act, arguments = pipe.recv()
            pipe.send(act(store, pipe, *arguments))
    except (EOFError, BrokenPipeError):  # nobody asks any more
        store.close()


def _see_then_put(store: Store, pipe: Connection, number: int) -> bool:
    if not _is_whole(store, number):
        return False
    for refused in (Change(put=(user(777, keys=[f"k:{number}"]),)), _whole(number)):
        try:
            store.commit(refused)
        except (KeyTaken, VersionMoved):
            continue
        return False
    store.commit(_whole(number + 1))
    return True


def _take_keys(store: Store, pipe: Connection, name: int) -> list[int]:
    won = []
    for turn in range(_TURNS):
        put = user(
            1000 * (name + 1) + turn,
            {"by": name},
            keys=[f"race:{turn}"],
            labels=[("raced", f"{turn:04}")],
        )
        try:
            store.commit(Change(put=(put,)))
            won.append(turn)
        except KeyTaken:
            continue
    return won


def _increment(store: Store, pipe: Connection, name: int) -> str:
    for turn in range(_TURNS):
        while True:
            counter = store.get("user", id_of(_COUNTER))
            expects = None if counter is None else counter.version
            n = 1 if counter is None else counter.body["n"] + 1
            happened = event(5000 + 100 * name + turn, user=_COUNTER, version=(expects or 0) + 1)
            put = user(_COUNTER, {"n": n}, expects=expects)
            try:
                store.commit(Change(put=(put,), events=(happened,)))
                break
            except VersionMoved:
                continue
    return "done"


def _commit_for_ever(store: Store, pipe: Connection, first: int) -> None:
    for number in itertools.count(first):
        store.commit(_whole(number))
        pipe.send(number)
