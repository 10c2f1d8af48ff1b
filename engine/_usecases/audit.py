"""Verifying the audit trail: every seal, every sealed event, every user's chain.

All of it is walked in pages, so that memory does not grow with the store.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Final

import attrs

from .._core import Core
from .._events import digest
from ..lifecycle import NEW
from ..stores import Cursor, Record, Ref, StoredEvent
from .chains import walk_chains
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
    walk = _Walk(core)
    walk.seals()
    walk.unsealed_events()
    walk.look_for_users()
    walk.chains()
    return walk.audit()


class _Walk:
    """One walk through the trail: what was counted, and what was found."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._keys = dict(zip(core.keys.ids, core.keys.sub_keys("seal"), strict=True))
        self._problems: list[str] = []
        self._unlisted = 0
        self._sealed = self._unsealed = self._erased = self._forgotten = self._users = 0
        self._missing: dict[str, int] = {}
        """Events that a seal names and the store lacks, with their sequence."""
        self._born: list[Ref] = []
        """Users that an event says began, and that must be there: a user goes with its events."""

    def audit(self) -> Audit:
        more = [f"… and {self._unlisted} more problems."] if self._unlisted else []
        return Audit(
            sealed=self._sealed,
            unsealed=self._unsealed,
            erased=self._erased,
            forgotten=self._forgotten,
            users=self._users,
            problems=(*self._problems, *more),
        )

    def _complain(self, problem: str) -> None:
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.append(problem)
        else:
            self._unlisted += 1

    # --- what is sealed ------------------------------------------------------------------------

    def seals(self) -> None:
        """Check each seal, and beside it the events that it covers."""
        mac, last, at = "", 0, 0
        after: Cursor | None = None
        while True:
            page = self._core.store.page("seal", "seal", after, _PAGE)
            for record in page.items:
                after = Cursor(f"{record.body['first']:016d}", record.id)
                self._seal(record, mac, last + 1)
                mac = record.body["mac"]
                last = record.body["first"] + len(record.body["events"]) - 1
                at = self._covered(record, at, last)
            if page.next is not None:
                continue
            head = self._core.store.find(HEAD_KEY)
            if head is None or head.body["last"] <= last:
                break
            if not self._core.store.page("seal", "seal", after, 1).items:
                break  # no seal was made while we were walking: the newest ones are gone
        if head is not None and (head.body["last"], head.body["mac"]) != (last, mac):
            self._complain("The newest seals are missing.")
        self._beyond(at, head)
        self._look_for_missing()

    def _seal(self, record: Record, before: str, next_first: int) -> None:
        body = record.body
        name = f"The seal from {body['first']} on"
        if body["first"] != next_first:
            self._complain(f"{name} does not follow the one before: seals are missing.")
            return
        key = self._keys.get(body["key"])
        if key is None:
            self._complain(f"{name} was made with the key {body['key']}, which is not given.")
        elif not hmac.compare_digest(
            seal_mac(key, before, body["first"], body["events"]), body["mac"]
        ):
            self._complain(f"{name} does not fit what it seals.")

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
            page = self._core.store.events(sequence_after=at, limit=limit)
            for event in page.items:
                at = event.sequence or at + 1
                if last is not None and at > last:
                    return
                yield event
            if not page.items or page.next is None:
                return

    def _event(self, event: StoredEvent, expected: tuple[int, str] | None) -> None:
        self._sealed += 1
        if expected is None:
            self._complain(f"Event {event.id} has a sequence, but no seal covers it.")
        elif expected != (event.sequence, digest(event.body)):
            self._complain(f"Event {event.id} was changed after it was sealed.")
        else:
            self._detail(event)
        self._beginning(event)
        self._erased += "detail_digest" in event.body and event.detail is None

    def _beyond(self, at: int, head: Record | None) -> None:
        """What has a number behind the last seal was not sealed – unless it was meanwhile."""
        end = 0 if head is None else head.body["last"]
        for event in self._sealed_events(max(at, end), None):
            now = self._core.store.find(HEAD_KEY)
            if now is None or now.body["last"] < (event.sequence or 0):
                self._event(event, None)

    def _look_for_missing(self) -> None:
        """A sealed event may be gone only because the engine forgot it, and said so with its
        key."""
        missing, self._missing = self._missing, {}
        if not missing:
            return
        before = len(missing)
        for events in _forgotten(self._core):
            for event_id in events:
                missing.pop(event_id, None)
        self._forgotten += before - len(missing)
        for event_id, sequence in sorted(missing.items(), key=lambda item: item[1]):
            self._complain(f"Event {event_id}, number {sequence}, was removed.")

    # --- what is not, and the chains -----------------------------------------------------------

    def unsealed_events(self) -> None:
        """Count what is not sealed yet, and check its details."""
        after: Cursor | None = None
        while True:
            page = self._core.store.events(unsealed=True, after=after, limit=200)
            for event in page.items:
                self._unsealed += 1
                self._detail(event)
                self._beginning(event)
            after = page.next
            if after is None:
                return

    def _detail(self, event: StoredEvent) -> None:
        if event.detail is not None and digest(event.detail) != event.body.get("detail_digest"):
            self._complain(f"The detail of event {event.id} was changed.")

    def _beginning(self, event: StoredEvent) -> None:
        if event.body.get("from") == NEW and event.user is not None:
            self._born.append(Ref("user", event.user))
            if len(self._born) >= _PAGE:
                self.look_for_users()

    def look_for_users(self) -> None:
        """See whether those who began are there."""
        born, self._born = self._born, []
        for ref, record in zip(born, self._core.store.get_many(born), strict=True):
            if record is None and self._core.store.events(user=ref.id, limit=1).items:
                self._complain(f"User {ref.id} was removed, while its events were not.")

    def chains(self) -> None:
        """Walk each user's chain of events, the deleted ones' too."""
        for problem in walk_chains(self._core):
            self._users += 1
            if problem is not None:
                self._complain(problem)


def _forgotten(core: Core) -> Iterator[list[str]]:
    """Yield the ids that each record names which says, under the key, what was forgotten."""
    keys = dict(zip(core.keys.ids, core.keys.sub_keys(FORGOTTEN), strict=True))
    after: Cursor | None = None
    while True:
        page = core.store.page(FORGOTTEN, FORGOTTEN, after, _PAGE)
        for record in page.items:
            key = keys.get(record.body["key"])
            events = record.body["events"]
            if key and hmac.compare_digest(forgotten_mac(key, events), record.body["mac"]):
                yield events
        after = page.next
        if after is None:
            return
