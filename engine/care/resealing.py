"""Sealing a store's copy with another engine key."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Final

from .._keys import KEY_RECORD, KeyRing
from .._sealing import seal, unseal
from .._usecases import kept
from .._usecases.audit import TrailWalk
from .._usecases.seal import FORGOTTEN, HEAD_KEY, forgotten_mac, seal_mac
from ..errors import InvalidInput, StoreDamaged
from ..stores import Body, Cursor, Record
from ..upkeep import Upkeep, View

SEAL: Final = "seal"
_PAGE: Final = 100


class Resealing:
    """Turns records made with the *old* keys into what they are under the *new* one.

    Links, which hang on no key, live on. Counters of throttles are dropped: nobody could find them.
    Typed codes and session tokens of the old key open nothing with the new one alone; an engine
    that is opened with both takes them until they have run out.
    """

    def __init__(self, source: Upkeep, old: KeyRing, new: KeyRing) -> None:
        self._source, self._new = source, new
        self._seal_keys = dict(zip(old.ids, old.sub_keys(SEAL), strict=True))
        self._forgotten_keys = dict(zip(old.ids, old.sub_keys(FORGOTTEN), strict=True))
        self._old = old

    def verify(self) -> None:
        """See that the trail is whole: what the new key seals, it vouches for.

        Raises:
            StoreDamaged: it is not; nothing was written.
        """
        walk = TrailWalk(self._source, self._old)
        walk.seals()
        if walk.problems.listed:
            raise _not_whole(walk.problems.listed[0].sentence)

    def record(self, record: Record) -> Record | None:
        """Return a record – any but a seal – as it is under the new key; None: it is dropped.

        Raises:
            StoreDamaged: it claims to be made with the old key, and is not.
            InvalidInput: it holds a secret that is sealed in a way not known here.
        """
        match record.kind:
            case "throttle":
                return None
            case "secret":
                if KEY_RECORD not in record.keys:
                    return self._sealed(record)
                return _with(record, key_id=self._new.id)
            case kept.SEALED:
                about = kept.about(record.id)
                secret = unseal(self._old, record.body["sealed"], about=about)
                return _with(record, sealed=seal(self._new, secret, about=about))
            case "forgotten":
                events = record.body["events"]
                key = self._forgotten_keys.get(record.body["key"])
                _check(record, None if key is None else forgotten_mac(key, events))
                mac = forgotten_mac(self._new.sub_key(FORGOTTEN), events)
                return _with(record, key=self._new.id, mac=mac)
        return record

    def _sealed(self, record: Record) -> Record:
        """Return a secret sealed again; one of which nothing is sealed stays as it is."""
        if record.body.keys() >= {"algorithm", "number"}:
            sealed = record.body.get("sealed")
            if sealed is None:
                return record
            secret = unseal(self._old, sealed, about=record.id)
            return _with(record, sealed=seal(self._new, secret, about=record.id))
        raise InvalidInput(
            "new_key",
            f"the secret {record.id} cannot be sealed with another key.",
            "Copy with the same key.",
        )

    def seals(self, view: View) -> Iterator[Record]:
        """Walk over the seals of *view*, each sealed again, and last what names the newest."""
        head = next((r for r in view.records(SEAL) if HEAD_KEY in r.keys), None)
        if head is None:
            return
        before_old = before_new = ""
        for record in self._in_order(head.body["last"]):
            first, digests = record.body["first"], record.body["events"]
            key = self._seal_keys.get(record.body["key"])
            _check(record, None if key is None else seal_mac(key, before_old, first, digests))
            before_old = record.body["mac"]
            before_new = seal_mac(self._new.sub_key(SEAL), before_new, first, digests)
            yield _with(record, key=self._new.id, mac=before_new)
        yield _with(head, mac=before_new)

    def _in_order(self, last: int) -> Iterator[Record]:
        """Walk over the seals up to the sequence *last*, as they follow each other; ids do not."""
        after: Cursor | None = None
        while True:
            page = self._source.page(SEAL, SEAL, after, _PAGE)
            for record in page.items:
                if record.body["first"] > last:
                    return
                yield record
            after = page.next
            if after is None:
                return


def _check(record: Record, mac: str | None) -> None:
    if mac is None or not hmac.compare_digest(mac, record.body["mac"]):
        raise _not_whole(f"The {record.kind} {record.id} was not made with the old key.")


def _not_whole(problem: str) -> StoreDamaged:
    return StoreDamaged(
        f"The audit trail is not whole, so no other key may vouch for it. {problem}",
        "See all of it: admit store check. A copy with the same key keeps it as it is.",
    )


def _with(record: Record, **changed: str) -> Record:
    body: Body = {**record.body, **changed}
    return record._replace(body=body)
