"""A password that takes the place of one whose author nobody knows."""

from __future__ import annotations

from .._core import Core
from ..masked import Secret
from ..records import Run, User
from .confirm import Change
from .confirming import is_first_proof
from .proof import hashed, is_password_of, with_private


def replacing(core: Core, user: User, run: Run | None, chosen: Secret) -> Change | None:
    """Return what gives *user* the password that she chose as *run* confirms her, or – confirmed
    already by somebody else's hand – as she is first heard of; None: she has it.

    Raises:
        PasswordRefused: it would be new, and the policy refuses it.
    """
    first_heard = (
        run is not None and run.proves and run.result != "success" and is_first_proof(user, run)
    )
    if not (user.state == "pending" or first_heard) or is_password_of(core, user, chosen):
        return None
    typed = None if user.address is None else user.address.typed
    core.services.check_password(chosen, address=typed)
    private = hashed(core, user, chosen)
    return lambda found: with_private(core, found, private)
