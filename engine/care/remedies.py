"""What to do about each thing that checking a store may find."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..upkeep import DISORDERS

_COPY: Final = "Copy the store to a new one, which makes keys and lists anew: admit store copy"
_BACKUP: Final = (
    "Keep the files as they are, and compare with a backup: somebody changed them past the engine,"
    " or a disk did. After a repair this is what the damage took; it stays missing."
)

REMEDIES: Final[Mapping[str, str]] = {
    **dict.fromkeys(DISORDERS, _COPY),
    "damaged": "Stop the applications. Of a local file, admit store repair saves what can be read"
    " (--dry-run shows it); of SQLite, sqlite3's .recover does. A backup has all of it.",
    "two-owners": "Find out whose it is: admit users why ID for each; then delete the other one.",
    "unreadable": "Restore the record from a backup.",
    "keys-differ": "Change the user through the engine once, such as disable and enable: that"
    " writes its keys anew. If they are taken, another user has them.",
    "labels-differ": "Change the record through the engine once – a user by disable and enable –:"
    " that lists it anew.",
    "session-orphan": "Harmless: it opens nothing, and is swept when it has run out.",
    "no-engine-key": "Of a local file whose key is at hand, admit store repair names it again. Else"
    " restore a backup: without this record an engine takes no key for the right one.",
    "copy-unfinished": "Copy again, from the same store: admit store copy FROM TO",
    "seal-key-missing": "Give the older key as well, if the engine key was rotated.",
    "trail-not-checked": "Restore what cannot be read from a backup, and check again.",
    "more": "Mend those that are listed, and check again.",
    **dict.fromkeys(
        (
            "chain-broken",
            "detail-changed",
            "event-changed",
            "event-removed",
            "event-slipped-in",
            "seal-missing",
            "seal-wrong",
            "state-differs",
            "user-removed",
        ),
        _BACKUP,
    ),
}
"""Code of a finding → its remedy."""

OTHERWISE: Final = "See the documentation of the store."
"""For codes of a store's own."""
