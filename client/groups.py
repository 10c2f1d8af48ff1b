"""The grouped verbs of an engine somewhere else."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from admit import Audit, BulkResult, ImportResult, RunOfUser, SettingInfo, SigningKey
from admit.errors import AdmitError, InvalidInput
from admit.leaving import Erasure
from admit.masked import Secret
from admit.plain import plain
from admit.records import (
    AdminKey,
    AdminScope,
    ApiKey,
    CustomData,
    Event,
    NewAdminKey,
    NewApiKey,
    Session,
    User,
    UserId,
)
from admit.rows import AnyRow, UserRow, read_row, to_line
from admit.settings import About
from admit.stores import Cursor, Page

from .connection import Connection, part
from .errors_told import NotRemote, raised

AnyUser = User | UserId | str

ROWS_AT_ONCE: Final = 200
CHARACTERS_AT_ONCE: Final = 200_000
MOST_EVENTS: Final = 1000

_NO_DIGEST: Final = {"digest": ""}
_NO_REFRESH_DIGEST: Final = {"refresh_digest": ""}
"""What these records have, and no answer tells."""


def who(user: AnyUser | None, address: str | None) -> str:
    """Return who is meant, as a path names her. Raises InvalidInput: nobody, or twice."""
    if (user is None) == (address is None):
        raise InvalidInput("user", "name the user by id or by address, one of the two.")
    if address is not None:
        return address
    return user.id if isinstance(user, User) else str(user)


class _There:
    """Verbs that are asked of a server."""

    def __init__(self, there: Connection) -> None:
        self._there = there

    def __getattr__(self, name: str) -> Any:
        """Say of what the engine can do, and a server cannot, that it is so."""
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotRemote(name)


class _UsersPage(msgspec.Struct):
    users: list[User]
    next: str | None = None


class _ErasuresPage(msgspec.Struct):
    erasures: list[Erasure]
    next: str | None = None


class _RunsPage(msgspec.Struct):
    runs: list[RunOfUser]
    next: str | None = None


class _Arrived(msgspec.Struct):
    place: int
    user_id: str | None
    outcome: Any
    error: dict[str, str] | None


class UsersThere(_There):
    """As `engine.users`."""

    def get(self, user_id: str) -> User:
        """As `Users.get`."""
        return self._there.ask("GET", f"/users/{part(user_id)}", User)

    def find(self, address: str) -> User:
        """As `Users.find`."""
        return self._there.ask("GET", f"/users/{part(address)}", User)

    def page(
        self,
        label: str = "all",
        *,
        after: Cursor | None = None,
        limit: int = 50,
        reverse: bool = False,
    ) -> Page[User]:
        """As `Users.page`."""
        query = {"in": label, "after": _text(after), "limit": limit, "newest": reverse}
        found = self._there.ask("GET", "/users", _UsersPage, query=query)
        return Page(tuple(found.users), _place(found.next))

    def pending(self, *, after: Cursor | None = None, limit: int = 50) -> Page[User]:
        """As `Users.pending`."""
        return self.page("pending", after=after, limit=limit)

    def search(self, prefix: str, *, limit: int = 20) -> tuple[User, ...]:
        """As `Users.search`."""
        query = {"search": prefix, "limit": limit}
        return tuple(self._there.ask("GET", "/users", _UsersPage, query=query).users)

    def count(self, label: str = "all") -> int:
        """As `Users.count`."""
        return self._there.ask("GET", "/users-count", dict[str, int], query={"in": label})["count"]

    def timeline(
        self, user: AnyUser | None = None, *, address: str | None = None
    ) -> tuple[Event, ...]:
        """As `Users.timeline`."""
        path = f"/users/{part(who(user, address))}/timeline"
        return self._there.ask("GET", path, tuple[Event, ...])

    def export(self, user: AnyUser | None = None, *, address: str | None = None) -> dict[str, Any]:
        """As `Users.export`."""
        path = f"/users/{part(who(user, address))}/export"
        return self._there.ask("POST", path, dict[str, Any])

    def erasure(self, user: AnyUser) -> Erasure:
        """As `Users.erasure`."""
        return self._there.ask("GET", f"/users/{part(who(user, None))}/erasure", Erasure)

    def erasures(self, *, after: Cursor | None = None, limit: int = 50) -> Page[Erasure]:
        """As `Users.erasures`."""
        query = {"after": _text(after), "limit": limit}
        found = self._there.ask("GET", "/erasures", _ErasuresPage, query=query)
        return Page(tuple(found.erasures), _place(found.next))

    def runs(
        self,
        which: str = "queued",
        *,
        flow: str | None = None,
        after: Cursor | None = None,
        limit: int = 50,
    ) -> Page[RunOfUser]:
        """As `Users.runs`."""
        query = {"in": which, "flow": flow, "after": _text(after), "limit": limit}
        found = self._there.ask("GET", "/runs", _RunsPage, query=query)
        return Page(tuple(found.runs), _place(found.next))

    def import_all(
        self, rows: Iterable[AnyRow], *, dry_run: bool = False, skip: int = 0
    ) -> Iterator[ImportResult]:
        """As `Users.import_all`, some hundred at a time: of rows that collide with each other, a
        dry run finds those that are asked together."""
        place = skip
        for chunk in _chunks(map(_line, itertools.islice(rows, skip, None))):
            body = {"lines": chunk, "dry_run": dry_run}
            for told in self._there.ask("POST", "/users-import", list[_Arrived], body=body):
                yield ImportResult(
                    user_id=told.user_id,
                    outcome=told.outcome,
                    error=None if told.error is None else _error(told.error),
                    place=place + told.place,
                )
            place += len(chunk)

    def export_all(self, label: str = "all", *, hashes: bool = False) -> Iterator[UserRow]:
        """As `Users.export_all`."""
        body = {"label": label, "hashes": hashes}
        yield from map(read_row, self._there.lines("POST", "/users-export", body=body))

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
    ) -> Iterator[BulkResult]:
        """As `Users.rerun_all`."""
        body = {
            "pending_longer_than": plain(pending_longer_than),
            "run_failed": run_failed,
            "domain": domain,
            "flow": flow,
            "dry_run": dry_run,
            "per_second": per_second,
            "after": _text(after),
            "limit": limit,
        }
        for line in self._there.lines("POST", "/users-rerun", body=body):
            error = line["error"]
            place = _place(line["cursor"])
            assert place is not None
            yield BulkResult(
                user_id=UserId(line["user_id"]),
                address=line["address"],
                outcome=line["outcome"],
                error=None if error is None else _error(error),
                cursor=place,
            )


def _line(row: AnyRow) -> str:
    match row:
        case UserRow():
            return to_line(row)
        case Mapping():
            return json.dumps(plain(row))
        case bytes():
            return row.decode(errors="replace")
    return row


def _chunks(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield lines by so many, and so long, as one request may have; a longer one by itself."""
    chunk: list[str] = []
    size = 0
    for line in lines:
        if chunk and (len(chunk) >= ROWS_AT_ONCE or size + len(line) > CHARACTERS_AT_ONCE):
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += len(line)
    if chunk:
        yield chunk


def _error(told: Mapping[str, str]) -> AdmitError:
    return raised({**told, "error_code": told["code"], "error": told["sentence"]})


class SessionsThere(_There):
    """As `engine.sessions`."""

    def of(self, user: AnyUser | None = None, *, address: str | None = None) -> tuple[Session, ...]:
        """As `Sessions.of`."""
        path = f"/users/{part(who(user, address))}/sessions"
        return self._there.ask("GET", path, tuple[Session, ...], hidden=_NO_REFRESH_DIGEST)

    def end(self, session_id: str) -> None:
        """As `Sessions.end`."""
        self._there.tell("DELETE", f"/sessions/{part(session_id)}")

    def signing_keys(self) -> tuple[SigningKey, ...]:
        """As `Sessions.signing_keys`."""
        return self._there.ask("GET", "/signing-keys", tuple[SigningKey, ...])

    def jwks(self) -> dict[str, Any]:
        """As `Sessions.jwks`."""
        return self._there.ask("GET", "/signing-keys/jwks", dict[str, Any])

    def rotate_keys(
        self, *, publish_for: timedelta = timedelta(0), overlap: timedelta | None = None
    ) -> tuple[SigningKey, ...]:
        """As `Sessions.rotate_keys`."""
        body = {
            "publish_for": plain(publish_for),
            "overlap": None if overlap is None else plain(overlap),
        }
        return self._there.ask("POST", "/signing-keys", tuple[SigningKey, ...], body=body)


class ApiKeysThere(_There):
    """As `engine.api_keys`."""

    def create(
        self,
        user: AnyUser | None = None,
        *,
        name: str,
        address: str | None = None,
        scopes: Sequence[str] = (),
        lifetime: timedelta | None = None,
    ) -> NewApiKey:
        """As `ApiKeys.create`."""
        return self._made(f"/users/{part(who(user, address))}/api-keys", name, scopes, lifetime)

    def create_server_key(
        self, *, name: str, scopes: Sequence[str] = (), lifetime: timedelta | None = None
    ) -> NewApiKey:
        """As `ApiKeys.create_server_key`."""
        return self._made("/api-keys", name, scopes, lifetime)

    def of(self, user: AnyUser | None = None, *, address: str | None = None) -> tuple[ApiKey, ...]:
        """As `ApiKeys.of`."""
        path = f"/users/{part(who(user, address))}/api-keys"
        return self._there.ask("GET", path, tuple[ApiKey, ...], hidden=_NO_DIGEST)

    def of_server(self) -> tuple[ApiKey, ...]:
        """As `ApiKeys.of_server`."""
        return self._there.ask("GET", "/api-keys", tuple[ApiKey, ...], hidden=_NO_DIGEST)

    def get(self, key_id: str) -> ApiKey:
        """As `ApiKeys.get`."""
        return self._one("GET", key_id)

    def disable(self, key_id: str) -> ApiKey:
        """As `ApiKeys.disable`."""
        return self._one("POST", key_id, "/disable")

    def enable(self, key_id: str) -> ApiKey:
        """As `ApiKeys.enable`."""
        return self._one("POST", key_id, "/enable")

    def delete(self, key_id: str) -> None:
        """As `ApiKeys.delete`."""
        self._there.tell("DELETE", f"/api-keys/{part(key_id)}")

    def _one(self, method: str, key_id: str, act: str = "") -> ApiKey:
        return self._there.ask(method, f"/api-keys/{part(key_id)}{act}", ApiKey, hidden=_NO_DIGEST)

    def _made(
        self, path: str, name: str, scopes: Sequence[str], lifetime: timedelta | None
    ) -> NewApiKey:
        body = {
            "name": name,
            "scopes": list(scopes),
            "lifetime": None if lifetime is None else plain(lifetime),
        }
        made = self._there.ask("POST", path, dict[str, Any], body=body)
        key = msgspec.convert({**_NO_DIGEST, **made["key"]}, ApiKey)
        return NewApiKey(key=key, text=Secret(made["text"]))


class AdminKeysThere(_There):
    """As `engine.admin_keys`."""

    def create(
        self, name: str, *, scope: AdminScope, expires_at: datetime | None = None
    ) -> NewAdminKey:
        """As `AdminKeys.create`."""
        body = {
            "name": name,
            "scope": scope,
            "expires_at": None if expires_at is None else plain(expires_at),
        }
        made = self._there.ask("POST", "/admin-keys", dict[str, Any], body=body)
        key = msgspec.convert({**_NO_DIGEST, **made["key"]}, AdminKey)
        return NewAdminKey(key=key, private_key=Secret(made["private_key"]))

    def all(self) -> tuple[AdminKey, ...]:
        """As `AdminKeys.all`."""
        return self._there.ask("GET", "/admin-keys", tuple[AdminKey, ...], hidden=_NO_DIGEST)

    def disable(self, key_id: str) -> AdminKey:
        """As `AdminKeys.disable`."""
        return self._act(key_id, "disable")

    def enable(self, key_id: str) -> AdminKey:
        """As `AdminKeys.enable`."""
        return self._act(key_id, "enable")

    def delete(self, key_id: str) -> None:
        """As `AdminKeys.delete`."""
        self._there.tell("DELETE", f"/admin-keys/{part(key_id)}")

    def _act(self, key_id: str, act: str) -> AdminKey:
        path = f"/admin-keys/{part(key_id)}/{act}"
        return self._there.ask("POST", path, AdminKey, hidden=_NO_DIGEST)


class CustomDataThere(_There):
    """As `engine.custom_data`."""

    def get(self, user: AnyUser | None = None, *, address: str | None = None) -> CustomData:
        """As `CustomDataGroup.get`."""
        return self._there.ask("GET", self._path(user, address), CustomData)

    def set(
        self,
        user: AnyUser | None = None,
        data: Mapping[str, object] | None = None,
        *,
        address: str | None = None,
        version: int | None = None,
    ) -> CustomData:
        """As `CustomDataGroup.set`."""
        body = {"data": dict(data or {}), "version": version}
        return self._there.ask("PUT", self._path(user, address), CustomData, body=body)

    def _path(self, user: AnyUser | None, address: str | None) -> str:
        return f"/users/{part(who(user, address))}/custom-data"


class IdentitiesThere(_There):
    """As `engine.identities`."""

    def unlink(
        self,
        user: AnyUser | None = None,
        *,
        provider: str,
        identity: str | None = None,
        address: str | None = None,
    ) -> User:
        """As `Identities.unlink`."""
        path = f"/users/{part(who(user, address))}/unlink"
        body = {"provider": provider, "identity": identity}
        return self._there.ask("POST", path, User, body=body)

    def change_address_manually(
        self, user: AnyUser | None = None, *, to: str, address: str | None = None
    ) -> User:
        """As `Identities.change_address_manually`."""
        path = f"/users/{part(who(user, address))}/change-address"
        return self._there.ask("POST", path, User, body={"to": to})


class _Told(msgspec.Struct):
    name: str
    value: Any
    source: Any
    default: Any
    hides: dict[str, Any]
    help: str
    where: list[Any]
    problem: str | None = None


class SettingsThere(_There):
    """As `engine.settings`; values come as text, numbers and truth."""

    def get(self, name: str) -> object:
        """As `EngineSettings.get`."""
        return self.info(name).value

    def info(self, name: str) -> SettingInfo:
        """As `EngineSettings.info`."""
        return _info(self._there.ask("GET", f"/settings/{part(name)}", _Told))

    def all(self) -> tuple[SettingInfo, ...]:
        """As `EngineSettings.all`."""
        return tuple(map(_info, self._there.ask("GET", "/settings", list[_Told])))

    def set(self, name: str, value: object) -> None:
        """As `EngineSettings.set`."""
        self._there.ask("PUT", f"/settings/{part(name)}", _Told, body={"value": plain(value)})

    def unset(self, name: str) -> None:
        """As `EngineSettings.unset`."""
        self._there.ask("DELETE", f"/settings/{part(name)}", _Told)


def _info(told: _Told) -> SettingInfo:
    return SettingInfo(
        name=told.name,
        value=told.value,
        source=told.source,
        hides=tuple(told.hides.items()),  # type: ignore[arg-type]  # the server's own words
        default=told.default,
        about=About(help=told.help, where=frozenset(told.where)),
        problem=told.problem,
    )


class EventsThere(_There):
    """As `engine.events`."""

    def page(self, *, after: int = 0, limit: int = 50) -> tuple[Event, ...]:
        """As `Events.page`."""
        query = {"after": after, "limit": limit}
        return self._there.ask("GET", "/events", tuple[Event, ...], query=query)

    def unsealed(self, *, limit: int = 50) -> tuple[Event, ...]:
        """As `Events.unsealed`."""
        return self._there.ask("GET", "/events/unsealed", tuple[Event, ...], query={"limit": limit})

    def tail(self, *, limit: int = 50) -> tuple[Event, ...]:
        """As `Events.tail`."""
        return self._there.ask("GET", "/events/tail", tuple[Event, ...], query={"limit": limit})

    def live(
        self,
        stop: threading.Event,
        *,
        last: int = 0,
        every: timedelta = timedelta(seconds=1),
    ) -> Iterator[Event]:
        """As `Events.live`; of more than a thousand between two looks, the oldest are missed."""
        found = self.tail(limit=MOST_EVENTS)
        yield from found[max(0, len(found) - last) :]
        seen = {event.id for event in found}
        while not stop.wait(every.total_seconds()):
            found = self.tail(limit=MOST_EVENTS)
            yield from [event for event in found if event.id not in seen]
            seen = {event.id for event in found}

    def stream(self, *, after: int = 0) -> Iterator[Event]:
        """Yield sealed events after a sequence as they come, until it is closed."""
        for line in self._there.lines("GET", "/events/stream", query={"after": after}):
            yield msgspec.convert(line, Event)

    def verify(self) -> Audit:
        """As `Events.verify`."""
        return self._there.ask("GET", "/events/audit", Audit)


def _text(place: Cursor | None) -> str | None:
    return None if place is None else f"{place.order}/{place.id}"


def _place(text: str | None) -> Cursor | None:
    if text is None:
        return None
    order, _, record_id = text.rpartition("/")
    return Cursor(order, record_id)
