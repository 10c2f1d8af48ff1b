"""How much the engine adds to the bare work: register, rerun, confirm, log in, token check.

Both on a memory store, medians; no hashing (a provider that keeps no password), flows and providers
`inline`. They take turns of a few accounts each, in an order that changes, so that none of them
always comes after the one that waited for the disk, and all have the machine at its best and at its
worst. The goals: the first four at most 1.5 times the bare work, the check at most 0.75 times
(the bare work verifies with PyJWT).

    python benchmarks/engine_overhead.py [ROUNDS]
"""

from __future__ import annotations

import random
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from bare_work import BareWork

import admit
from admit.storage.tiny import TinyStore
from admit.stores import Change, NewEvent, Put
from admit.testing import CHEAP_HASHING, KEY, MemoryStore

RUNS = ("register", "rerun", "confirm", "log in", "check")
IN_A_TURN = 5
"""Accounts, one after the other, before the next one's turn."""
Timed = Callable[[str, str, Callable[[], Any]], Any]


class _Waiting:
    """A flow that does nothing but wait, and keeps the token for us."""

    name, inline = "waiting", True
    token: admit.Entry

    def begin(self, entry: admit.Entry, services: admit.Services) -> admit.Outcome:
        self.token = entry
        return admit.Outcome.pending()


class _Plain:
    """A provider without passwords: the work around the hash, not the hash."""

    name, inline = "plain", True

    def identify(self, credentials: Mapping[str, Any], services: admit.Services) -> admit.Claim:
        return admit.Claim(login_key=credentials["username"], proved=True)

    def check(self, credentials: Any, identity: Any, services: admit.Services) -> admit.Check:
        return admit.Check(accepted=identity is not None)

    def new_identity(
        self, request: admit.RegistrationRequest, services: admit.Services
    ) -> admit.NewIdentity:
        return admit.NewIdentity(
            login_key=request.login, address=request.login, data={"email": request.login}
        )

    def private_data(self, password: admit.Secret, services: admit.Services) -> Mapping[str, str]:
        return {}

    def verify_private(self, password: Any, identity: Any, services: admit.Services) -> bool:
        return identity is not None


class Plugin:
    """What an engine for benchmarks is opened with."""

    def __init__(self) -> None:
        self.flow = _Waiting()

    @admit.hookimpl
    def register_confirmation_flows(self) -> Iterable[_Waiting]:
        return [self.flow]

    @admit.hookimpl
    def register_providers(self) -> Iterable[_Plain]:
        return [_Plain()]


class _Listener:
    @admit.hookimpl
    def before_register(self, request: object) -> None: ...

    @admit.hookimpl
    def before_confirm(self, user: object, run: object) -> None: ...

    @admit.hookimpl
    def before_log_in(self, user: object) -> None: ...

    @admit.hookimpl
    def after_register(self, user: object) -> None: ...

    @admit.hookimpl
    def after_confirm(self, user: object) -> None: ...

    @admit.hookimpl
    def after_rerun(self, user: object) -> None: ...

    @admit.hookimpl
    def after_log_in(self, log_in: object) -> None: ...


def engine(store: Any, plugin: Plugin, listeners: int = 5) -> admit.Engine:
    """Open an engine as the yardstick is made: five listening plugins, cheapest hashing."""
    return admit.open(
        store,
        key=KEY,
        discover=False,
        worker=False,
        plugins=[plugin, *(_Listener() for _ in range(listeners))],
        settings={
            **CHEAP_HASHING,
            "confirmation_flow": "waiting",
            "password_provider": "plain",
        },
    )


def measure(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return microseconds by who and what; each leads *rounds* accounts through their lives."""
    times: dict[str, dict[str, list[float]]] = {}

    def timed(who: str, what: str, call: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = call()
        took = (time.perf_counter() - start) * 1e6
        times.setdefault(who, {}).setdefault(what, []).append(took)
        return result

    with tempfile.TemporaryDirectory() as folder:
        store = TinyStore(Path(folder) / "users.json")
        subjects: dict[str, tuple[admit.Engine, Plugin]] = {}
        for who, where, listeners in (
            ("admit on memory", MemoryStore(), 5),
            ("admit, 20 plugins", MemoryStore(), 20),
            ("admit, no plugins", MemoryStore(), 0),
            ("admit on TinyDB", store, 5),
        ):
            plugin = Plugin()
            subjects[who] = (engine(where, plugin, listeners), plugin)
        turns: list[Callable[[str], None]] = [partial(_bare_life, BareWork(), timed)]
        turns += [partial(_life, who, *subject, timed) for who, subject in subjects.items()]
        turns.append(partial(_bare_commit, store, timed))
        order = random.Random(0)  # noqa: S311 – an order, no secret
        for first in range(0, rounds, IN_A_TURN):
            order.shuffle(turns)
            for turn in turns:
                for number in range(first, first + IN_A_TURN):
                    turn(f"a{number}@example.com")
        for subject, _ in subjects.values():
            subject.close()
    return times


def _bare_life(bare: BareWork, timed: Timed, address: str) -> None:
    who = "bare work"
    user_id, token = timed(who, "register", lambda: bare.register(address))
    token = timed(who, "rerun", lambda: bare.rerun(user_id))
    timed(who, "confirm", lambda: bare.confirm(user_id, token))
    access = timed(who, "log in", lambda: bare.log_in(address))
    timed(who, "check", lambda: bare.check(access))


def _bare_commit(store: TinyStore, timed: Timed, address: str) -> None:
    """Commit what a confirmation commits – a user once more, and an event –, ready made."""
    record = store.page("user", "all", None, 1, reverse=True).items[0]
    put = Put("user", record.id, record.body, record.version, record.keys, record.labels)
    said = store.events(user=record.id, limit=1).items[0]
    body = {**said.body, "id": secrets.token_hex(12)}
    event = NewEvent(body["id"], body, record.id, put.version)
    timed("TinyDB", "commit", lambda: store.commit(Change(put=(put,), events=(event,))))


def _life(who: str, subject: admit.Engine, plugin: Plugin, timed: Timed, address: str) -> None:
    user = timed(who, "register", lambda: subject.register(address))
    timed(who, "rerun", lambda: subject.rerun(user))
    entry = plugin.flow.token
    link = {"token_id": entry.token_id, "token": entry.token.reveal()}
    timed(who, "confirm", lambda: subject.confirm(**link))
    log_in = timed(who, "log in", lambda: subject.log_in("plain", username=address))
    access = log_in.access_token.reveal()
    timed(who, "check", lambda: subject.verify(access))


def main(rounds: int = 400) -> None:
    """Measure and print."""
    times = measure(rounds)
    median = {
        who: {what: statistics.median(values) for what, values in runs.items()}
        for who, runs in times.items()
    }
    bare, commit = median["bare work"], median.pop("TinyDB")["commit"]
    print(f"median µs of {rounds} accounts (ratio to the bare work)")
    print(f"{'':22}" + "".join(f"{what:>18}" for what in RUNS))
    for who, runs in median.items():
        cells = (f"{runs[what]:7.0f} ({runs[what] / bare[what]:4.2f} ×)" for what in RUNS)
        print(f"{who:22}" + "".join(f"{cell:>18}" for cell in cells))
    tiny, memory = median["admit on TinyDB"], median["admit on memory"]
    print(f"\none bare commit on TinyDB, synced: {commit:.0f} µs")
    print(
        "confirm on TinyDB / (one bare commit + confirm on memory): "
        f"{tiny['confirm'] / (commit + memory['confirm']):.2f}   (goal 2: 1.15)"
    )
    more, none = median["admit, 20 plugins"], median["admit, no plugins"]
    print(
        f"confirm with 20 plugins / with none: {more['confirm'] / none['confirm']:.2f}"
        "   (goal 20: 1.3)"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
