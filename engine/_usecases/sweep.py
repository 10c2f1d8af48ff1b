"""Sweeping: what is past its time goes."""

from __future__ import annotations

import attrs

from .._admin_keys import SESSION
from .._codec import user_from
from .._commits import commit
from .._core import Core
from ..clock import to_text
from ..stores import Change, Cursor, Remove, Store, VersionMoved
from . import signing_keys
from .delete import sweep_anonymous, sweep_leaving, sweep_losers, sweep_pending
from .erasing import compact_if_due
from .erasures import KIND
from .forgetting import forget_refusals
from .seal import forgotten
from .traces import erase_own


@attrs.frozen(kw_only=True)
class Swept:
    """How much a sweep removed."""

    expired: int
    """Pending users past the policy's deadline."""
    losers: int
    """Pending users who waited for a login key that another one has proved by now."""
    left: int
    """Users whose grace was over."""
    idle: int
    """Anonymous users who were not seen for long."""
    sessions: int
    throttles: int
    tombstones: int
    """Deleted users past the audit's retention, with their events."""
    refusals: int
    """Events of refusals, and of what strangers asked for, past a retention of their own."""
    keys: int
    """Keys that signed tokens, of which none is good any more."""
    compactions: int
    """1 if the store was compacted, because something erased stood in its files long enough."""

    def __bool__(self) -> bool:
        return bool(self.total)

    @property
    def total(self) -> int:
        """How much it was in all."""
        return sum(attrs.astuple(self))


def sweep(core: Core, *, most: int = 1000) -> Swept:
    """Remove what is past its time, up to *most* of each kind; see `Engine.sweep`."""
    now = to_text(core.now())
    return Swept(
        expired=sweep_pending(core, most=most),
        losers=sweep_losers(core, most=most),
        left=sweep_leaving(core, most=most),
        idle=sweep_anonymous(core, most=most),
        sessions=_past(core.store, "session", "expiring", now, most)
        + _past(core.store, SESSION, "expiring", now, most),
        throttles=_past(core.store, "throttle", "until", now, most)
        + _past(core.store, "phantom", "until", now, most)
        + _past(core.store, "oauth-state", "until", now, most),
        tombstones=_tombstones(core, most),
        refusals=forget_refusals(core, most=most),
        keys=signing_keys.sweep(core),
        compactions=compact_if_due(core),
    )


def _past(store: Store, kind: str, label: str, now: str, most: int) -> int:
    """Remove records whose order under *label* is past, oldest first, in batches."""
    removed = 0
    while removed < most:
        page = store.page(kind, label, None, min(100, most - removed))
        past = tuple(
            Remove(kind, record.id, record.version)
            for record in page.items
            if any(name == label and order <= now for name, order in record.labels)
        )
        if not past:
            break
        try:
            store.commit(Change(remove=past), settle=False)
        except VersionMoved:
            break  # one of them is used again, or another process sweeps: the next sweep sees
        removed += len(past)
    return removed


def _tombstones(core: Core, most: int) -> int:
    """Forget tombstones past the audit's retention, oldest first; who still has something to be
    erased is passed over, and holds up nobody behind."""
    deadline = core.now() - core.settings.audit_retention
    forgotten = 0
    after: Cursor | None = None
    while True:
        page = core.store.page("user", "deleted", after, 100)
        for user in map(user_from, page.items):
            if forgotten >= most or (user.deleted_at or user.created_at) > deadline:
                return forgotten
            if user.chore_at is not None:
                continue
            try:
                _forget(core, user.id, user.version)
            except VersionMoved:
                return forgotten  # another process sweeps
            forgotten += 1
        after = page.next
        if after is None:
            return forgotten


def _forget(core: Core, user_id: str, version: int) -> None:
    """Forget a tombstone and its events. The seal of what was sealed stands in the seals."""
    erase_own(core, user_id)  # what others were writing in the very moment of the deletion
    while True:
        events = core.store.events(user=user_id, limit=200)
        ids = [event.id for event in events.items]
        last = events.next is None
        note = Remove(KIND, user_id)  # of an erase step that was given up
        remove = (Remove("user", user_id, version), note) if last else ()
        put = (forgotten(core, ids),) if ids else ()
        commit(core, Change(put=put, remove=remove, forget=tuple(ids)))
        if last:
            return
