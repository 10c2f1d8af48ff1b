"""What a client says of its device, and the id by which it knows itself again."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final

import attrs

_ID: Final = re.compile(r"[0-9a-f]{24}")
_NONE: Final = "0" * 24
"""What clients send that have no id yet (wire-contract.md §1)."""
LONGEST: Final = 120
LONGEST_QUERY: Final = 4096


@attrs.frozen(kw_only=True)
class Device:
    """A device, as it is kept with a session."""

    id: str
    words: str | None
    """For people: which system, which browser, which app."""
    is_core: bool
    """Whether an SDK asks that is built on realm-core: it wants other codes of a refused link."""


def device_of(said: object) -> Device:
    """Return the device that a log-in's `options.device` describes; nobody has to describe any, and
    what cannot be read is let pass. Who comes without an id is given one."""
    device = said if isinstance(said, Mapping) else {}
    return Device(id=_id_of(device), words=_words(device), is_core="coreVersion" in device)


def device_of_query(text: str | None) -> Device:
    """Return the same from the address of a redirect: JSON in Base64."""
    try:
        return device_of(json.loads(base64.b64decode((text or "")[:LONGEST_QUERY])))
    except (ValueError, RecursionError):
        return device_of(None)


def _id_of(device: Mapping[str, Any]) -> str:
    given = device.get("deviceId")
    if isinstance(given, Mapping):
        given = given.get("$oid")
    found = given.lower() if isinstance(given, str) else ""
    return found if _ID.fullmatch(found) and found != _NONE else secrets.token_hex(12)


def _words(device: Mapping[str, Any]) -> str | None:
    parts = [
        " ".join(_text(device.get(name)) for name in names).strip()
        for names in (
            ("deviceName", "deviceVersion"),
            ("platform", "platformVersion"),
            ("appId", "appVersion"),
        )
    ]
    return ", ".join(part for part in parts if part)[:LONGEST] or None


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) and value.isprintable() else ""
