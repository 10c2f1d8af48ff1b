"""Making events: what they say, what is erasable in them, and the chain that links a user's."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import attrs

from ._ids import check_id
from ._text import check_line
from .clock import to_text
from .errors import InvalidInput
from .records import Actor, Client
from .stores import Body, NewEvent

_canonical_json: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False
).encode

_SALT_BYTES: Final = 16
"""So that the digest of a detail that was erased cannot be found by trying addresses."""


@attrs.frozen
class Acting:
    """Who asks, why, and from where: bound to a view of the engine."""

    actor: Actor
    reason: str | None = None
    client: Client | None = None

    @property
    def locale(self) -> str | None:
        """The language of whoever asks, if it is known."""
        return None if self.client is None else self.client.locale


def checked(by: Acting) -> Acting:
    """Return *by* if an event can keep it. Raises InvalidInput, naming the field."""
    if not isinstance(by.actor, Actor):
        raise InvalidInput("actor", "must be an Actor.")
    if by.client is not None and not isinstance(by.client, Client):
        raise InvalidInput("client", "must be a Client.")
    if by.reason is not None:
        check_line(by.reason, "reason", most=4000, breaks=True)
    texts = {"actor.id": by.actor.id}
    if by.client is not None:
        client = by.client
        texts |= {"client.address": client.address, "client.device": client.device}
        texts["client.locale"] = client.locale
        if client.device_id is not None:
            check_id(client.device_id, "client.device_id")
    for field, text in texts.items():
        if text is not None:
            check_line(text, field)
    return by


class Happening(NamedTuple):
    """What is to be recorded; `make` turns it into an event."""

    trigger: str
    from_state: str | None = None
    to_state: str | None = None
    run: str | None = None
    codes: Mapping[str, str] = MappingProxyType({})
    detail: Mapping[str, object] = MappingProxyType({})


def digest(value: object) -> str:
    """Return the SHA-256 of *value* as canonical JSON, in hex."""
    return hashlib.sha256(_canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def make(
    happening: Happening,
    *,
    id: str,
    at: datetime,
    by: Acting,
    user: str | None = None,
    version: int | None = None,
    previous: str | None = None,
) -> NewEvent:
    """Return the event of *happening*. With *previous* it continues a user's chain."""
    body: dict[str, Any] = {
        "id": id,
        "at": to_text(at),
        "trigger": happening.trigger,
        "actor": [by.actor.kind, by.actor.id],
    }
    if user is not None:
        body["user"] = user
        body["version"] = version
    if happening.from_state is not None:
        body["from"] = happening.from_state
    if happening.to_state is not None:
        body["to"] = happening.to_state
    if happening.run is not None:
        body["run"] = happening.run
    if happening.codes:
        body["codes"] = dict(happening.codes)
    detail = _detail(happening, by)
    if detail is not None:
        body["detail_digest"] = digest(detail)
    if previous is not None:
        body["previous"] = previous
    return NewEvent(id, body, user, version, detail)


def _detail(happening: Happening, by: Acting) -> Body | None:
    if not happening.detail and by.reason is None and by.client is None:
        return None
    detail: dict[str, Any] = dict(happening.detail)
    if by.reason:
        detail["reason"] = by.reason
    # What ends a user keeps its detail, which says why; so it must not say from where (A5).
    if by.client is not None and happening.to_state != "deleted":
        detail["client"] = {k: v for k, v in attrs.asdict(by.client).items() if v is not None}
    if not detail:
        return None
    detail["salt"] = secrets.token_hex(_SALT_BYTES)
    return detail
