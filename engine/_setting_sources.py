"""Where a setting's value comes from: default < file < store < environment < code."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import attrs

from ._text import check_path, check_text
from .errors import InvalidInput, InvalidSetting, PluginClash, UnknownName
from .masked import Secret
from .providers import ProviderSettings
from .settings import SOURCES, About, Settings, Source, fields, parse, to_json
from .stores import Store

S = TypeVar("S")

_REREAD_SECONDS: Final = 1.0
"""How old the store's settings may be that another process changed (design.md §7)."""


@attrs.frozen(kw_only=True)
class SettingInfo:
    """What `admit settings` shows of one setting. A secret's value is masked."""

    name: str
    value: object
    source: Source
    hides: tuple[tuple[Source, object], ...]
    default: object
    about: About
    problem: str | None = None
    """Why a stored value is ignored, if one is."""


@attrs.frozen
class _Known:
    name: str
    kind: Any
    about: About
    default: Any


class SettingSources:
    """All settings of one engine, whoever offered them, with every source they may come from."""

    def __init__(
        self,
        sections: Mapping[str, type],
        *,
        file: Mapping[str, object],
        code: Mapping[str, object],
        store: Store,
        providers: Mapping[str, bool] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._monotonic = monotonic
        self._sections: dict[type, str] = {Settings: ""}
        self._providers = {} if providers is None else providers
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()
        for prefix, section in {"": Settings, **sections}.items():
            self._sections[section] = prefix
            for name, (kind, about, default) in fields(section).items():
                full = f"{prefix}.{name}" if prefix else name
                self._known[full] = _Known(full, kind, about, default)
        for provider, enabled in self._providers.items():
            for name, (kind, about, default) in fields(ProviderSettings).items():
                full = f"{provider}.{name}"
                if full in self._known:
                    raise PluginClash("setting", full, "admit", f"the section {provider!r}")
                given = enabled if name == "enabled" else default
                self._known[full] = _Known(full, kind, about, given)
        self._fixed: dict[Source, dict[str, object]] = {
            "file": self._read("file", file),
            "environment": self._read("environment", _from_environment(self._known)),
            "code": self._read("code", code),
        }
        self._stored: dict[str, object] = {}
        self._problems: dict[str, str] = {}
        self._current: dict[type | str, object] = {}
        self._read_at = float("-inf")

    def _read(self, source: Source, values: Mapping[str, object]) -> dict[str, object]:
        return {name: self._parse(name, value, source) for name, value in values.items()}

    def _parse(self, name: str, value: object, source: Source) -> object:
        known = self._known.get(check_text(name, "setting"))
        if known is None:
            raise UnknownName("setting", name, sorted(self._known))
        if source not in known.about.where:
            places = ", ".join(place for place in SOURCES[1:] if place in known.about.where)
            raise InvalidSetting(
                name, f"cannot be set by {source}.", f"It may be set by: {places}."
            )
        return parse(name, known.kind, known.about, value)

    def current(self, section: type[S]) -> S:
        """Return the values in force now of *section*.

        Raises:
            TypeError: no plugin offered this section.
        """
        self._reread_when_old()
        # Taken before the values are read: a re-read meanwhile starts a new one, and what was read
        # from the old sources must not end up in it.
        cache = self._current
        found = cache.get(section)
        if found is None:
            if section not in self._sections:
                raise TypeError(f"no plugin registered the settings section {section.__name__}")
            found = cache[section] = self._filled(section, self._sections[section])
        return cast(S, found)

    def of_provider(self, name: str) -> ProviderSettings:
        """Return what rules the provider *name* now."""
        self._reread_when_old()
        cache = self._current  # before the values are read, as above
        found = cache.get(name)
        if found is None:
            found = cache[name] = self._filled(ProviderSettings, name)
        return cast(ProviderSettings, found)

    def _filled(self, section: type[S], prefix: str) -> S:
        values = {
            name: self._in_force(f"{prefix}.{name}" if prefix else name)[0]
            for name in fields(section)
        }
        return section(**values)

    def _reread_when_old(self) -> None:
        if self._monotonic() - self._read_at > _REREAD_SECONDS:
            self.reread()

    def reread(self) -> None:
        """Read the store's settings now."""
        with self._lock:
            stored: dict[str, object] = {}
            problems: dict[str, str] = {}
            for record in self._store.page("setting", "setting", None, 1000).items:
                name = record.body["name"]
                try:
                    stored[name] = self._parse(name, record.body["value"], "store")
                except (InvalidInput, UnknownName) as problem:
                    problems[name] = str(problem)
            if stored != self._stored or problems != self._problems:
                self._stored, self._problems = stored, problems
                self._current = {}
            self._read_at = self._monotonic()

    def _in_force(self, name: str) -> tuple[object, Source]:
        for source in reversed(SOURCES[1:]):
            values = self._stored if source == "store" else self._fixed[source]
            if name in values:
                return values[name], source
        return self._known[name].default, "default"

    def check_for_store(self, name: str, value: object) -> object:
        """Return the form in which the store would keep *value*.

        Raises:
            InvalidSetting: it is out of bounds, not to be set there, or hidden by something
                stronger, which is named.
            UnknownName: there is no such setting.
        """
        parsed = self._parse(name, value, "store")
        if isinstance(parsed, Secret):
            raise InvalidSetting(name, "is a secret, which the store does not keep.")
        for source in ("code", "environment"):
            if name in self._fixed[source]:
                raise InvalidSetting(
                    name, f"is set by {source}, which hides the store.", "Change it there."
                )
        return to_json(parsed)

    def info(self) -> list[SettingInfo]:
        """Return every setting with its value, its source, and what that hides."""
        return [self.info_of(name) for name in sorted(self._known)]

    def info_of(self, name: str) -> SettingInfo:
        """Return one setting with its value, its source, and what that hides.

        Raises:
            UnknownName: there is no such setting; the known ones are listed.
        """
        known = self._known.get(check_text(name, "setting"))
        if known is None:
            raise UnknownName("setting", name, sorted(self._known))
        self.reread()
        value, source = self._in_force(name)
        return SettingInfo(
            name=name,
            value=value,
            source=source,
            hides=tuple(
                (weaker, values[name])
                for weaker in SOURCES[1 : SOURCES.index(source)]
                if name in (values := self._stored if weaker == "store" else self._fixed[weaker])
            ),
            default=known.default,
            about=known.about,
            problem=self._problems.get(name),
        )


def _from_environment(known: Mapping[str, _Known]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, setting in known.items():
        variable = "ADMIT_" + name.replace(".", "_").replace("-", "_").upper()
        if variable in os.environ and "environment" in setting.about.where:
            found[name] = os.environ[variable]
    return found


@attrs.frozen
class ConfigFile:
    """What `admit.toml` says."""

    path: Path | None
    plugins: tuple[str, ...] = ()
    functions: Mapping[str, str] = attrs.field(factory=dict)
    settings: Mapping[str, object] = attrs.field(factory=dict)


def read_config(given: str | os.PathLike[str] | None, store_path: Path | None) -> ConfigFile:
    """Return the configuration file: the one *given*, else `ADMIT_CONFIG`'s, else `admit.toml`
    beside a local store – never the working directory's by chance (design.md §2).

    Raises:
        InvalidInput: it was named and does not exist, or it is no TOML of ours.
    """
    named = os.environ.get("ADMIT_CONFIG") if given is None else check_path(given, "config")
    if named:
        path = Path(named)
    elif store_path is not None:
        path = store_path.with_name("admit.toml")
        if not path.exists():
            return ConfigFile(None)
    else:
        return ConfigFile(None)
    return _parse_config(path)


def _parse_config(path: Path) -> ConfigFile:
    import tomllib  # 5 ms, only when there is a file

    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as problem:
        raise InvalidInput("config", f"{path.name} cannot be read: {problem.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise InvalidInput("config", f"{path.name} is not valid TOML: {problem}.") from None
    plugins = content.pop("plugins", [])
    functions = content.pop("functions", {})
    if not isinstance(plugins, list) or not all(isinstance(name, str) for name in plugins):
        raise InvalidInput("config", f"plugins in {path.name} must be a list of module names.")
    if not isinstance(functions, dict) or not all(
        isinstance(target, str) and target.count(":") == 1 for target in functions.values()
    ):
        raise InvalidInput(
            "config", f'functions in {path.name} must be name = "module:callable" pairs.'
        )
    settings: dict[str, object] = {}
    for name, value in content.items():
        if isinstance(value, dict):
            settings |= {f"{name}.{inner}": inner_value for inner, inner_value in value.items()}
        else:
            settings[name] = value
    return ConfigFile(path, tuple(plugins), functions, settings)
