"""Copying a store to another one, of whatever kinds they are: resumed, caught up, verified.

Source and copy are walked side by side, and what differs is written just as it is. So a copy that
was cut off goes on with nothing twice, and a second one follows what the source did meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import attrs

from .._copy_mark import MARK_KEY, CopyMark, Tallies, is_mark, mark_of, refuse_incomplete
from .._ids import IdSource
from .._keys import Key, KeyRing, find_keys
from ..clock import Clock, SystemClock
from ..errors import InvalidInput, StoreIncomplete, TryLater
from ..stores import Change, KeyTaken, Put, Record, Store, VersionMoved
from ..upkeep import Upkeep, View
from .joining import joined, joined_events
from .keys import key_record, keys_of
from .progress import OnProgress, no_progress, watched
from .resealing import SEAL, Resealing
from .tallies import EVENT, Tally
from .writing import Writing

_PAGE: Final = 200


@attrs.frozen(kw_only=True)
class CopiedKind:
    """What was done about one kind of records, or about events (kind `event`)."""

    kind: str
    count: int
    """How many the copy has now."""
    digest: str
    """Of all of them, in any order; those of the source, but for what was sealed anew."""
    written: int
    removed: int


@attrs.frozen(kw_only=True)
class Copied:
    """What copying did."""

    kinds: tuple[CopiedKind, ...]
    key_id: str
    """The id of the engine key that the copy opens with."""
    began: bool
    """Whether the target was empty before; else it was brought up to date."""


def copy(
    source: Store,
    target: Store,
    *,
    key: Key | Sequence[Key] | None = None,
    new_key: Key | None = None,
    dry_run: bool = False,
    progress: OnProgress = no_progress,
    clock: Clock | None = None,
) -> Copied:
    """Make *target* hold what *source* holds, and compare both at the end.

    The source may be in use: what is copied is one moment of it. An engine refuses to open the
    target until it is whole. Copying again catches up, as long as nobody wrote to the target; so
    a move takes one copy beside the running application, and a second one while it stands still.

    Args:
        source, target: stores that can be walked (`admit.upkeep.Upkeep`); the target is empty, or
            a copy of this source.
        key: the source's engine key, as `admit.open` takes it. Only needed with *new_key*.
        new_key: seal the copy with this key. By default it opens with the source's.
        dry_run: nothing is written; the result says what would be.
        progress: told how far it has come.

    Raises:
        InvalidInput: the target holds something else, or was written to since it was copied; the
            source holds nothing; either cannot be walked. Nothing was written.
        StoreIncomplete: the source is an unfinished copy itself; or in the end both differ.
        StoreDamaged: with *new_key*, the audit trail is not whole; nothing was written.
        WrongKey: with *new_key*, *key* is not the source's.
        TryLater: another copy into the target was under way.
        StoreError: a store failed. Copy again: it goes on.
    """
    walked, into = _can_be_walked(source, "source"), _can_be_walked(target, "target")
    if source is target:
        raise InvalidInput("target", "is the source.", "Name another one.")
    refuse_incomplete(source)
    origin = key_record(source, "source")
    resealing, key_id = None, origin.body["key_id"]
    if new_key is not None:
        old, new = keys_of(source, key), find_keys(new_key, None, may_create=False)
        if old.ids != (new.id,):
            resealing, key_id = _resealing(walked, old, new), new.id
    copying = _Copying(walked, into, resealing, dry_run=dry_run, tell=progress)
    mark = CopyMark(source=origin.id, key_id=key_id, tallies=None)
    began = copying.check_target(mark)
    now = (clock or SystemClock()).now()
    version = copying.set_mark(mark, now)
    tallies = copying.run()
    copying.verify(tallies)
    copying.set_mark(attrs.evolve(mark, tallies=tallies), now, expects=version)
    return copying.result(tallies, key_id, began=began)


def _can_be_walked(store: Store, field: str) -> Upkeep:
    if not isinstance(store, Upkeep):
        raise InvalidInput(field, "this kind of store cannot be walked, so it cannot be copied.")
    return store


def _resealing(source: Upkeep, old: KeyRing, new: KeyRing) -> Resealing:
    resealing = Resealing(source, old, new)
    resealing.verify()
    return resealing


class _Copying:
    """One copy, under way."""

    def __init__(
        self,
        source: Upkeep,
        target: Upkeep,
        resealing: Resealing | None,
        *,
        dry_run: bool,
        tell: OnProgress,
    ) -> None:
        self._source, self._target = source, target
        self._resealing = resealing
        self._dry_run = dry_run
        self._tell = tell
        self._writing = Writing(target, dry_run=dry_run)

    def check_target(self, mark: CopyMark) -> bool:
        """Return whether the target is empty. Raises InvalidInput: it must not be written to."""
        there = mark_of(self._target.find(MARK_KEY))
        if there is None:
            with self._target.view() as view:
                if not view.kinds() and next(iter(view.events()), None) is None:
                    return True
            raise InvalidInput("target", "is not empty.", "Copy into a new one.")
        if self._target.find(MARK_KEY) == self._source.find(MARK_KEY):
            raise InvalidInput("target", "is the source.", "Name another one.")
        if (there.source, there.key_id) != (mark.source, mark.key_id):
            what = "another store" if there.source != mark.source else "it under another key"
            raise InvalidInput("target", f"is a copy of {what}.", "Copy into a new one.")
        if there.tallies is not None and there.tallies != self._tally("comparing"):
            raise InvalidInput(
                "target",
                "was written to since it was copied: bringing it up to date would undo that.",
                "Copy into a new one.",
            )
        return False

    def set_mark(self, mark: CopyMark, now: datetime, *, expects: int | None = None) -> int:
        """Write the mark; once it was set, only over the version that is expected. Returns its
        version.

        Raises:
            TryLater: somebody else copies into the target.
        """
        if self._dry_run:
            return 0
        old = self._target.find(MARK_KEY)
        id = IdSource().mint(now) if old is None else old.id
        version = expects if expects is not None or old is None else old.version
        put = Put("job", id, mark.body(), version, (MARK_KEY,))
        try:
            self._target.commit(Change(put=(put,)))
        except (KeyTaken, VersionMoved):
            raise TryLater("another copy into this store is under way") from None
        return put.version

    def run(self) -> Tallies:
        """Write what differs. Returns what the target shall hold now."""
        tally = Tally()
        totals = _totals(self._source)
        with self._source.view() as source, self._target.view() as target:
            for kind in sorted({*source.kinds(), *target.kinds()}):
                here = watched(self._records(source, kind), self._tell, "copying", kind, totals)
                if kind == SEAL and self._resealing is not None:
                    pairs = self._seals(here)
                else:
                    pairs = joined(here, _copied(target, kind))
                for one, other in pairs:
                    if one is None:
                        assert other is not None
                        self._writing.remove(other)
                        continue
                    length = tally.record(one)
                    if other is None or not _same(one, other):
                        self._writing.put(one, length)
                self._writing.flush()
            here_events = watched(source.events(), self._tell, "copying", EVENT, totals)
            for new, old in joined_events(here_events, target.events(), self._is_gone):
                if new is None:
                    assert old is not None
                    self._writing.forget(old)
                    continue
                length = tally.event(new)
                if new != old:
                    self._writing.add(new, length)
            self._writing.flush()
        return tally.result()

    def _records(self, view: View, kind: str) -> Iterator[Record]:
        if self._resealing is None:
            return _copied(view, kind)
        if kind == SEAL:
            return self._resealing.seals(view)
        resealed = map(self._resealing.record, _copied(view, kind))
        return (record for record in resealed if record is not None)

    def _seals(self, here: Iterable[Record]) -> Iterator[tuple[Record | None, Record | None]]:
        """Pair each seal with the target's: they come in the order of seals, so not by id."""
        for record in here:
            yield record, self._target.get(SEAL, record.id)

    def _is_gone(self, id: str) -> bool:
        return self._source.get("event", id) is None

    def verify(self, tallies: Tallies) -> None:
        """Read the target again, and compare. Raises StoreIncomplete: it differs."""
        if self._dry_run:
            return
        found = self._tally("verifying")
        if found != tallies:
            kinds = [k for k in sorted({*found, *tallies}) if found.get(k) != tallies.get(k)]
            raise StoreIncomplete(
                f"The copy does not equal its source: {', '.join(kinds)}.",
                "Check the source, then copy again: admit store check",
            )

    def _tally(self, stage: str) -> Tallies:
        """Return what the target holds now."""
        tally = Tally()
        totals = _totals(self._target)
        with self._target.view() as view:
            for kind in view.kinds():
                for record in watched(_copied(view, kind), self._tell, stage, kind, totals):
                    tally.record(record)
            for event in watched(view.events(), self._tell, stage, EVENT, totals):
                tally.event(event)
        return tally.result()

    def result(self, tallies: Tallies, key_id: str, *, began: bool) -> Copied:
        """Return what was done."""
        written, removed = self._writing.written, self._writing.removed
        kinds = sorted({*tallies, *removed} - {EVENT}) + [EVENT]
        return Copied(
            kinds=tuple(
                CopiedKind(
                    kind=kind,
                    count=tallies[kind].count if kind in tallies else 0,
                    digest=tallies[kind].digest if kind in tallies else "",
                    written=written[kind],
                    removed=removed[kind],
                )
                for kind in kinds
            ),
            key_id=key_id,
            began=began,
        )


def _copied(view: View, kind: str) -> Iterator[Record]:
    """Walk over the records of *kind*, without the mark: that is about the store that has it."""
    return (record for record in view.records(kind) if not is_mark(record))


def _same(one: Record, other: Record) -> bool:
    """Whether both say the same; stores need not keep the order of keys and labels."""
    return one == other or (
        (one.version, one.body) == (other.version, other.body)
        and sorted(one.keys) == sorted(other.keys)
        and sorted(one.labels) == sorted(other.labels)
    )


def _totals(store: Upkeep) -> Mapping[str, int]:
    stats = store.stats()
    return {**stats.records, EVENT: stats.events}
