"""Verifying the audit trail: every seal, every sealed event, every user's chain.

All of it is walked in pages, so that memory does not grow with the store.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from .._core import Core
from .._events import digest
from .._keys import KeyRing
from ..lifecycle import NEW
from ..stores import Cursor, Record, Ref, Store, StoredEvent
from .chains import Problem, walk_chains
from .seal import FORGOTTEN, HEAD_KEY, forgotten_mac, seal_mac

MOST_PROBLEMS: Final = 1000
"""Problems that are listed one by one; a store that was rewritten has as many as events."""
_PAGE: Final = 100
_MOST_MISSING: Final = 50_000
"""Missing events whose ids are gathered before they are looked for among the forgotten ones."""


@attrs.frozen(kw_only=True)
class Audit:
    """What verifying the audit trail found."""

    sealed: int
    unsealed: int
    erased: int
    """Details that were erased, as they may be."""
    forgotten: int
    """Sealed events whose retention was over."""
    users: int
    """Users, deleted ones too, whose chain of events was walked."""
    problems: tuple[str, ...]


def verify(core: Core) -> Audit:
    """Check the whole trail; see `Events.verify`."""
    walk = TrailWalk(core.store, core.keys)
    walk.seals()
    walk.unsealed_events()
    walk.look_for_users()
    users = 0
    for problem in walk_chains(
        core.store, forgotten_until=core.now() - core.settings.audit_retention
    ):
        users += 1
        if problem is not None:
            walk.problems.add(problem)
    unlisted = walk.problems.unlisted
    more = [f"… and {unlisted} more problems."] if unlisted else []
    return Audit(
        sealed=walk.sealed,
        unsealed=walk.unsealed,
        erased=walk.erased,
        forgotten=walk.forgotten,
        users=users,
        problems=(*[problem.sentence for problem in walk.problems.listed], *more),
    )


class Problems:
    """What was found, up to a number."""

    def __init__(self) -> None:
        self._listed: list[Problem] = []
        self.unlisted = 0

    @property
    def listed(self) -> Sequence[Problem]:
        """The first `MOST_PROBLEMS` of them."""
        return self._listed

    def add(self, problem: Problem) -> None:
        """List it, or only count it."""
        if len(self._listed) < MOST_PROBLEMS:
            self._listed.append(problem)
        else:
            self.unlisted += 1


class TrailWalk:
    """One walk through the trail: what was counted, and what was found."""

    def __init__(self, store: Store, keys: KeyRing | None) -> None:
        """Without *keys*, seals are compared with what they seal, and believed."""
        self._store = store
        self._keys = keys
        self._seal_keys = _by_id(keys, "seal")
        self.problems = Problems()
        self.sealed = self.unsealed = self.erased = self.forgotten = 0
        self._missing: dict[str, int] = {}
        """Events that a seal names and the store lacks, with their sequence."""
        self._born: list[Ref] = []
        """Users that an event says began, and that must be there: a user goes with its events."""

    def _complain(self, code: str, where: str, sentence: str) -> None:
        self.problems.add(Problem(code=code, where=where, sentence=sentence))

    # --- what is sealed ------------------------------------------------------------------------

    def seals(self) -> None:
        """Check each seal, and beside it the events that it covers."""
        mac, last, at = "", 0, 0
        after: Cursor | None = None
        while True:
            page = self._store.page("seal", "seal", after, _PAGE)
            for record in page.items:
                after = Cursor(f"{record.body['first']:016d}", record.id)
                self._seal(record, mac, last + 1)
                mac = record.body["mac"]
                last = record.body["first"] + len(record.body["events"]) - 1
                at = self._covered(record, at, last)
            if page.next is not None:
                continue
            head = self._store.find(HEAD_KEY)
            if head is None or head.body["last"] <= last:
                break
            if not self._store.page("seal", "seal", after, 1).items:
                break  # no seal was made while we were walking: the newest ones are gone
        if head is not None and (head.body["last"], head.body["mac"]) != (last, mac):
            where = f"seal of {last + 1}"
            self._complain("seal-missing", where, "The newest seals are missing.")
        self._beyond(at, head)
        self._look_for_missing()

    def _seal(self, record: Record, before: str, next_first: int) -> None:
        body = record.body
        where, name = f"seal of {body['first']}", f"The seal from {body['first']} on"
        if body["first"] != next_first:
            sentence = f"{name} does not follow the one before: seals are missing."
            self._complain("seal-missing", where, sentence)
            return
        if self._keys is None:
            return
        key = self._seal_keys.get(body["key"])
        if key is None:
            sentence = f"{name} was made with the key {body['key']}, which is not given."
            self._complain("seal-key-missing", where, sentence)
        elif not hmac.compare_digest(
            seal_mac(key, before, body["first"], body["events"]), body["mac"]
        ):
            self._complain("seal-wrong", where, f"{name} does not fit what it seals.")

    def _covered(self, record: Record, at: int, last: int) -> int:
        """Check the events up to the sequence *last*. Returns where the next seal goes on."""
        first = record.body["first"]
        expected = {
            event_id: (first + place, event_digest)
            for place, (event_id, event_digest) in enumerate(record.body["events"])
        }
        for event in self._sealed_events(at, last):
            self._event(event, expected.pop(event.id, None))
        self._missing |= {event_id: sequence for event_id, (sequence, _) in expected.items()}
        if len(self._missing) >= _MOST_MISSING:
            self._look_for_missing()
        return max(at, last)

    def _sealed_events(self, at: int, last: int | None) -> Iterator[StoredEvent]:
        """Yield the events whose sequence is greater than *at*, up to *last* (None: all)."""
        while True:
            limit = 200 if last is None else max(1, min(200, last - at))
            page = self._store.events(sequence_after=at, limit=limit)
            for event in page.items:
                at = event.sequence or at + 1
                if last is not None and at > last:
                    return
                yield event
            if not page.items or page.next is None:
                return

    def _event(self, event: StoredEvent, expected: tuple[int, str] | None) -> None:
        self.sealed += 1
        if expected is None:
            sentence = f"Event {event.id} has a sequence, but no seal covers it."
            self._complain("event-slipped-in", f"event {event.id}", sentence)
        elif expected != (event.sequence, digest(event.body)):
            sentence = f"Event {event.id} was changed after it was sealed."
            self._complain("event-changed", f"event {event.id}", sentence)
        else:
            self._detail(event)
        self._beginning(event)
        self.erased += "detail_digest" in event.body and event.detail is None

    def _beyond(self, at: int, head: Record | None) -> None:
        """What has a number behind the last seal was not sealed – unless it was meanwhile."""
        end = 0 if head is None else head.body["last"]
        for event in self._sealed_events(max(at, end), None):
            now = self._store.find(HEAD_KEY)
            if now is None or now.body["last"] < (event.sequence or 0):
                self._event(event, None)

    def _look_for_missing(self) -> None:
        """A sealed event may be gone only because the engine forgot it, and said so with its
        key."""
        missing, self._missing = self._missing, {}
        if not missing:
            return
        before = len(missing)
        for events in _forgotten(self._store, self._keys):
            for event_id in events:
                missing.pop(event_id, None)
        self.forgotten += before - len(missing)
        for event_id, sequence in sorted(missing.items(), key=lambda item: item[1]):
            sentence = f"Event {event_id}, number {sequence}, was removed."
            self._complain("event-removed", f"event {event_id}", sentence)

    # --- what is not ------------------------------------------------------------------------

    def unsealed_events(self) -> None:
        """Count what is not sealed yet, and check its details."""
        after: Cursor | None = None
        while True:
            page = self._store.events(unsealed=True, after=after, limit=200)
            for event in page.items:
                self.unsealed += 1
                self._detail(event)
                self._beginning(event)
            after = page.next
            if after is None:
                return

    def _detail(self, event: StoredEvent) -> None:
        if event.detail is not None and digest(event.detail) != event.body.get("detail_digest"):
            sentence = f"The detail of event {event.id} was changed."
            self._complain("detail-changed", f"event {event.id}", sentence)

    def _beginning(self, event: StoredEvent) -> None:
        if event.body.get("from") == NEW and event.user is not None:
            self._born.append(Ref("user", event.user))
            if len(self._born) >= _PAGE:
                self.look_for_users()

    def look_for_users(self) -> None:
        """See whether those who began are there."""
        born, self._born = self._born, []
        for ref, record in zip(born, self._store.get_many(born), strict=True):
            if record is None and self._store.events(user=ref.id, limit=1).items:
                sentence = f"User {ref.id} was removed, while its events were not."
                self._complain("user-removed", f"user {ref.id}", sentence)


def _by_id(keys: KeyRing | None, purpose: str) -> dict[str, bytes]:
    return {} if keys is None else dict(zip(keys.ids, keys.sub_keys(purpose), strict=True))


def _forgotten(store: Store, keys: KeyRing | None) -> Iterator[list[str]]:
    """Yield the ids that each record names which says, under a key, what was forgotten."""
    by_id = _by_id(keys, FORGOTTEN)
    after: Cursor | None = None
    while True:
        page = store.page(FORGOTTEN, FORGOTTEN, after, _PAGE)
        for record in page.items:
            key = by_id.get(record.body["key"])
            events = record.body["events"]
            said = key and hmac.compare_digest(forgotten_mac(key, events), record.body["mac"])
            if said or keys is None:
                yield events
        after = page.next
        if after is None:
            return
