"""Passwords that an admin chose: marked, and to be changed before they open anything (P6)."""

from __future__ import annotations

from typing import Final

from ..records import Identity

SET_BY: Final = "password_set_by"
"""Where an identity's private part says that its password was chosen by somebody else."""
MUST_CHANGE: Final = "admin"
MAY_STAY: Final = "admin, and may stay"


def must_be_changed(identity: Identity) -> bool:
    """Return whether the password of *identity* must be changed before it opens anything."""
    return identity.private.get(SET_BY) == MUST_CHANGE
