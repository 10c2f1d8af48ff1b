"""An application that registers and confirms users, and says each step it was told is done.

    application.py NAME STORE THREADS

It goes on until its standard input ends. Each thread has addresses of its own, and now and then
all threads of all processes go for one and the same. It does what an application should when the
store is away or cannot say what became of a commit: it looks, and only then tries again.

One line a step, written at once: nanoseconds of the machine's monotonic clock, what happened, the
address, and the user's id or the error's code.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, Literal, cast

import admit
from admit.errors import (
    AddressTaken,
    FateUnknown,
    FlowFailed,
    StoreError,
    TryLater,
    UserNotFound,
)
from admit.records import User
from admit.stores import Change, Record, Store
from admit.testing import CHEAP_HASHING, KEY

PASSWORD = "correct horse battery staple"
SHARED_EVERY = 5
"""Every fifth turn of a thread goes for the address that all others go for at this moment."""
SHARED_SECONDS = 0.5
PAUSE_SECONDS = 0.02
Verb = Literal["register", "confirm"]


def say(what: str, address: str, detail: str = "-") -> None:
    """Say one step, in one write, so that a kill does not tear it."""
    os.write(1, f"{time.monotonic_ns()} {what} {address} {detail}\n".encode())


class Watched:
    """A store that says what became of each commit; else just as it is."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, change: Change, *, settle: bool = True) -> None:
        """Commit, and say if its fate is unknown."""
        try:
            self._store.commit(change, settle=settle)
        except FateUnknown:
            say("commit-unknown", "-", change.events[0].id if change.events else "-")
            raise
        say("commit" if settle else "commit-unsettled", "-")

    def get(self, kind: str, id: str) -> Record | None:
        """Get, and say if that looked up the fate of a commit."""
        record = self._store.get(kind, id)
        if kind == "event":
            say("commit-absent" if record is None else "commit-found", "-", id)
        return record


class Application:
    """One engine and its threads."""

    def __init__(self, name: str, store: str) -> None:
        self._name = name
        self._tokens: dict[str, tuple[str, str]] = {}
        self._stop = threading.Event()
        scheme, _, rest = store.partition("://")
        (entry,) = (e for e in entry_points(group="admit.stores") if e.name == scheme)
        opened: Store = Watched(entry.load()(rest, read_only=False))
        self._engine = admit.open(
            opened,
            key=KEY,
            functions={"keep": self._keep},
            settings={
                **CHEAP_HASHING,
                "confirmation_flow": "function",
                "function.confirmation": "keep",
            },
            worker=True,  # events are sealed while all this goes on
        )

    def run(self, threads: int) -> None:
        """Register and confirm with so many threads until the standard input ends."""
        threading.excepthook = _end
        workers = [threading.Thread(target=self._work, args=(n,)) for n in range(threads)]
        for worker in workers:
            worker.start()
        sys.stdin.read()
        self._stop.set()
        for worker in workers:
            worker.join()
        try:
            self._engine.close()
        except FateUnknown:  # of what was not settled: here, records of what was refused
            say("unknown-close", "-")
        say("ended", "-")

    def _keep(self, call: dict[str, str]) -> dict[str, str]:
        """The confirmation flow: here somebody would be sent a message."""
        self._tokens[call["user_id"]] = (call["token_id"], call["token"])
        return {"status": "pending"}

    def _work(self, thread: int) -> None:
        for turn in itertools.count():
            if self._stop.is_set():
                return
            if turn % SHARED_EVERY == 0:
                address = f"shared-{int(time.monotonic() / SHARED_SECONDS)}@example.com"
            else:
                address = f"{self._name}-{thread}-{turn}@example.com"
            user = self._register(address)
            if user is not None:
                self._confirm(address, user)
            self._stop.wait(PAUSE_SECONDS)

    def _register(self, address: str) -> User | None:
        """Return the user once it is registered; None if another has the address."""
        while True:
            say("try-register", address)
            try:
                user = self._engine.register(address, PASSWORD, data={"by": self._name})
            except AddressTaken:
                say("taken", address)
                return None
            except (StoreError, TryLater, FlowFailed) as problem:
                found = self._look_up("register", address, problem)
                if found is None:
                    continue
                return found if self._is_ours(found, address) else None
            say("registered", address, user.id)
            return user

    def _confirm(self, address: str, user: User) -> None:
        """Return when the user is confirmed."""
        while True:
            try:
                if (
                    user.id not in self._tokens
                ):  # its flow was never entered: that is what this is for
                    self._engine.rerun(user.id)
                token_id, token = self._tokens[user.id]
                say("try-confirm", address, user.id)
                confirmed = self._engine.confirm(token_id=token_id, token=token)
            except (StoreError, TryLater, FlowFailed) as problem:
                found = self._look_up("confirm", address, problem)
                if found is not None and found.state == "confirmed":
                    return
                continue
            say("confirmed", address, confirmed.id)
            return

    def _look_up(self, verb: Verb, address: str, problem: Exception) -> User | None:
        """Return the user with this address, or None, as soon as the store answers."""
        kind = "unknown" if isinstance(problem, FateUnknown) else "failed"
        say(f"{kind}-{verb}", address, cast(admit.AdmitError, problem).code)

        def look() -> User | None:
            try:
                return self._engine.users.find(address)
            except UserNotFound:
                return None

        found = self._until_answered(look)
        if found is None:
            say(f"absent-{verb}", address)
        else:
            say(f"found-{verb}", address, f"{found.id}/{found.state}")
        return found

    def _until_answered(self, ask: Callable[[], User | None]) -> User | None:
        while True:
            try:
                return ask()
            except (StoreError, TryLater, FlowFailed) as problem:
                say("failed-look-up", "-", problem.code)
                self._stop.wait(PAUSE_SECONDS)

    def _is_ours(self, user: User, address: str) -> bool:
        return not address.startswith("shared-") or user.id in self._tokens


def _end(problem: threading.ExceptHookArgs) -> None:
    """End the process by what nobody foresaw: a thread that is missing would not be noticed."""
    traceback.print_exception(problem.exc_value)
    os._exit(1)


if __name__ == "__main__":
    Application(sys.argv[1], sys.argv[2]).run(int(sys.argv[3]))
