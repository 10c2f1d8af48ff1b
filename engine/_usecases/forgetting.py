"""Forgetting refusals: they are of strangers as often as of users, and would pile up for ever."""

from __future__ import annotations

from itertools import takewhile
from typing import Final

from .._commits import commit
from .._core import Core
from ..clock import to_text
from ..stores import Change, KeyTaken, Put, StoredEvent, VersionMoved
from .seal import forgotten

_TRIGGERS: Final = frozenset({"refused", "log-in-refused", "asked-for-nobody"})
"""Events that are no link of a user's chain and changed nobody: what was refused to a user or to
a stranger, what strangers asked for about nobody."""
_BATCH: Final = 200
_CURSOR_KEY: Final = "forgetting:refusals"


def forget_refusals(core: Core, *, most: int) -> int:
    """Forget sealed refusals past the setting `refusal_retention`, oldest first, up to *most*.
    Returns how many.

    How far it came is kept in the store: what stays is not walked through again. What is not
    sealed yet is left to a later sweep.
    """
    deadline = to_text(core.now() - core.settings.refusal_retention)
    record = core.store.find(_CURSOR_KEY)
    record_id = core.mint_id() if record is None else record.id
    version = None if record is None else record.version
    at: int = 0 if record is None else record.body["sequence"]
    done, looked_at = 0, 0
    limit = 1  # most of the time nothing is past its time: then one event is all that is read
    while done < most and looked_at < 10 * most:
        items = core.store.events(sequence_after=at, limit=limit).items
        past = list(takewhile(lambda event: event.body["at"] <= deadline, items))
        if not past:
            break
        at = past[-1].sequence or at
        ids = [event.id for event in past if _is_refusal(event)]
        cursor = Put("forgetting", record_id, {"sequence": at}, version, (_CURSOR_KEY,))
        said = (forgotten(core, ids),) if ids else ()
        try:
            commit(core, Change(put=(cursor, *said), forget=tuple(ids)), settle=False)
        except (KeyTaken, VersionMoved):
            break  # another process sweeps
        version, done, looked_at = cursor.version, done + len(ids), looked_at + len(past)
        limit = min(_BATCH, max(1, most - done))
    return done


def _is_refusal(event: StoredEvent) -> bool:
    return event.body["trigger"] in _TRIGGERS and "previous" not in event.body
