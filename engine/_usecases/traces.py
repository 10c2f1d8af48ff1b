"""What the store keeps of a user besides her record, and how it is removed."""

from __future__ import annotations

from typing import Final

from .._commits import commit
from .._core import Core
from ..stores import Change, Cursor, Remove
from .custom_data import KIND as CUSTOM_DATA
from .custom_data import removing

_KEYS: Final = ("api-key", "keys-of/")
_LABELLED: Final = (("session", "sessions-of/"), _KEYS)
"""Kinds of records, and the label under which those of one user are listed."""
_LABELLED_FOR_STEPS: Final = (("secret", "secrets-of/"),)
"""What erase steps may need: a provider's refresh token, sealed."""
_BATCH: Final = 100


def keys_of(core: Core, user_id: str) -> tuple[Remove, ...]:
    """Return what removes all API keys of a user, the dead ones too: as many as the setting
    `api_keys_a_user` lets her make, a thousand at most."""
    kind, label = _KEYS
    found: list[Remove] = []
    after: Cursor | None = None
    while True:
        page = core.store.page(kind, f"{label}{user_id}", after, _BATCH)
        found += [Remove(kind, record.id) for record in page.items]
        after = page.next
        if after is None:
            return tuple(found)


def erase_own(core: Core, user_id: str) -> None:
    """Remove sessions, keys and custom data of a deleted user, and the details of her events: all
    that no erase step needs."""
    for kind, label in _LABELLED:
        _remove_labelled(core, kind, f"{label}{user_id}")
    if core.store.get(CUSTOM_DATA, user_id) is not None:
        commit(core, Change(remove=(removing(user_id),)))
    _erase_details(core, user_id)


def erase_kept_for_steps(core: Core, user_id: str) -> None:
    """Remove what erase steps may have needed, now that all of them have ended."""
    for kind, label in _LABELLED_FOR_STEPS:
        _remove_labelled(core, kind, f"{label}{user_id}")


def _remove_labelled(core: Core, kind: str, label: str) -> None:
    while items := core.store.page(kind, label, None, _BATCH).items:
        commit(core, Change(remove=tuple(Remove(kind, record.id) for record in items)))


def _erase_details(core: Core, user_id: str) -> None:
    after: Cursor | None = None
    while True:
        events = core.store.events(user=user_id, after=after, limit=200)
        # The deletion's own detail holds why, not who: it stays.
        erase = tuple(
            e.id for e in events.items if e.detail is not None and e.body.get("to") != "deleted"
        )
        if erase:
            commit(core, Change(erase=erase))
        after = events.next
        if after is None:
            return
