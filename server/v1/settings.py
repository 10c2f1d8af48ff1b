"""Settings and plugins of the application."""

from __future__ import annotations

from typing import Any

import admit
from admit import SettingInfo
from admit.settings import to_text

from ..asking import Ask
from ..bodies import Body
from .asked import verb


class SettingShown(Body):
    """A setting: its value, where that comes from, and what it hides. A secret is masked."""

    name: str
    value: Any
    source: str
    default: Any
    hides: dict[str, Any]
    help: str
    where: list[str]
    problem: str | None = None


class NewValue(Body):
    """What a setting is set to, as text or as JSON has it."""

    value: Any


class PluginShown(Body):
    """A loaded plugin, where it comes from, which hooks it fills and what it offers."""

    name: str
    source: str
    hooks: list[str]
    offers: list[str]


def shown(info: SettingInfo) -> SettingShown:
    """Return a setting as it is told."""
    return SettingShown(
        name=info.name,
        value=_text(info.value),
        source=info.source,
        default=_text(info.default),
        hides={source: _text(value) for source, value in info.hides},
        help=info.about.help,
        where=sorted(info.about.where),
        problem=info.problem,
    )


def _text(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else to_text(value)


def _set(engine: admit.Engine, ask: Ask, body: NewValue) -> dict[str, Any]:
    engine.settings.set(ask.part("name"), body.value)
    return _one(engine, ask, None)


def _unset(engine: admit.Engine, ask: Ask, body: None) -> dict[str, Any]:
    engine.settings.unset(ask.part("name"))
    return _one(engine, ask, None)


def _one(engine: admit.Engine, ask: Ask, body: None) -> dict[str, Any]:
    return _fields(shown(engine.settings.info(ask.part("name"))))


def _all(engine: admit.Engine, ask: Ask, body: None) -> list[dict[str, Any]]:
    return [_fields(shown(info)) for info in engine.settings.all()]


def _fields(told: SettingShown) -> dict[str, Any]:
    return {name: getattr(told, name) for name in told.__struct_fields__}


def _plugins(engine: admit.Engine, ask: Ask, body: None) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "source": one.source, "hooks": one.hooks, "offers": one.offers}
        for one in engine.plugins()
    ]


ROUTES = [
    verb("GET", "/settings", "List the settings.", _all, scope="viewer", answer=list[SettingShown]),
    verb("GET", "/settings/{name}", "Show a setting.", _one, scope="viewer", answer=SettingShown),
    verb(
        "PUT",
        "/settings/{name}",
        "Set a setting for every engine on the store, within a second.",
        _set,
        scope="owner",
        answer=SettingShown,
        body=NewValue,
    ),
    verb(
        "DELETE",
        "/settings/{name}",
        "Take back what was set.",
        _unset,
        scope="owner",
        answer=SettingShown,
    ),
    verb(
        "GET",
        "/plugins",
        "List the loaded plugins.",
        _plugins,
        scope="viewer",
        answer=list[PluginShown],
    ),
]
