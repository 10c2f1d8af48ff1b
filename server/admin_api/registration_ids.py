"""Registration ids: what a pending user is called here, so that deleting "a registration" can never
delete a user (design.md §3).

A user's id is even; its odd neighbour is the id of its registration.
"""

from __future__ import annotations

from admit.records import UserId


def registration_id(user_id: str) -> str:
    """Return the id of a pending user's registration.

    >>> registration_id("64f000000000000000000002")
    '64f000000000000000000003'
    """
    return f"{int(user_id, 16) | 1:024x}"


def user_of(registration: str) -> UserId:
    """Return the id of the user whose registration this would be.

    >>> user_of("64f000000000000000000003")
    '64f000000000000000000002'
    """
    return UserId(f"{int(registration, 16) & ~1:024x}")


def is_registration(an_id: str) -> bool:
    """Return whether *an_id* is odd: no user that was made here has such an id; one that was
    imported may."""
    return int(an_id, 16) % 2 == 1
