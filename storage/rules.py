"""What a document has to be, for whoever cannot know that `documents` wrote it."""

from __future__ import annotations

from typing import Any, Final

from .documents import check_id, decimal

EVENTS: Final = "event"
"""The name of the table of events; every other one holds records."""


def broken_rule(table: str, name: str, document: object) -> str | None:
    """Return which rule a document breaks, as the end of a sentence; None if it breaks none.

    *name* is its document id. Nothing is asked of its body.
    """
    if not isinstance(document, dict):
        return "is no object"
    if (rule := _broken_by_id(name, document.get("_id"))) is not None:
        return rule
    return _broken_by_event(document) if table == EVENTS else _broken_by_record(document)


def _broken_by_id(name: str, id: object) -> str | None:
    try:
        if not isinstance(id, str):
            raise ValueError
        check_id(id)
    except ValueError:
        return "has no `_id` of 24 hex digits"
    if decimal(id) != name:
        return "has an `_id` that is not its document id as a hex number"
    return None


def _broken_by_record(document: dict[str, Any]) -> str | None:
    if type(document.get("_version")) is not int or document["_version"] < 1:
        return "has no `_version` of 1 or more"
    if not _are_texts(document.get("_keys", [])):
        return "has `_keys` that are no list of texts"
    labels = document.get("_labels", [])
    if not isinstance(labels, list) or not all(_are_texts(x) and len(x) == 2 for x in labels):
        return "has `_labels` that are no list of pairs of texts"
    return None


def _broken_by_event(document: dict[str, Any]) -> str | None:
    for field in ("_number", "_version", "_sequence"):
        if type(document.get(field, 0 if field != "_number" else None)) is not int:
            return f"has no whole number as `{field}`"
    if not isinstance(document.get("_user", ""), str):
        return "has a `_user` that is no text"
    if not isinstance(document.get("_detail", {}), dict):
        return "has a `_detail` that is no object"
    return None


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
