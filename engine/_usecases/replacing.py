"""A password that takes the place of one whose author nobody knows, and what he wrote with it."""

from __future__ import annotations

from collections.abc import Collection

from .._core import Core
from .._evolve import evolve
from ..errors import AdmitError
from ..masked import Secret
from ..records import Identity, Run, User
from .confirm import Change
from .confirming import is_first_proof, prove_address
from .proof import hashed, is_password_of, password_identity, with_private
from .registering import was_registered
from .rerun import readdressed


def replacing(core: Core, user: User, run: Run | None, chosen: Secret) -> Change | None:
    """Return what gives *user* the password that she chose as *run* confirms her, or – confirmed
    already by somebody else's hand – as she is first heard of; None: she has it.

    Raises:
        PasswordRefused: it would be new, and the policy refuses it.
    """
    first_heard: Run | None = None
    if run is not None and run.result != "success" and is_first_heard(user, run):
        # What is not hers is dropped first: the login that stays is the one whose password it is.
        first_heard, user = run, prove_address(core, user, run, core.now()).user
    if (user.state != "pending" and first_heard is None) or is_password_of(core, user, chosen):
        return None
    typed = None if user.address is None else user.address.typed
    core.services.check_password(chosen, address=typed)
    private = hashed(core, user, chosen)

    def change(found: User) -> User:
        new = with_private(core, found, private)
        return new if first_heard is None else without_words(core, new, first_heard)

    return change


def is_first_heard(user: User, run: Run) -> bool:
    """Return whether *run* proves an address of *user* for the first time."""
    return run.proves and is_first_proof(user, run)


def without_words(core: Core, user: User, run: Run) -> User:
    """Return *user*, whose password was just replaced, with no more in its login – and that of
    *run*'s address – than the login itself says. By *run* her owner is first heard of: the rest
    was written by whoever chose the password that went (security.md H1)."""
    own = password_identity(core, user)
    typed = run.typed or run.address or ""
    return evolve(
        user,
        identities=tuple(
            bare(core, i, typed if i.login_key == run.address else i.login_key)
            if i is own or (i.login_key == run.address and was_registered(core, i))
            else i
            for i in user.identities
        ),
    )


def without_passwords(core: Core, user: User, logins: Collection[Identity]) -> User:
    """Return *user* without the passwords of *logins*, of which nobody knows who chose them, and
    without what was written with them; their owner sets one by a reset."""
    typed = {address.canonical: address.typed for address in user.addresses}
    return evolve(
        user,
        identities=tuple(
            bare(core, evolve(i, private={}), typed.get(i.login_key or "", i.login_key))
            if i in logins
            else i
            for i in user.identities
        ),
    )


def bare(core: Core, identity: Identity, login: str | None) -> Identity:
    """Return the identity of a registration with no data but what its provider makes of *login*
    alone; with none where it is not loaded, or needs to be told more."""
    nothing = evolve(identity, data={})
    try:
        said = readdressed(core, nothing, login or "").data
    except AdmitError:
        return nothing
    return evolve(nothing, data=said)
