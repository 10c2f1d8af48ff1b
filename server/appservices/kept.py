"""The setting that keeps what exported provider objects say and admit has no use for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import attrs

from admit.hookspecs import hookimpl
from admit.settings import LONGEST_TEXT, setting

SETTING: Final = "appservices.kept"


@attrs.frozen
class AppServicesSettings:
    """The section `appservices`."""

    kept: str | None = setting(
        None, "What App Services knew of its providers besides, as JSON; for the way back."
    )


def kept_text(kept: Mapping[str, Any]) -> str | None:
    """Return provider → what is kept of it, as the setting holds it; None if it is too long."""
    text = json.dumps(kept, sort_keys=True)  # with blanks, at which a table breaks it
    return text if len(text) <= LONGEST_TEXT else None


def read_kept(text: object) -> dict[str, dict[str, Any]]:
    """Return what `kept_text` wrote; of what anybody else wrote there, what can be read."""
    try:
        found = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if _is_kept(value)}


def _is_kept(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(inner, list if part == "required" else dict) for part, inner in value.items()
    )


@hookimpl
def register_settings() -> Mapping[str, type]:
    """Offer the section, so that the store may hold it whether a server runs or not."""
    return {"appservices": AppServicesSettings}
