"""What an application keeps beside its users: named documents, and secrets that are sealed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from .._commits import TRIES, commit
from .._core import Core
from .._documents import check_document
from .._events import Acting, Happening, make
from .._sealing import seal, unseal
from .._text import check_text
from ..clock import from_text, to_text
from ..errors import InvalidInput, Outdated, TryLater, UnknownName
from ..masked import Secret
from ..records import AppSecret, Document
from ..stores import Change, KeyTaken, Label, Put, Record, Remove, VersionMoved

DOCUMENT: Final = "document"
SEALED: Final = "app-secret"
"""Both the kind of the records and the list of them, ordered by name; the engine's own secrets are
of another kind."""
_NAME: Final = re.compile(r"[A-Za-z0-9_./-]{1,64}")
_MOST_BYTES: Final = 65_536
_LONGEST_SECRET: Final = 10_000


def check_name(name: object) -> str:
    """Return *name* if it is one. Raises InvalidInput."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInput("name", "must be 1 to 64 ASCII letters, numbers and _./-.")
    return name


# --- documents -----------------------------------------------------------------------------------


def get_document(core: Core, name: str) -> Document:
    """Return a document; see `Documents.get`."""
    record = core.store.find(key_of(DOCUMENT, name))
    if record is None:
        return Document(name=name, data={}, version=0)
    return Document(name=name, data=record.body["data"], version=record.version)


def set_document(core: Core, by: Acting, name: str, data: object, version: int | None) -> Document:
    """Keep a document; see `Documents.set`."""
    document = check_document(data, "data", most_bytes=_MOST_BYTES)
    record = core.store.find(key_of(DOCUMENT, name))
    found = 0 if record is None else record.version
    if version is not None and version != found:
        raise Outdated("The document", version, found)
    put = _put(core, DOCUMENT, name, {"data": document}, record)
    _commit(core, by, Change(put=(put,)), "document-set", {"document": name})
    return Document(name=name, data=document, version=put.version)


# --- secrets -------------------------------------------------------------------------------------


def all_secrets(core: Core) -> tuple[AppSecret, ...]:
    """Return what secrets there are; see `Secrets.all`."""
    found: list[AppSecret] = []
    after = None
    while True:
        page = core.store.page(SEALED, SEALED, after, 100)
        found += [_secret_from(record) for record in page.items]
        after = page.next
        if after is None:
            return tuple(found)


def set_secret(core: Core, by: Acting, name: str, value: Secret) -> AppSecret:
    """Keep a secret; see `Secrets.set`."""
    check_text(value.reveal(), "value", most=_LONGEST_SECRET)
    record = core.store.find(key_of(SEALED, name))
    secret_id = core.mint_id() if record is None else record.id
    body = {
        "sealed": seal(core.keys, value, about=about(secret_id)),
        "changed_at": to_text(core.now()),
    }
    put = _put(core, SEALED, name, body, record, record_id=secret_id)
    _commit(core, by, Change(put=(put,)), "secret-set", {"secret": name})
    return _secret_from(Record(put.kind, put.id, put.version, put.body, put.keys, put.labels))


def reveal_secret(core: Core, name: str) -> Secret:
    """Return a secret itself; see `Secrets.reveal`."""
    record = _found(core, name)
    return unseal(core.keys, record.body["sealed"], about=about(record.id))


def delete_secret(core: Core, by: Acting, name: str) -> None:
    """Delete a secret; see `Secrets.delete`."""
    for _ in range(TRIES):
        record = _found(core, name)
        remove = Remove(SEALED, record.id, record.version)
        try:
            _write(core, by, Change(remove=(remove,)), "secret-deleted", {"secret": name})
        except VersionMoved:
            continue
        return
    raise TryLater("others are changing this secret")


def about(secret_id: str) -> str:
    """Return what a secret is sealed about, so that none can stand in another's place."""
    return f"{SEALED} {secret_id}"


def _found(core: Core, name: str) -> Record:
    record = core.store.find(key_of(SEALED, name))
    if record is None:
        raise UnknownName("secret", name, [secret.name for secret in all_secrets(core)])
    return record


def _secret_from(record: Record) -> AppSecret:
    body = record.body
    return AppSecret(
        id=record.id,
        name=body["name"],
        changed_at=from_text(body["changed_at"]),
        version=record.version,
    )


# --- both ----------------------------------------------------------------------------------------


def key_of(kind: str, name: str) -> str:
    """Return the store key that makes a name unique among its kind."""
    return f"{kind}:{name}"


def _put(
    core: Core,
    kind: str,
    name: str,
    body: Mapping[str, object],
    record: Record | None,
    *,
    record_id: str | None = None,
) -> Put:
    return Put(
        kind,
        record_id or (core.mint_id() if record is None else record.id),
        {"name": name, **body},
        None if record is None else record.version,
        (key_of(kind, name),),
        (Label(kind, name),),
    )


def _commit(core: Core, by: Acting, change: Change, trigger: str, codes: dict[str, str]) -> None:
    try:
        _write(core, by, change, trigger, codes)
    except (KeyTaken, VersionMoved):
        raise TryLater("somebody else is changing this") from None


def _write(core: Core, by: Acting, change: Change, trigger: str, codes: dict[str, str]) -> None:
    happening = Happening(trigger, codes=codes)
    event = make(happening, id=core.mint_id(), at=core.now(), by=by)
    commit(core, change._replace(events=(event,)))
