"""Checking a store: what it keeps, and what the engine keeps in it. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby, islice
from typing import Final

import attrs

from .._codec import event_from
from .._copy_mark import MARK_KEY, mark_of
from .._keys import KEY_RECORD, KeyRing
from .._usecases.audit import TrailWalk
from .._usecases.chains import Problem, follow
from ..clock import Clock, SystemClock
from ..errors import InvalidInput
from ..settings import Settings, fields
from ..stores import Record, Ref, Store, StoredEvent
from ..upkeep import Fault, Upkeep, View
from .bodies import UNREADABLE, wanted
from .progress import OnProgress, Progress, no_progress, watched
from .remedies import OTHERWISE, REMEDIES

_PAGE: Final = 200


@attrs.frozen(kw_only=True)
class Finding:
    """Something in a store that is not as it should be. Shows no personal data."""

    code: str
    """Stable: one of `admit.care.REMEDIES`, or the store's own."""
    where: str
    """Which record, event, seal or file, by kind and id."""
    sentence: str
    remedy: str


def check(
    store: Store,
    keys: KeyRing | None,
    *,
    progress: OnProgress = no_progress,
    clock: Clock | None = None,
) -> Iterator[Finding]:
    """Walk over everything that is wrong in *store*; others may go on using it.

    Its keys and lists lead to its records; each record can be read, and is kept under the keys and
    in the lists that it names; each user's chain of events, and every seal, is whole; no login key
    has two owners, no session nobody. Takes the memory of a few records, whatever the store's size.

    Args:
        store: one that can be walked (`admit.upkeep.Upkeep`).
        keys: its engine keys, of `keys_of`. None: seals are compared with what they seal, and
            believed.
        progress: told how far it has come.

    Raises:
        InvalidInput: it cannot be walked.
        StoreError: it cannot be read at all.
    """
    if not isinstance(store, Upkeep):
        raise InvalidInput("store", "this kind of store cannot be walked, so it cannot be checked.")
    return _Check(store, keys, progress, (clock or SystemClock()).now()).findings()


class _Check:
    """One check, under way."""

    def __init__(
        self, store: Upkeep, keys: KeyRing | None, tell: OnProgress, now: datetime
    ) -> None:
        self._store, self._keys, self._tell = store, keys, tell
        _, retention, _ = fields(Settings)["audit_retention"]
        self._forgotten_until = now - retention.minimum
        self._unreadable: set[str] = set()
        """Kinds of which a record cannot be read."""

    def findings(self) -> Iterator[Finding]:
        """Walk over all that is wrong."""
        yield from self._whole()
        yield from self._faults()
        totals = self._store.stats().records
        with self._store.view() as view:
            for kind in view.kinds():
                records = watched(view.records(kind), self._tell, "checking", kind, totals)
                if kind == "user":
                    yield from self._users(records, view)
                elif kind == "session":
                    yield from self._sessions(records)
                else:
                    for record in records:
                        yield from self._record(record)
        yield from self._trail()

    def _whole(self) -> Iterator[Finding]:
        mark = mark_of(self._store.find(MARK_KEY))
        if mark is not None and mark.tallies is None:
            yield _finding("copy-unfinished", "store", "It is a copy that was not finished.")
        elif self._store.find(KEY_RECORD) is None:
            yield _finding(
                "no-engine-key", "store", "Nothing says which engine key it is made with."
            )

    def _faults(self) -> Iterator[Finding]:
        self._tell(Progress(stage="checking keys and lists", done=0, total=0))
        for fault in self._store.faults():
            yield _finding(fault.code, fault.where, fault.sentence)
            if fault.code == "key-lost":
                yield from self._two_owners(fault)

    def _two_owners(self, fault: Fault) -> Iterator[Finding]:
        kind, _, id = fault.where.partition(" ")
        record = self._store.get(kind, id)
        for key in () if record is None else record.keys:
            other = self._store.find(key)
            if other is not None and (other.kind, other.id) != (kind, id) and key in other.keys:
                yield _finding(
                    "two-owners", fault.where, f"{other.kind} {other.id} holds the same key."
                )

    def _record(self, record: Record) -> Iterator[Finding]:
        """Read a record, and compare where it is kept with what it says."""
        where = f"{record.kind} {record.id}"
        try:
            keys, labels = wanted(record)
        except UNREADABLE as problem:
            self._unreadable.add(record.kind)
            # What it says may be a person's: only what kind of slip it is may be told.
            yield _finding("unreadable", where, f"It cannot be read: {type(problem).__name__}.")
            return
        if keys is not None and set(keys) != set(record.keys):
            yield _finding("keys-differ", where, "It is kept under other keys than it names.")
        if labels is not None and set(labels) != set(record.labels):
            yield _finding("labels-differ", where, "It is listed elsewhere than it says.")

    def _users(self, records: Iterable[Record], view: View) -> Iterator[Finding]:
        """Check users, and beside each its events."""
        groups = groupby(view.events_by_user(), lambda event: event.user or "")
        owner, events = next(groups, _NO_MORE)
        for record in records:
            found = list(self._record(record))
            yield from found
            while owner is not None and owner < record.id:
                owner, events = next(groups, _NO_MORE)
            if any(finding.code == "unreadable" for finding in found):
                continue
            unreadable: list[str] = []
            own = _readable(events, unreadable) if owner == record.id else iter(())
            problem = follow(record, own, forgotten_until=self._forgotten_until)
            for event_id in unreadable:
                yield _finding("unreadable", f"event {event_id}", "It cannot be read.")
            if problem is not None:
                yield _of(problem)

    def _sessions(self, records: Iterable[Record]) -> Iterator[Finding]:
        """Check sessions, and see whether their users are there."""
        walk = iter(records)
        while some := list(islice(walk, _PAGE)):
            readable = []
            for record in some:
                found = list(self._record(record))
                yield from found
                if not any(finding.code == "unreadable" for finding in found):
                    readable.append(record)
            refs = [Ref("user", record.body["user"]) for record in readable]
            for record, user in zip(readable, self._store.get_many(refs), strict=True):
                if _is_gone(user) and self._store.get("session", record.id) is not None:
                    where = f"session {record.id}"
                    yield _finding("session-orphan", where, "Its user is not there any more.")

    def _trail(self) -> Iterator[Finding]:
        if self._unreadable & {"seal", "forgotten"}:
            sentence = "Seals were not compared with events, for some cannot be read."
            yield _finding("trail-not-checked", "store", sentence)
            return
        self._tell(Progress(stage="checking seals", done=0, total=0))
        walk = TrailWalk(self._store, self._keys)
        walk.seals()
        walk.unsealed_events()
        walk.look_for_users()
        yield from map(_of, walk.problems.listed)
        if walk.problems.unlisted:
            sentence = f"{walk.problems.unlisted} more problems of the trail are not listed."
            yield _finding("more", "store", sentence)


_NO_MORE: Final[tuple[str | None, Iterator[StoredEvent]]] = (None, iter(()))


def _readable(events: Iterable[StoredEvent], unreadable: list[str]) -> Iterator[StoredEvent]:
    """Pass on the events that can be read; note the others."""
    for event in events:
        try:
            event_from(event)
        except UNREADABLE:
            unreadable.append(event.id)
        else:
            yield event


def _is_gone(user: Record | None) -> bool:
    """Whether a user's sessions should be gone: the worker ends those of one deleted just now."""
    if user is None:
        return True
    return user.body.get("state") == "deleted" and "chore_at" not in user.body


def _of(problem: Problem) -> Finding:
    return _finding(problem.code, problem.where, problem.sentence)


def _finding(code: str, where: str, sentence: str) -> Finding:
    remedy = REMEDIES.get(code, OTHERWISE)
    return Finding(code=code, where=where, sentence=sentence, remedy=remedy)
