"""Everything that is kept about a user, as one document (docs/leaving.md has its form)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .._api_keys import api_key_from
from .._codec import event_from, session_from
from .._commits import Decision, commit_decision, load
from .._core import Core
from .._events import Acting, Happening
from ..clock import to_text
from ..plain import plain
from ..records import Session
from ..stores import Cursor, Record
from .calling_session import check_open
from .custom_data import stored

FORM: Final = "admit-user-export"
VERSION: Final = 1
"""Rises when something in the form is renamed or goes; what is added leaves it."""

_IN_SECTIONS: Final = frozenset({"addresses", "identities", "runs"})
_OF_THE_ENGINE: Final = frozenset(
    {"holds_keys", "epoch", "keys_epoch", "code_tries", "chore_at", "last_event"}
)
"""Fields of a user that say nothing of her."""
_OF_THE_CHAIN: Final = frozenset({"previous", "detail_digest"})
_PAGE: Final = 200


def export(core: Core, by: Acting, user_id: str, *, asks: Session | None = None) -> dict[str, Any]:
    """Return everything about a user; see `Users.export`. *asks*: the session of the user who asks
    for it herself."""
    user = load(core, user_id)
    check_open(core, user, asks)
    decision: Decision[None] = Decision(result=None, happenings=(Happening("export"),))
    commit_decision(core, by, user, decision)  # before it is read: who took it stands in it
    told = plain(user)
    return {
        "form": FORM,
        "version": VERSION,
        "exported_at": to_text(core.now()),
        "user": _without(told, _IN_SECTIONS | _OF_THE_ENGINE),
        "addresses": told["addresses"],
        "identities": told["identities"],
        "runs": told["runs"],
        "sessions": [
            plain(session_from(record))
            for record in _labelled(core, "session", f"sessions-of/{user.id}")
        ],
        "api_keys": [
            plain(api_key_from(record))
            for record in _labelled(core, "api-key", f"keys-of/{user.id}")
        ],
        "custom_data": stored(core, user.id) or {},
        "events": list(_events(core, user.id)),
    }


def _labelled(core: Core, kind: str, label: str) -> Iterator[Record]:
    after: Cursor | None = None
    while True:
        page = core.store.page(kind, label, after, _PAGE)
        yield from page.items
        after = page.next
        if after is None:
            return


def _events(core: Core, user_id: str) -> Iterator[dict[str, Any]]:
    after: Cursor | None = None
    while True:
        page = core.store.events(user=user_id, after=after, limit=_PAGE)
        for stored_event in page.items:
            yield _without(plain(event_from(stored_event)), _OF_THE_CHAIN)
        after = page.next
        if after is None:
            return


def _without(told: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name not in names}
