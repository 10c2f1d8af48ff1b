"""What a deleted user leaves: with what erase steps are called, and how far the erasing is."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Literal, Protocol

import attrs

from .records import User, UserId
from .services import Services


@attrs.frozen(kw_only=True)
class Left:
    """What an erase step is called with: kept until every step has ended, then erased too."""

    user: User
    """As she was before; what is `private` in an identity only where the step asks for it."""
    custom_data: Mapping[str, object]
    attempt: int
    """1 for the first try. A step is called at least once: a later try may follow a success that
    was never heard of."""


class EraseStep(Protocol):
    """Erases a deleted user's data elsewhere, or tells somebody who has some.

    These may also stand on the object, each with a default:

    - `private_of = ("oauth2-apple", …)`: the providers of whose identities it needs what is
      `private` – a token to revoke (default: none, so that it is gone at once);
    - `needs_private = True`: it has nothing to do for a user of whom none of that is kept, and is
      not called for her (default False);
    - `also_of_unlinked = True`: it is called as well for an identity with such private data that
      was unlinked from a user who stays, with no more of her than that (default False: a step may
      erase all that the other side knows of a user);
    - `limit_seconds`: how long a try may take (default 30);
    - `inline = True`: it does no I/O (default False: in a thread of ours, under the limit).
    """

    def erase(self, left: Left, services: Services) -> None | Awaitable[None]:
        """Erase it. Must be safe to repeat; whatever it raises has it tried again later."""
        ...


@attrs.frozen(kw_only=True)
class ErasureStep:
    """How far one erase step of a deleted user is."""

    name: str
    tries: int = 0
    ended: Literal["done", "gave-up"] | None = None
    """`gave-up`: it failed until the setting `erase_steps_within` had passed."""
    ended_at: datetime | None = None
    due_at: datetime | None = None
    """When it is tried (again), or how long the try under way may take."""
    error: str | None = None
    """What its last try failed with: a code, and a sentence without personal data."""


@attrs.frozen(kw_only=True)
class Erasure:
    """How far the erasing of a deleted user is, or of what a user unlinked."""

    user: UserId
    deleted_at: datetime | None
    """None: she is there; it is about identities that were unlinked."""
    finished: bool
    """Nothing more will be done, though a step may have given up."""
    steps: tuple[ErasureStep, ...] = ()

    @property
    def gave_up(self) -> tuple[str, ...]:
        """The names of the steps that were given up: somebody has to see to it by hand."""
        return tuple(step.name for step in self.steps if step.ended == "gave-up")
