"""What it means to become confirmed, whoever or whatever brought it about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from .._codec import user_from
from .._commits import find_by_key
from .._core import Core
from .._events import Happening
from .._evolve import evolve
from ..errors import AddressTaken
from ..lifecycle import move
from ..records import Run, User
from ..stores import Cursor, KeyTaken
from .first_proof import Dropped, drop_unproved
from .runs import cancelled, ended

MOST_READ: Final = 10
"""Users that are read of those who share an address or wait for a login; at most five wait."""
_PAGES: Final = (MOST_READ, *[100] * 10)
"""How many users are read in turn of all who carry an address."""
_BEHIND_EVERY_ID: Final = "f" * 24
"""The last id that there could be."""


def become_confirmed(
    core: Core, user: User, *, run: Run | None, proved: bool, cause: str
) -> tuple[User, Happening]:
    """Return *user* confirmed, and what is to be recorded. Raises NotAllowed.

    *cause* is `token`, `code`, `flow`, `reset` or `admin`. *proved* marks the address as proved by
    *run*: then sessions and API keys of before are dead (security.md H2). Confirming never enables.
    """
    now = core.now()
    step = move(user.state, "confirm")
    codes = {"cause": cause}
    detail: Mapping[str, object] = {}
    run_id, epoch, keys_epoch = None, user.epoch, user.keys_epoch
    if run is not None:
        run_id = run.id
        codes["flow"] = run.flow
        if proved:
            proof = prove_address(core, user, run, now)
            codes |= {"proved": "yes", **proof.codes}
            user, detail = proof.user, proof.detail
            epoch, keys_epoch = user.epoch + 1, user.keys_epoch + 1
    # Who holds her keys already leaves no rival to be looked for here: nobody begins to wait for a
    # key that is held. Those who waited before, under another policy, are left to the sweep.
    has_rivals = not user.holds_keys and any(rivals(core, user))
    if has_rivals:
        core.work_waits.set()
    new = evolve(
        user,
        state=step.state,
        confirmed_at=now,
        holds_keys=True,
        code_tries=None,
        epoch=epoch,
        keys_epoch=keys_epoch,
        runs=tuple([_after_confirmation(other, run_id, now) for other in user.runs]),
        chore_at=now if has_rivals else user.chore_at,
    )
    return new, Happening("confirm", user.state, step.state, run_id, codes, detail)


def _after_confirmation(run: Run, done: str | None, now: datetime) -> Run:
    """The run that did it has succeeded; what waits in the queue is not sent any more."""
    if run.id == done:
        return ended(run, "success", now)
    if run.purpose == "confirm" and run.result is None and run.due_at is not None:
        return ended(run, "superseded", now)
    return run


def prove_address(core: Core, user: User, run: Run, now: datetime) -> Dropped:
    """Return *user* with the address that *run* was about marked as proved by it: for the first
    time, without what its owner never proved (H3). A change of address that was asked for before
    is cancelled (H4)."""
    dropped = Dropped(user, ())
    if run.address is None:
        return dropped
    if is_first_proof(user, run):
        mailboxes = (run.address,)
        dropped = drop_unproved(core, user, mailboxes)
        if not dropped.user.identities:
            # What was registered came first, and is what she comes in with; this process has not
            # loaded its provider.
            dropped = drop_unproved(core, user, mailboxes, user.identities[:1])
    proved = with_proof(dropped.user, run.address, by=run.id, at=now)
    return dropped._replace(user=cancelled(proved, ("change-address",), now))


def with_proof(user: User, canonical: str, *, by: str, at: datetime) -> User:
    """Return *user* with one of her addresses marked as proved *by* a run or provider."""
    return evolve(
        user,
        addresses=tuple(
            evolve(address, proved_at=at, proved_by=by)
            if address.canonical == canonical
            else address
            for address in user.addresses
        ),
    )


def is_first_proof(user: User, run: Run) -> bool:
    """Return whether the address that *run* is about was never proved before."""
    return any(a.canonical == run.address and a.proved_at is None for a in user.addresses)


def rivals(core: Core, user: User) -> list[User]:
    """Return the others who wait, under `first-proof`, for a login key of *user*; who only shares
    a mailbox, and logs in otherwise, is none."""
    keys = [identity.key for identity in user.identities if identity.key is not None]
    return [other for key in keys for other in waiting(core, key) if other.id != user.id]


def left_to_worker(core: Core, user: User) -> User:
    """Return *user*, marked if others wait under `first-proof` for a login that is hers now: the
    worker rejects them."""
    if not rivals(core, user):
        return user
    core.work_waits.set()
    return evolve(user, chore_at=core.now())


def waiting(core: Core, key: str) -> list[User]:
    """Return the pending users who wait for a login key, newest last."""
    return _labelled(core, "waits-for", key)


def holders(core: Core, canonical: str) -> list[User]:
    """Return the users that carry this address, newest last: under `reserve` at most one of a
    provider, under `first-proof` also those who wait for it."""
    return _labelled(core, "address", canonical)


def prover(core: Core, canonical: str) -> User | None:
    """Return the confirmed user who proved this address – the newest, if several did –, or None."""
    return next(
        (
            u
            for u in carriers(core, canonical)
            if u.state == "confirmed" and _has_proved(u, canonical)
        ),
        None,
    )


def carriers(core: Core, canonical: str) -> Iterator[User]:
    """Yield the users that carry this address, newest first, a thousand at most: others may carry
    it without proof, as many as somebody likes, and must hide nobody who has more to do with it."""
    after = Cursor(canonical, _BEHIND_EVERY_ID)
    for size in _PAGES:
        page = core.store.page("user", "address", after, size, reverse=True)
        for record in page.items:
            if ("address", canonical) not in record.labels:
                return
            yield user_from(record)
        if page.next is None:
            return
        after = page.next


def _has_proved(user: User, canonical: str) -> bool:
    return any(a.canonical == canonical and a.proved_at is not None for a in user.addresses)


def newest(users: Iterable[User]) -> User | None:
    """Return the one that came last, or None."""
    return max(users, key=lambda user: (user.created_at, user.id), default=None)


def _labelled(core: Core, label: str, order: str) -> list[User]:
    # The newest ones: whoever fills a list with users of his own must not hide who comes after.
    page = core.store.page("user", label, Cursor(order, _BEHIND_EVERY_ID), MOST_READ, reverse=True)
    found = [user_from(record) for record in page.items if (label, order) in record.labels]
    return found[::-1]


def address_taken(core: Core, taken: KeyTaken) -> AddressTaken:
    """Return the error for a login key that somebody holds, saying in which state."""
    holder = find_by_key(core, taken.key)
    return AddressTaken(None if holder is None else holder.state)
