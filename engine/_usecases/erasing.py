"""Erased data leaves the files within a set time (security.md A5).

What is erased or replaced is gone for whoever asks the store, but may still stand in its files
until they are compacted. A record says since when; the worker compacts when the time is up.
"""

from __future__ import annotations

import logging
from typing import Final

from .._commits import commit
from .._core import Core
from ..clock import from_text, to_text
from ..stores import Change, KeyTaken, Put, Remove, VersionMoved
from ..upkeep import Upkeep

_log: Final = logging.getLogger("admit.worker")
ERASURE_KEY: Final = "job:erasure"


def note_erasure(core: Core) -> None:
    """Keep in mind that something erased may still stand in the files. The oldest counts.

    Comes after the erasure was committed. Written anew each time, so that a compaction which began
    before this one does not count for it.
    """
    if not isinstance(core.store, Upkeep):
        return
    record = core.store.find(ERASURE_KEY)
    put = Put(
        "job",
        core.mint_id() if record is None else record.id,
        {"since": to_text(core.now()) if record is None else record.body["since"]},
        None if record is None else record.version,
        (ERASURE_KEY,),
    )
    try:
        commit(core, Change(put=(put,)))
    except (KeyTaken, VersionMoved):
        _log.debug("another process has noted an erasure at this moment")


def compact_if_due(core: Core) -> int:
    """Compact the store if something erased has stood in its files for the setting `erase_within`.
    Returns 1 if it did, else 0.

    Raises:
        StoreError: it could not be compacted; the next sweep tries again.
    """
    record = core.store.find(ERASURE_KEY)
    if record is None or not isinstance(core.store, Upkeep):
        return 0
    if from_text(record.body["since"]) + core.settings.erase_within > core.now():
        return 0
    core.store.compact()
    try:
        commit(core, Change(remove=(Remove("job", record.id, record.version),)))
    except VersionMoved:
        _log.info("something more was erased while the store was compacted")
    return 1
