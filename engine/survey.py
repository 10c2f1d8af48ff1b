"""Which plugins there are and what they offer, found out without opening an engine.

For tools: the `admit` command lists plugins, and takes commands from them, also when one of them
would keep every engine from opening.
"""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from ._plugins import GROUP, PluginInfo, Plugins
from ._setting_sources import read_config
from .errors import AdmitError, PluginClash

if TYPE_CHECKING:
    import click


@attrs.frozen(kw_only=True)
class Survey:
    """The plugins that an engine would load, each looked at on its own."""

    plugins: tuple[PluginInfo, ...]
    commands: Mapping[str, click.Command]
    """By name. Of two plugins that offer the same name, the second has a problem."""


def survey_plugins(
    store: str | os.PathLike[str],
    *,
    config: str | os.PathLike[str] | None = None,
    plugins: Iterable[object] = (),
) -> Survey:
    """Return the plugins that `admit.open` would load with these arguments, and their commands.

    A plugin that does not load carries its `problem` and hides no other. The store is not opened:
    one that is named by a URL has no file beside it here, so its configuration is the one named by
    *config* or `ADMIT_CONFIG`.

    Raises:
        InvalidInput: the configuration file is wrong.
    """
    location = os.fspath(store)
    file = read_config(config, None if "://" in location else Path(location))
    installed = {entry.name: entry for entry in importlib.metadata.entry_points(group=GROUP)}
    modules = {entry.value for entry in installed.values()}
    survey = _Surveying()
    for name, entry in sorted(installed.items()):
        survey.look_at(name, entry.value, _one_installed(name))
    for plugin in [*plugins, *file.plugins]:
        name = plugin if isinstance(plugin, str) else type(plugin).__name__
        if name not in modules:
            survey.look_at(name, "open(plugins=…)", _one_given(plugin))
    return Survey(plugins=tuple(survey.found), commands=survey.commands)


class _Surveying:
    """What was found so far."""

    def __init__(self) -> None:
        self.found: list[PluginInfo] = []
        self.commands: dict[str, click.Command] = {}
        self._owners: dict[tuple[str, str], str] = {}

    def look_at(self, name: str, source: str, load: Callable[[], Plugins]) -> None:
        """Load one plugin on its own, and note what it offers or what is wrong with it."""
        info = PluginInfo(name=name, source=source, hooks=(), offers=(), failures=0, hanging=0)
        try:
            loaded = load()
            (info,) = loaded.info()
            for kind, offer in loaded.all_offers():
                self._own(kind, offer.name, info.name)
            for offer in loaded.commands().values():
                self._own("command", offer.name, info.name)
                self.commands[offer.name] = offer.value
                info = attrs.evolve(info, offers=(*info.offers, f"command {offer.name}"))
        except AdmitError as problem:
            info = attrs.evolve(info, problem=problem)
        self.found.append(info)

    def _own(self, kind: str, name: str, plugin: str) -> None:
        owner = self._owners.setdefault((kind, name), plugin)
        if owner != plugin:
            raise PluginClash(kind, name, owner, plugin)


def _one_installed(name: str) -> Callable[[], Plugins]:
    return lambda: Plugins(discover=[name])


def _one_given(plugin: object) -> Callable[[], Plugins]:
    return lambda: Plugins([plugin], discover=False)
