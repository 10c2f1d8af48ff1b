"""Import: a user of another system is kept as it was there, past the flow."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import attrs

from .._codec import user_from
from .._commits import TRIES, Decision, commit_decision, find_by_key, record_refusal
from .._core import Core
from .._events import Acting, Happening
from .._evolve import evolve
from ..errors import (
    AddressTaken,
    AdmitError,
    IdentityTaken,
    IdTaken,
    InvalidInput,
    TryLater,
)
from ..lifecycle import NEW
from ..records import Identity, User
from ..rows import UserRow
from ..stores import KeyTaken, VersionMoved
from . import custom_data
from .arriving import Arrival, arrival_of
from .confirming import address_taken, holders, left_to_worker, waiting
from .register import refuse_if_taken
from .registering import is_login

ImportOutcome: TypeAlias = Literal["imported", "would-import", "there", "differs", "refused"]


_COMPARED: Final = (
    *("state", "disabled", "created_at", "confirmed_at", "delete_at", "addresses"),
    *("first_log_in_at", "last_seen_at"),
)


@attrs.frozen(kw_only=True)
class ImportResult:
    """What became of a row."""

    user_id: str | None
    """None when no user came of it, and its row named none."""
    outcome: ImportOutcome
    """`imported`; `would-import` in a dry run; `there`: it was, with all that the row says;
    `differs`: it was, and was changed since, which is left so; `refused`."""
    error: AdmitError | None = None
    place: int | None = None
    """Of many: which row it was, from 1."""


def import_user(
    core: Core, by: Acting, row: UserRow, *, dry_run: bool = False, settle: bool = True
) -> ImportResult:
    """Keep the user of *row*, read by `read_row`; see `Users.import_user`."""
    for _ in range(TRIES):
        arrival = arrival_of(core, row)
        present = _present(core, row, arrival.user)
        if present is not None:
            same = _is(core, row, present)
            return ImportResult(user_id=present.id, outcome="there" if same else "differs")
        _refuse_beside(core, row)
        _refuse_others_mailbox(core, arrival.user)
        if dry_run:
            _refuse_if_taken(core, arrival.user)
            return ImportResult(user_id=row.id, outcome="would-import")
        try:
            user = _commit(core, by, arrival, settle)
        except VersionMoved:
            continue
        return ImportResult(user_id=user.id, outcome="imported")
    raise TryLater("others are changing this user")


def _present(core: Core, row: UserRow, arriving: User) -> User | None:
    """Return the user whom *row* is about if she is here already: by the id; without one, only who
    is just as the row says.

    Raises:
        IdTaken: the id is another user's, or was that of one who was deleted here.
    """
    logins = {identity.key for identity in arriving.identities}
    if row.id is None:
        return next((user for user in _same_login(core, arriving) if _is(core, row, user)), None)
    record = core.store.get("user", row.id)
    if record is None:
        return None
    user = user_from(record)
    if user.state == "deleted" or not logins <= {identity.key for identity in user.identities}:
        raise IdTaken(user.id, user.state)
    return user


def beside(user_id: str) -> str:
    """Return the neighbour of an id: the registration of a pending user is called by the odd one of
    the two (design.md §3)."""
    return f"{int(user_id, 16) ^ 1:024x}"


def next_to(user_id: str) -> InvalidInput:
    """Return the error for an id beside that of another user, one of whom is pending: admins could
    not tell that user's registration from the other user."""
    return InvalidInput(
        "id",
        f"is the neighbour of {user_id}, and one of the two is pending.",
        "Leave the id out: then one is made.",
    )


def _refuse_beside(core: Core, row: UserRow) -> None:
    record = None if row.id is None else core.store.get("user", beside(row.id))
    if record is not None and "pending" in {row.state, user_from(record).state}:
        raise next_to(record.id)


def _refuse_others_mailbox(core: Core, user: User) -> None:
    """Refuse a mailbox as proved with which somebody else logs in: what is sent there about that
    account would be about this one, too. Raises AddressTaken."""
    for address in user.addresses:
        if address.proved_by is None:
            continue
        for other in holders(core, address.canonical):
            logs_in = any(is_login(core, one, address.canonical) for one in other.identities)
            if other.id != user.id and other.state == "confirmed" and logs_in:
                raise AddressTaken(other.state)


def _same_login(core: Core, arriving: User) -> list[User]:
    key = arriving.identities[0].key
    assert key is not None, "an imported identity has a login key"
    holder = find_by_key(core, key)
    return [*waiting(core, key), *([] if holder is None else [holder])]


def _is(core: Core, row: UserRow, stored: User) -> bool:
    """Return whether all that *row* says of *stored* is still so."""
    if row.created_at is None:  # what a row leaves open is what it was taken to mean when it came
        row = attrs.evolve(row, created_at=stored.created_at)
    arrival = arrival_of(core, row)
    came = arrival.user
    if any(getattr(came, name) != getattr(stored, name) for name in _COMPARED):
        return False
    if len(came.identities) != len(stored.identities):
        return False
    mine = {identity.key: identity for identity in stored.identities}
    if not all(
        _is_kept(identity, mine.get(identity.key), id_matters=part.id is not None)
        for part, identity in zip(row.identities, came.identities, strict=True)
    ):
        return False
    kept = custom_data.stored(core, stored.id) or {}
    return arrival.custom_data is None or dict(arrival.custom_data) == dict(kept)


def _is_kept(came: Identity, kept: Identity | None, *, id_matters: bool) -> bool:
    if kept is None or not came.private.items() <= kept.private.items():
        return False
    return came == evolve(kept, private=came.private, id=kept.id if id_matters else came.id)


def _commit(core: Core, by: Acting, arrival: Arrival, settle: bool) -> User:
    user = arrival.user
    trigger = "create" if user.state == "confirmed" else "register"
    if user.state == "confirmed":
        user = left_to_worker(core, user)
    elif core.settings.address_policy == "first-proof":
        user = evolve(user, holds_keys=False)
        refuse_if_taken(core, user)
    happening = Happening(
        trigger,
        NEW,
        user.state,
        codes={"cause": "import"},
        detail={} if user.address is None else {"address": user.address.typed},
    )
    data = arrival.custom_data
    decision = Decision(
        result=None,
        new=user,
        happenings=(happening,),
        put=() if data is None else (custom_data.first(user.id, data),),
    )
    try:
        return commit_decision(core, by, None, decision, settle=settle)
    except KeyTaken as taken:
        problem = _taken(core, user, taken)
        record_refusal(core, by, None, "import", problem.code)
        raise problem from None


def _refuse_if_taken(core: Core, user: User) -> None:
    """In a dry run nothing collides, so what would is looked up. Raises AddressTaken,
    IdentityTaken."""
    if user.state == "pending" and core.settings.address_policy == "first-proof":
        refuse_if_taken(core, user)
    for identity in user.identities:
        if identity.key is not None and core.store.find(identity.key) is not None:
            raise _taken(core, user, KeyTaken(identity.key))


def _taken(core: Core, user: User, taken: KeyTaken) -> AddressTaken | IdentityTaken:
    identity = next((i for i in user.identities if i.key == taken.key), None)
    if identity is None or any(a.canonical == identity.login_key for a in user.addresses):
        return address_taken(core, taken)
    return IdentityTaken(identity.provider)
