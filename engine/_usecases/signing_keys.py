"""Replacing the key that signs access tokens, with overlap (security.md J7)."""

from __future__ import annotations

from datetime import timedelta

from .._commits import commit
from .._core import Core
from .._events import Acting, Happening, make
from .._token_keys import SigningKey
from ..errors import TryLater
from ..settings import LONGEST_ACCESS
from ..stores import Change, KeyTaken, VersionMoved


def rotate(
    core: Core, by: Acting, *, publish_for: timedelta, overlap: timedelta | None
) -> tuple[SigningKey, ...]:
    """Let a new key sign; see `Sessions.rotate_keys`."""
    keys, now = core.signer.keys, core.now()
    signs_from = now + publish_for
    until = signs_from + (LONGEST_ACCESS if overlap is None else overlap)
    put = keys.replacement(now, signs_from, until)
    happening = Happening("rotate-keys", codes={"algorithm": keys.algorithm, "key": put.id})
    event = make(happening, id=core.ids.mint(now), at=now, by=by)
    try:
        commit(core, Change(put=(put,), events=(event,)))
    except KeyTaken:
        raise TryLater("somebody else rotates the keys in this moment") from None
    return keys.infos(now)


def sweep(core: Core) -> int:
    """Do away with what is left of keys that were replaced. Returns how many keys went."""
    put, remove = core.signer.keys.done_with(core.now())
    if not put and not remove:
        return 0
    try:
        core.store.commit(Change(put=put, remove=remove), settle=False)
    except VersionMoved:
        return 0  # another process sweeps
    return len(remove)
