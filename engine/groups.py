"""The engine's verbs that are used less often, grouped: users, settings, events."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Final, TypeVar

from . import _codec
from ._commits import find_by_key, load, timeline
from ._core import Core
from ._events import Acting
from ._ids import check_id
from ._numbers import check_duration, check_number
from ._setting_sources import SettingInfo
from ._text import check_text
from ._usecases import (
    audit,
    bulk,
    erasure_told,
    export_user,
    export_users,
    import_user,
    import_users,
    listed_runs,
    set_setting,
    stranger,
    tail,
)
from ._usecases.import_user import ImportResult
from .addresses import canonical
from .clock import to_text
from .errors import InvalidInput, UserNotFound
from .leaving import Erasure
from .preparing import user_id
from .records import AnyUser, Event, User, UserId
from .rows import AnyRow, UserRow, read_row
from .stores import Change, Cursor, KeyTaken, Label, Page, Put, VersionMoved

S = TypeVar("S")

LONGEST_PAGE: Final = 1000
_LAST_SEQUENCE: Final = 2**63 - 1
LABELS = (
    "all",
    "pending",
    "pending/run-failed",
    "confirmed",
    "disabled",
    "deleted",
    "grace",
    "anonymous",
)
"""The lists of users that can be paged and counted; also `provider/NAME`."""


class Users:
    """Finding users, and what is done to many of them."""

    def __init__(self, core: Core, by: Acting) -> None:
        self._core = core
        self._by = by

    def get(self, user_id: str) -> User:
        """Return the user with this id; an absorbed id leads to the survivor.

        Raises:
            UserNotFound: there is none, or it is deleted.
            InvalidInput: this is no id.
        """
        return load(self._core, check_id(user_id, "user"))

    def find(self, address: str) -> User:
        """Return the user whose address this is, as login or by proof, or the newest who waits for
        it. Whose provider only says it is found by that provider's login key, or by id.

        Raises:
            UserNotFound: nobody does.
            InvalidAddress: this is no address.
        """
        user = stranger.owner_of(self._core, canonical(address))
        if user is None:
            raise UserNotFound("address")
        return user

    def find_login(self, provider: str, login_key: str) -> User:
        """Return the user who holds a provider's login key. Raises UserNotFound."""
        key = f"{check_text(provider, 'provider')}:{check_text(login_key, 'login_key')}"
        user = find_by_key(self._core, key)
        if user is None:
            raise UserNotFound("login key")
        return user

    def page(
        self,
        label: str = "all",
        *,
        after: Cursor | None = None,
        limit: int = 50,
        reverse: bool = False,
    ) -> Page[User]:
        """Return up to *limit* users of a list – see `LABELS` –, oldest first, after a cursor.

        Raises:
            InvalidInput: there is no such list, or *limit* is not from 1 to 1,000.
        """
        _check_label(label)
        check_number(limit, "limit", 1, LONGEST_PAGE)
        page = self._core.store.page("user", label, check_cursor(after), limit, reverse)
        return Page(tuple(_codec.user_from(record) for record in page.items), page.next)

    def pending(self, *, after: Cursor | None = None, limit: int = 50) -> Page[User]:
        """Return users who wait to be confirmed, oldest first."""
        return self.page("pending", after=after, limit=limit)

    def search(self, prefix: str, *, limit: int = 20) -> tuple[User, ...]:
        """Return users whose canonical address begins with *prefix*, in its order.

        Raises:
            InvalidInput: *prefix* is no text, or *limit* is not from 1 to 1,000.
        """
        start = check_text(prefix, "prefix").lower()
        check_number(limit, "limit", 1, LONGEST_PAGE)
        page = self._core.store.page("user", "address", Cursor(start, ""), limit)
        return tuple(
            _codec.user_from(record)
            for record in page.items
            if any(n == "address" and order.startswith(start) for n, order in record.labels)
        )

    def count(self, label: str = "all") -> int:
        """Return how many users are in a list. Raises InvalidInput: there is no such list."""
        _check_label(label)
        return self._core.store.count("user", label)

    def timeline(
        self, user: User | UserId | None = None, *, address: str | None = None
    ) -> tuple[Event, ...]:
        """Return a user's events, oldest first; also a deleted user's, by its id.

        Raises:
            UserNotFound: nobody has this *address*. InvalidInput: this is no id.
        """
        return tuple(timeline(self._core, user_id(self._core, user, address)))

    def export(
        self, user: User | UserId | None = None, *, address: str | None = None
    ) -> dict[str, Any]:
        """Return everything that is kept about a user, as a document that JSON can hold: who she is
        to us, identities, addresses, runs, sessions, keys, custom data, events with their details.
        No password, digest or token is in it; `form` and `version` name its form (docs/leaving.md).

        It is recorded that it was taken.

        Raises:
            UserNotFound: nobody has this id or *address*.
        """
        who = user_id(self._core, user, address)
        return export_user.export(self._core, self._by, who)

    def import_user(self, row: AnyRow, *, dry_run: bool = False) -> ImportResult:
        """Keep a user of another system as it was there, past the flow: id, state, identities,
        addresses, hashes, custom data. Who is pending was sent nothing: `rerun` does that. Whoever
        is here already is left as she is, so a row may be imported again.

        *dry_run* changes nothing.

        Raises:
            InvalidInput, UnknownName: the row is none; the place in it is named.
            AddressTaken, IdentityTaken: another user has one of its logins.
            IdTaken: another user has its id, or whoever had it was deleted here.
            NotConfigured, MissingExtra: the format of a hash needs something.
        """
        return import_user.import_user(self._core, self._by, read_row(row), dry_run=dry_run)

    def import_all(
        self, rows: Iterable[AnyRow], *, dry_run: bool = False, skip: int = 0
    ) -> Iterator[ImportResult]:
        """Import many users; yield what became of each row. One that is refused – `error` says why
        – does not stop the others. A file of lines is such rows.

        The first *skip* rows are left out: to resume, pass the last result's `place`, or just begin
        again. *dry_run* changes nothing, and finds rows that collide with each other too.

        Raises:
            InvalidInput: *rows* are none, or *skip* is no number from 0.
            StoreError: the store failed; what was yielded before is kept.
        """
        return import_users.import_users(self._core, self._by, rows, dry_run=dry_run, skip=skip)

    def export_all(self, label: str = "all", *, hashes: bool = False) -> Iterator[UserRow]:
        """Yield the users of a list – see `LABELS` – as rows for `import_all`; `rows.to_line` makes
        a line of one. Password hashes are in it only with *hashes*; sessions, keys and runs never.

        It is recorded that it was taken.

        Raises:
            InvalidInput: there is no such list.
        """
        _check_label(label)
        return export_users.export_users(self._core, self._by, label, hashes=hashes)

    def erasure(self, user: AnyUser) -> Erasure:
        """Return how far the erasing of a deleted user is: each erase step, its tries and errors.
        Of one who is there: of what she unlinked, while it goes on or was given up.

        Raises:
            UserNotFound: no tombstone has this id, nor anybody of whom something is being erased.
            InvalidInput: this is no id.
        """
        return erasure_told.erasure_of(self._core, user_id(self._core, user, None))

    def erasures(self, *, after: Cursor | None = None, limit: int = 50) -> Page[Erasure]:
        """Return erasures with a step that has not succeeded yet, or was given up; oldest first.

        Raises:
            InvalidInput: *limit* is not from 1 to 1,000.
        """
        check_number(limit, "limit", 1, LONGEST_PAGE)
        return erasure_told.erasures(self._core, check_cursor(after), limit)

    def runs(
        self,
        which: listed_runs.WhichRuns = "queued",
        *,
        flow: str | None = None,
        after: Cursor | None = None,
        limit: int = 50,
    ) -> Page[listed_runs.RunOfUser]:
        """Return runs with whose they are: `queued`, those that a worker will take up – or whose
        worker never came back –, the most urgent first; or `failed`, the last ones of pending users
        whose flow failed, refused, or was vetoed, the oldest user first. *flow*: only of this one.

        Raises:
            InvalidInput: *which* is neither, or *limit* is not from 1 to 1,000.
        """
        check_number(limit, "limit", 1, LONGEST_PAGE)
        if flow is not None:
            check_text(flow, "flow")
        return listed_runs.runs(self._core, which, flow, check_cursor(after), limit)

    def rerun_all(
        self,
        *,
        pending_longer_than: timedelta = timedelta(0),
        run_failed: bool = False,
        domain: str | None = None,
        flow: str | None = None,
        dry_run: bool = False,
        per_second: float | None = 10.0,
        after: Cursor | None = None,
        limit: int | None = None,
    ) -> Iterator[bulk.BulkResult]:
        """Re-run the pending users that a filter describes, oldest first; yield a result for each.

        *run_failed*: whose last run failed, was refused or vetoed. *flow*: whose last run was of
        this flow, loaded or not. *domain*: of whose address. All that are given must fit.

        *dry_run* changes nothing and says who it would be. *per_second* paces real runs; None
        does not. To resume, pass the last result's `cursor` as *after*. Users that register
        meanwhile are left out. One that fails does not stop the others.

        Raises:
            InvalidInput: a filter, the pace, *after* or *limit* is none; it is named.
        """
        stuck = bulk.Stuck(
            pending_longer_than=pending_longer_than,
            run_failed=run_failed,
            domain=domain,
            flow=flow,
        )
        return bulk.rerun_all(
            self._core,
            self._by,
            stuck,
            dry_run=dry_run,
            per_second=per_second,
            after=check_cursor(after),
            limit=limit,
        )


def check_cursor(after: object) -> Cursor | None:
    """Return *after* if it is a cursor, or None. Raises InvalidInput."""
    if after is None:
        return None
    if not isinstance(after, Cursor) or not all(isinstance(part, str) for part in after):
        raise InvalidInput("after", "must be a Cursor.", "Pass the one that a page or result had.")
    check_text(after.order, "after")
    check_text(after.id, "after")
    return after


def _check_label(label: str) -> None:
    if check_text(label, "label") not in LABELS and not label.startswith("provider/"):
        raise InvalidInput("label", f"must be one of {', '.join(LABELS)} or provider/NAME.")


class EngineSettings:
    """The settings of an engine, read and changed while it runs."""

    def __init__(self, core: Core, by: Acting) -> None:
        self._core = core
        self._by = by

    def get(self, name: str) -> object:
        """Return the value in force of a setting, such as `confirmation_flow` or `email.subject`.

        Raises:
            UnknownName: there is no such setting; the known ones are listed.
        """
        return self.info(name).value

    def section(self, section: type[S]) -> S:
        """Return the values in force now of a *section* that a plugin registered, as a record: what
        code asks that looks at its settings often. Another process's change is seen within a
        second.

        Raises:
            TypeError: no plugin registered it.
        """
        return self._core.sources.current(section)

    def info(self, name: str) -> SettingInfo:
        """Return a setting with its source and what that hides. Raises UnknownName."""
        return self._core.sources.info_of(name)

    def all(self) -> tuple[SettingInfo, ...]:
        """Return every setting, by name."""
        return tuple(self._core.sources.info())

    def functions(self) -> tuple[str, ...]:
        """Return the names of the registered functions: those that settings such as
        `function.confirmation` may have."""
        return tuple(sorted(self._core.plugins.offers("register_functions")))

    def set(self, name: str, value: object) -> None:
        """Keep *value* in the store, for this and every other engine on it (within a second).

        Raises:
            UnknownName: no such setting, or – for one that names a flow, a function and the like –
                no such thing is loaded; the known ones are listed.
            InvalidSetting: out of bounds, not to be set in the store, or hidden by something
                stronger, which is named.
        """
        set_setting.set_setting(self._core, self._by, name, value)

    def unset(self, name: str) -> None:
        """Take the store's value back; what is weaker shows again. Raises UnknownName."""
        set_setting.unset_setting(self._core, self._by, name)


class Events:
    """The audit trail of the whole store."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def page(self, *, after: int = 0, limit: int = 50) -> tuple[Event, ...]:
        """Return sealed events whose sequence is greater than *after*, in order.

        Raises:
            InvalidInput: *after* is no sequence, or *limit* is not from 1 to 1,000.
        """
        check_number(after, "after", 0, _LAST_SEQUENCE)
        check_number(limit, "limit", 1, LONGEST_PAGE)
        page = self._core.store.events(sequence_after=after, limit=limit)
        return tuple(_codec.event_from(stored) for stored in page.items)

    def unsealed(self, *, limit: int = 50) -> tuple[Event, ...]:
        """Return events that the sealer has not come by yet, in the order of their commits.

        Raises:
            InvalidInput: *limit* is not from 1 to 1,000.
        """
        check_number(limit, "limit", 1, LONGEST_PAGE)
        page = self._core.store.events(unsealed=True, limit=limit)
        return tuple(_codec.event_from(stored) for stored in page.items)

    def tail(self, *, limit: int = 50) -> tuple[Event, ...]:
        """Return the last *limit* events, sealed or not, oldest first.

        Raises:
            InvalidInput: *limit* is not from 0 to 1,000.
        """
        check_number(limit, "limit", 0, LONGEST_PAGE)
        return tuple(tail.tail(self._core, limit))

    def live(
        self,
        stop: threading.Event,
        *,
        last: int = 0,
        every: timedelta = timedelta(seconds=1),
    ) -> Iterator[Event]:
        """Yield the *last* events, then each that is added by anybody, until *stop* is set; looks
        *every* so often. Each is yielded once, about in the order of their commits.

        Raises:
            InvalidInput: *last* is not from 0 to 1,000, or *every* not from a hundredth of a second
                to an hour.
        """
        check_number(last, "last", 0, LONGEST_PAGE)
        check_duration(every, "every", timedelta(milliseconds=10), timedelta(hours=1))
        return tail.live(self._core, stop, last, every.total_seconds())

    def follow(self, consumer: str, *, limit: int = 100) -> Iterator[Event]:
        """Yield up to *limit* sealed events that *consumer* has not taken yet, each at least once.

        The cursor is kept in the store: an event counts as taken when the next one is asked for,
        so one whose handling was cut off comes again.

        Raises:
            InvalidInput: *consumer* is no name of at most 64 characters, or *limit* is not from 1
                to 1,000.
        """
        if not check_text(consumer, "consumer", most=64) or not consumer.isprintable():
            raise InvalidInput("consumer", "must be a short name.")
        check_number(limit, "limit", 1, LONGEST_PAGE)
        return self._following(consumer, limit)

    def _following(self, consumer: str, limit: int) -> Iterator[Event]:
        key = f"consumer:{consumer}"
        record = self._core.store.find(key)
        taken = 0 if record is None else record.body["taken"]
        version = None if record is None else record.version
        record_id = self._core.mint_id() if record is None else record.id
        for event in self.page(after=taken, limit=limit):
            yield event
            body = {"consumer": consumer, "taken": event.sequence}
            label = Label("consumer", to_text(self._core.now()))
            put = Put("consumer", record_id, body, version, (key,), (label,))
            try:
                self._core.store.commit(Change(put=(put,)))
            except (KeyTaken, VersionMoved):
                return  # the same consumer runs twice: let the other one go on
            version = put.version

    def verify(self) -> audit.Audit:
        """Check every seal and sealed event against the engine key, and walk every user's chain of
        events, sealed or not (security.md A3). Reads everything once, a page at a time."""
        return audit.verify(self._core)
