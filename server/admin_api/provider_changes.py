"""What a change of a provider object comes to: settings, set all or none.

Who signs tokens, and which secrets are shown to others, no admin changes while the server runs:
that would decide who is let in (security.md N6). Those settings are named instead.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Final

import admit
from admit.errors import AdmitError
from admit.settings import to_text

from ..appservices.kept import SETTING, kept_text, read_kept
from ..appservices.provider_settings import (
    FUNCTION_SETTINGS,
    Carried,
    provider_objects,
    read_providers,
)
from ..appservices.simple_kinds import PASSWORDS
from ..hosting import Hosted, derived_id
from .telling import Refused

Object = Mapping[str, Any]
KEYS: Final = "api-key"
_ID: Final = "FunctionId"
_NAME: Final = "FunctionName"


def created(engine: admit.Engine, hosted: Hosted, given: Object) -> str:
    """Configure a provider that is not, and return its type.

    Raises:
        Refused: there is one of this type; or a setting of it is not for an admin.
        InvalidInput: the object is wrong; the field is named.
    """
    kind = given.get("type", given.get("name"))
    if isinstance(kind, str) and _is_created(engine, kind):
        raise Refused(409, "AuthProviderAlreadyExists", f"auth provider '{kind}' already exists")
    carried = _carried(engine, hosted, given)
    before = {name: engine.settings.get(name) for name in carried.settings}
    del before[f"{kind}.enabled"]  # set in any case: so it is known that somebody created it
    _apply(engine, carried, before=before)
    return str(kind)


def changed(engine: admit.Engine, hosted: Hosted, kind: str, given: Object) -> None:
    """Change what *given* says of a provider, also inside its parts; the rest stays.

    Raises:
        Refused: its type or name would change, or a setting that is not for an admin.
        InvalidInput: the object is wrong; the field is named.
    """
    for name in ("type", "name"):
        if given.get(name, kind) != kind:
            raise Refused(400, "BadRequest", f"the {name} of an auth provider stays")
    there = provider_objects(engine)[kind]
    before = read_providers([there], app_id=hosted.app_id, kept_before=_kept(engine)).settings
    carried = _carried(engine, hosted, _merged(there, given))
    _apply(engine, carried, before=before)


def switched(engine: admit.Engine, kind: str, *, enabled: bool) -> None:
    """Let users come in with a provider, or not."""
    engine.settings.set(f"{kind}.enabled", enabled)


def deleted(engine: admit.Engine, kind: str) -> None:
    """Take back what was set of a provider; nobody comes in with it any more. What its type always
    has stays, switched off."""
    for info in engine.settings.all():
        if info.name.startswith(f"{kind}.") and info.source == "store":
            engine.settings.unset(info.name)
    kept = read_kept(_kept(engine))
    if kept.pop(kind, None) is not None:
        _set_kept(engine, kept_text(kept) if kept else None)
    if engine.settings.get(f"{kind}.enabled"):
        engine.settings.set(f"{kind}.enabled", False)


def _carried(engine: admit.Engine, hosted: Hosted, given: Object) -> Carried:
    named = _functions_named(hosted, given)
    return read_providers([named], app_id=hosted.app_id, kept_before=_kept(engine)).checked()


def _functions_named(hosted: Hosted, given: Object) -> Object:
    """Return the object with the names of functions that are given by their ids alone."""
    config = given.get("config")
    if not isinstance(config, Mapping):
        return given
    names = {
        derived_id(f"function {name}", hosted.app_id): name
        for name in {*hosted.engine.settings.functions(), *hosted.functions}
    }
    found = {
        key.removesuffix(_ID) + _NAME: names[value]
        for key, value in config.items()
        if key.endswith(_ID)
        and isinstance(value, str)
        and value in names
        and not config.get(key.removesuffix(_ID) + _NAME)
    }
    return {**given, "config": {**config, **found}}


def _merged(there: Object, given: Object) -> dict[str, Any]:
    merged = dict(there)
    for name, value in given.items():
        inner = there.get(name)
        if isinstance(inner, Mapping) and isinstance(value, Mapping):
            merged[name] = _merged(inner, value)
        else:
            merged[name] = value
    return merged


def _is_created(engine: admit.Engine, kind: str) -> bool:
    """Return whether clients know that this provider is there. Passwords are there from the start
    here, and clients create them; what admit.toml alone says of one, nobody created yet."""
    if kind == PASSWORDS:
        return False
    return kind == KEYS or any(
        info.source == "store" or (info.name == f"{kind}.enabled" and info.value is True)
        for info in engine.settings.all()
        if info.name.startswith(f"{kind}.")
    )


def _apply(engine: admit.Engine, carried: Carried, *, before: Mapping[str, object]) -> None:
    """Set what differs from *before*: all of it, or – an error says why – nothing."""
    wanted = {
        name: value
        for name, value in carried.settings.items()
        if _plain(value) != _plain(before.get(name))
    }
    fixed = [n for n in wanted if "store" not in engine.settings.info(n).about.where]
    if fixed:
        lines = "; ".join(f"{name} = {to_text(_plain(wanted[name]))}" for name in sorted(fixed))
        raise Refused(400, "BadRequest", f"only admit.toml or the environment may set: {lines}")
    done: list[admit.SettingInfo] = []
    # Names of functions first: most often those are what cannot be set.
    names = sorted(wanted, key=lambda name: (name not in FUNCTION_SETTINGS, name))
    try:
        for name in names:
            done.append(engine.settings.info(name))
            engine.settings.set(name, _settable(wanted[name]))
        for name in carried.unset:
            info = engine.settings.info(name)
            if info.source == "store":
                done.append(info)
                engine.settings.unset(name)
    except AdmitError:
        for info in reversed(done):
            with contextlib.suppress(AdmitError):
                _put_back(engine, info)
        raise


def _put_back(engine: admit.Engine, info: admit.SettingInfo) -> None:
    if info.source == "store":
        engine.settings.set(info.name, _settable(info.value))
    else:
        engine.settings.unset(info.name)


def _kept(engine: admit.Engine) -> object:
    return engine.settings.get(SETTING)


def _set_kept(engine: admit.Engine, text: str | None) -> None:
    if text is None:
        engine.settings.unset(SETTING)
    else:
        engine.settings.set(SETTING, text)


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _settable(value: object) -> object:
    return ", ".join(value) or "none" if isinstance(value, tuple | list) else value
