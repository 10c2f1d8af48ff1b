"""The keys that sign our tokens: which one signs now, which still verify, which others may know.

HS256 keys are sub-keys of the engine key, numbered by generation; the others are pairs, the private
half sealed in the store.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Final, Literal

import attrs

from . import _key_records
from ._key_records import LABEL, KeyRecord
from ._keys import KeyRing
from ._sealing import unseal
from ._signatures import HS256, HmacKey, PublicKey, TokenKey
from .errors import StoreError
from .stores import Change, KeyTaken, Put, Record, Remove, Store

PURPOSE: Final = "session tokens"
"""Names the sub-key, together with its generation."""

_REREAD_SECONDS: Final = 1.0
"""How old the keys may be that another process changed, as with settings (design.md §7)."""
_LOOKS_A_SECOND: Final = 5
"""How often an unknown header makes us look before that: a new key of another process is known at
once, and nobody who invents headers makes us read the store for each."""


State = Literal["next", "signs", "verifies", "ended"]


@attrs.frozen(kw_only=True)
class SigningKey:
    """One key that signs access tokens, will or did."""

    id: str
    """The `kid` of its tokens."""
    algorithm: str
    state: State
    signs_from: datetime | None
    """None: since ever."""
    verifies_until: datetime | None
    """When the tokens that it signed are refused; None: it was not replaced."""


@attrs.frozen(eq=False)
class _Slot:
    """A key in its place."""

    id: str
    algorithm: str
    key: TokenKey
    has_private: bool
    signs_from: datetime | None
    until: datetime | None
    until_seconds: float | None

    def can_sign(self, now: datetime) -> bool:
        return self.has_private and (self.signs_from is None or self.signs_from <= now)

    def verifies(self, now: datetime) -> bool:
        return self.until_seconds is None or now.timestamp() < self.until_seconds


class TokenKeys:
    """All keys of one engine. Shows none in its `repr`; safe to use from any thread."""

    def __init__(
        self,
        ring: KeyRing,
        store: Store,
        algorithm: str,
        mint_id: Callable[[], str],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.algorithm = algorithm
        """What new access tokens are signed with."""
        self._ring, self._store, self._mint_id = ring, store, mint_id
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._read: tuple[Record, ...] | None = None
        self._kept: tuple[KeyRecord, ...] = ()
        self._slots: dict[str, _Slot] = {}
        self._read_at = 0.0
        self._looks = [0, 0]
        self.reread()

    def __repr__(self) -> str:
        return f"TokenKeys(algorithm={self.algorithm!r}, keys={len(self._slots)})"

    # --- signing and verifying -----------------------------------------------------------------

    def signing(self, now: datetime, algorithm: str | None = None) -> TokenKey:
        """Return the key that signs now, by the algorithm in force or the one given; the first pair
        of an algorithm is made.

        Raises:
            MissingExtra: it needs a package that is not installed.
            StoreError: it could not be made, or its private half not be opened.
        """
        self._refresh()
        wanted = algorithm or self.algorithm
        slot = self._newest(wanted, now)
        if slot is None:
            self._begin(wanted, now)
            slot = self._newest(wanted, now)
            assert slot is not None, "it was just made"
        return slot.key

    def signing_by_hmac(self, now: datetime, generation: int) -> TokenKey:
        """Return the HS256 key that signs now, or what it is under an older engine key: 0 is the
        newest, as in the ring."""
        newest = self.signing(now, HS256)
        if generation == 0:
            return newest
        number = self._slots[newest.header].id.rpartition(".")[2]
        sub_key = self._ring.sub_keys(f"{PURPOSE} {number}")[generation]
        return HmacKey(f"{self._ring.ids[generation]}.{number}", sub_key)

    def verifying(self, header: str, now: datetime) -> TokenKey | None:
        """Return the key whose access tokens have this header, while it verifies; else None."""
        slot = self._slot(header)
        return slot.key if slot is not None and slot.verifies(now) else None

    def verifying_by_hmac(self, header: str) -> TokenKey | None:
        """Return the HS256 key of this header, replaced or not: for what is kept as a digest too,
        which decides."""
        slot = self._slot(header)
        return slot.key if slot is not None and slot.algorithm == HS256 else None

    def knows(self, header: str) -> bool:
        """Return whether this is the header of a key of ours, replaced or not."""
        return header in self._slots

    def _slot(self, header: str) -> _Slot | None:
        self._refresh()
        slot = self._slots.get(header)
        if slot is None and self._may_look():
            with contextlib.suppress(StoreError):  # then it is as unknown as before
                self.reread()
            slot = self._slots.get(header)
        return slot

    def _newest(self, algorithm: str, now: datetime) -> _Slot | None:
        found = None
        for slot in self._slots.values():  # from the oldest on
            if slot.algorithm == algorithm and slot.can_sign(now):
                found = slot
        return found

    # --- telling and changing ------------------------------------------------------------------

    def infos(self, now: datetime) -> tuple[SigningKey, ...]:
        """Return the keys there are, by algorithm, from the oldest on."""
        self.reread()
        signing = {self._newest(slot.algorithm, now) for slot in self._slots.values()}
        return tuple(
            SigningKey(
                id=slot.id,
                algorithm=slot.algorithm,
                state=_state(slot, now, slot in signing and slot.algorithm == self.algorithm),
                signs_from=slot.signs_from,
                verifies_until=slot.until,
            )
            for slot in self._slots.values()
        )

    def jwks(self, now: datetime) -> dict[str, list[dict[str, str]]]:
        """Return the public keys with which others verify access tokens (RFC 7517 §5): those that
        sign, that will, and that did while tokens of theirs may be good."""
        self.reread()
        keys = []
        for kept in self._kept:
            until = _key_records.elders_end(self._kept, kept.algorithm, kept.number)
            if kept.algorithm != HS256 and (until is None or now < until):
                said = {"kid": kept.record.id, "alg": kept.algorithm, "use": "sig"}
                keys.append({**kept.public, **said})
        return {"keys": keys}

    def replacement(self, now: datetime, signs_from: datetime, elders_until: datetime) -> Put:
        """Return the write of a new key for the algorithm in force, which has one by then.

        Raises:
            MissingExtra: it needs a package that is not installed.
        """
        self.reread()
        if not self._numbers(self.algorithm):
            self._begin(self.algorithm, now)
        last = max(self._numbers(self.algorithm))
        return _key_records.new(
            self._ring,
            self._mint_id(),
            self.algorithm,
            last + 1,
            now=now,
            signs_from=signs_from,
            elders_until=elders_until,
        )

    def _numbers(self, algorithm: str) -> list[int]:
        found = [k.number for k in self._kept if k.algorithm == algorithm]
        return [1, *found] if algorithm == HS256 else found

    def done_with(self, now: datetime) -> tuple[tuple[Put, ...], tuple[Remove, ...]]:
        """Return what a sweep writes about keys that were replaced."""
        self.reread()
        return _key_records.done_with(self._kept, now)

    def _begin(self, algorithm: str, now: datetime) -> None:
        put = _key_records.new(
            self._ring, self._mint_id(), algorithm, 1, now=now, signs_from=now, elders_until=now
        )
        with contextlib.suppress(KeyTaken):  # another process made it in this moment
            self._store.commit(Change(put=(put,)))
        self.reread()

    # --- reading -------------------------------------------------------------------------------

    def _refresh(self) -> None:
        if self._monotonic() - self._read_at <= _REREAD_SECONDS:
            return
        if not self._lock.acquire(blocking=False):
            return  # somebody reads already; nobody else waits for the store
        try:
            self._reread()
        except StoreError:
            self._read_at = self._monotonic()  # with what is known; in a second, again
        finally:
            self._lock.release()

    def _may_look(self) -> bool:
        second = int(self._monotonic())
        if self._looks[0] != second:
            self._looks = [second, 0]
        self._looks[1] += 1
        return self._looks[1] <= _LOOKS_A_SECOND

    def reread(self) -> None:
        """Read the keys now. Raises StoreError."""
        with self._lock:
            self._reread()

    def _reread(self) -> None:
        found = self._store.page("secret", LABEL, None, 1000).items
        if found != self._read:
            kept = sorted(map(_key_records.read, found), key=lambda k: (k.algorithm, k.number))
            self._kept = tuple(kept)
            slots = [*self._by_generation(), *self._by_record()]
            self._slots = {slot.key.header: slot for slot in slots}
            self._read = found
        self._read_at = self._monotonic()

    def _by_generation(self) -> Iterator[_Slot]:
        kept = {k.number: k for k in self._kept if k.algorithm == HS256}
        for number in range(1, max(kept, default=1) + 1):
            starts = kept[number].signs_from if number in kept else None
            sub_keys = self._ring.sub_keys(f"{PURPOSE} {number}")
            for ring_id, sub_key in reversed(list(zip(self._ring.ids, sub_keys, strict=True))):
                kid = f"{ring_id}.{number}"
                key = HmacKey(kid, sub_key)
                yield self._slot_of(kid, HS256, number, key, ring_id == self._ring.id, starts)

    def _by_record(self) -> Iterator[_Slot]:
        for kept in (k for k in self._kept if k.algorithm != HS256):
            kid, sealed = kept.record.id, kept.sealed
            private = None if sealed is None else partial(unseal, self._ring, sealed, about=kid)
            key = PublicKey(kid, kept.algorithm, kept.public, private)
            yield self._slot_of(
                kid, kept.algorithm, kept.number, key, private is not None, kept.signs_from
            )

    def _slot_of(
        self,
        kid: str,
        algorithm: str,
        number: int,
        key: TokenKey,
        has_private: bool,
        signs_from: datetime | None,
    ) -> _Slot:
        until = _key_records.elders_end(self._kept, algorithm, number)
        seconds = None if until is None else until.timestamp()
        return _Slot(kid, algorithm, key, has_private, signs_from, until, seconds)


def _state(slot: _Slot, now: datetime, signs: bool) -> State:
    if signs:
        return "signs"
    if slot.signs_from is not None and now < slot.signs_from:
        return "next"
    return "verifies" if slot.verifies(now) else "ended"
