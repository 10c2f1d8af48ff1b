"""Reading a user, deciding, committing – and deciding again when somebody else was faster."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final, Generic, NamedTuple, TypeVar

from ._codec import event_from, user_from, user_put
from ._core import Core
from ._events import Acting, Happening, digest, make
from ._evolve import evolve
from .errors import (
    AdmitError,
    DomainRefused,
    FateUnknown,
    NewUsersRefused,
    PluginFailed,
    StoreError,
    TryLater,
    UserNotFound,
    Vetoed,
)
from .records import Event, User
from .stores import Change, KeyTaken, NewEvent, Put, Record, Remove, VersionMoved

T = TypeVar("T")

_log: Final = logging.getLogger("admit.commits")
TRIES: Final = 5
"""How often a use case re-reads and re-decides before it answers "try later" (design.md §5)."""
RUNS_KEPT: Final = 5
"""The last five runs, and every one still valid, stay in the user's document (design.md §5)."""


class Decision(NamedTuple, Generic[T]):
    """What a use case decided to do to a user it read."""

    result: T
    new: User | None = None
    """The user as it shall be; None leaves it alone."""
    happenings: tuple[Happening, ...] = ()
    put: tuple[Put, ...] = ()
    remove: tuple[Remove, ...] = ()
    erase: tuple[str, ...] = ()


def load(core: Core, user_id: str) -> User:
    """Return the user, following ids that were absorbed. Raises UserNotFound, also for deleted."""
    return user_from(_live(core, user_id))


def _live(core: Core, user_id: str) -> Record:
    for _ in range(3):  # merges re-point what they had absorbed, so a chain is one step long
        record = core.store.get("user", user_id)
        if record is None:
            raise UserNotFound
        if record.body["state"] != "deleted":
            return record
        absorbed_by: str | None = record.body.get("absorbed_by")
        if absorbed_by is None:
            break
        user_id = absorbed_by
    raise UserNotFound


def change_user(
    core: Core,
    by: Acting,
    user_id: str,
    decide: Callable[[User], Decision[T]],
    *,
    settle: bool = True,
    asked: str | None = None,
    known: User | None = None,
    assumed: User | None = None,
) -> tuple[User, T]:
    """Read the user, decide, commit; when its version moved meanwhile, do so again.

    Returns the user as it is now, and the decision's result. With *asked* – what was asked for –
    a refusal is recorded as well (security.md A6). *known* – the user as the caller
    read or committed it a moment ago – is not decoded again if that is still its version.
    *assumed* – the same – is decided about without reading at all: for a *decide* that puts the
    user in any case, so that the commit compares its version with the one that is there.

    Raises:
        UserNotFound, KeyTaken, FateUnknown, and whatever *decide* raises: nothing was changed.
        TryLater: others were faster five times; nothing was changed.
    """
    for _ in range(TRIES):
        user = assumed or _read(core, user_id, known)
        assumed = None
        try:
            decision = decide(user)
        except AdmitError as problem:
            if asked is not None:
                record_refusal(core, by, user, asked, problem.code)
            raise
        if decision.new is None and not decision.happenings:
            return user, decision.result
        try:
            new = commit_decision(core, by, user, decision, settle=settle)
        except VersionMoved:
            continue
        return new, decision.result
    raise TryLater("others are changing this user")


def _read(core: Core, user_id: str, known: User | None) -> User:
    record = _live(core, user_id)
    if known is not None and (known.id, known.version) == (record.id, record.version):
        return known
    return user_from(record)


def commit_decision(
    core: Core,
    by: Acting,
    old: User | None,
    decision: Decision[T],
    *,
    settle: bool = True,
) -> User:
    """Commit a decision about *old* (None: a user that is new). Returns the user as it is now."""
    user, change = build(core, by, old, decision)
    commit(core, change, settle=settle)
    return user


def build(
    core: Core,
    by: Acting,
    old: User | None,
    decision: Decision[T],
) -> tuple[User, Change]:
    """Return the user with its version and chain moved on, and the change that makes it so."""
    now = core.now()
    events: list[NewEvent] = []
    if decision.new is None:
        seen = old
        assert seen is not None, "a decision that puts nobody is about somebody"
        if seen.state == "deleted":
            by = Acting(by.actor)  # what is recorded of who is gone says no more from where (A5)
        for happening in decision.happenings:
            events.append(
                make(
                    happening,
                    id=core.ids.mint(now),
                    at=now,
                    by=by,
                    user=seen.id,
                    version=seen.version,
                )
            )
        return seen, Change(
            put=decision.put, remove=decision.remove, events=tuple(events), erase=decision.erase
        )
    expects = None if old is None else old.version
    version = (expects or 0) + 1
    head = decision.new.last_event
    for happening in decision.happenings:
        event = make(
            happening,
            id=core.ids.mint(now),
            at=now,
            by=by,
            user=decision.new.id,
            version=version,
            previous=head,
        )
        head = digest(event.body)
        events.append(event)
    user = evolve(decision.new, version=version, last_event=head)
    return user, Change(
        put=(user_put(user, expects), *decision.put),
        remove=decision.remove,
        events=tuple(events),
        erase=decision.erase,
    )


def record_refusal(
    core: Core,
    by: Acting,
    user: User | None,
    asked: str,
    because: str,
    *,
    about: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Commit, unsettled, that something was refused to or about *user* (None: to nobody known), and
    which other ids it was *about*."""
    happening = Happening("refused", codes={"asked": asked, "because": because, **about})
    try:
        if user is None:
            record(core, by, [happening], settle=False)
        else:
            decision: Decision[None] = Decision(result=None, happenings=(happening,))
            commit_decision(core, by, user, decision, settle=False)
    except StoreError as problem:
        # The refusal stands, recorded or not; whoever asked hears of it.
        _log.warning("a refused %s could not be recorded: %s", asked, problem.code)


@contextmanager
def refusals_recorded(core: Core, by: Acting, user: User | None, asked: str) -> Iterator[None]:
    """Record what the gate or a plugin refuses inside the block, or a plugin fails to allow
    (security.md A4, A6)."""
    try:
        yield
    except (NewUsersRefused, DomainRefused, Vetoed, PluginFailed) as problem:
        record_refusal(core, by, user, asked, problem.code)
        raise


def record(core: Core, by: Acting, happenings: Iterable[Happening], *, settle: bool = True) -> None:
    """Commit events of nobody."""
    now = core.now()
    events = tuple(make(h, id=core.ids.mint(now), at=now, by=by) for h in happenings)
    commit(core, Change(events=events), settle=settle)


def commit(core: Core, change: Change, *, settle: bool = True) -> None:
    """Commit; when the fate is unknown, look it up by the first event's id, never repeat blindly.

    Raises:
        FateUnknown: it could not be looked up, or is not there (yet).
        KeyTaken, VersionMoved: nothing was written.
    """
    try:
        core.store.commit(change, settle=settle)
    except FateUnknown:
        if not _is_kept(core, change, settle=settle):
            raise


def _is_kept(core: Core, change: Change, *, settle: bool) -> bool:
    """Return whether a commit of unknown fate is there to stay; False, too, if nobody can say."""
    try:
        if not change.events or core.store.get("event", change.events[0].id) is None:
            return False
        if settle:
            # It can be seen; that it stays, nobody has said: a server that came back from a crash
            # shows commits before its standby has them.
            core.store.settle()
    except StoreError:
        return False
    return True


def find_by_key(core: Core, key: str) -> User | None:
    """Return the user that holds a login key, or None."""
    found = core.store.find(key)
    return None if found is None or found.kind != "user" else user_from(found)


def timeline(core: Core, user_id: str, *, most: int = 10_000) -> list[Event]:
    """Return a user's events, oldest first."""
    events: list[Event] = []
    after = None
    while len(events) < most:
        page = core.store.events(user=user_id, after=after, limit=200)
        events += [event_from(stored) for stored in page.items]
        after = page.next
        if after is None:
            break
    return events


__all__ = [
    "RUNS_KEPT",
    "TRIES",
    "Decision",
    "KeyTaken",
    "build",
    "change_user",
    "commit",
    "commit_decision",
    "find_by_key",
    "load",
    "record",
    "record_refusal",
    "refusals_recorded",
    "timeline",
]
