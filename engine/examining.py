"""Examining an application from outside: also one whose engine does not open."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ._usecases.examine import Advice, of_error
from .errors import AdmitError, PluginError
from .opening import open as open_engine
from .survey import survey_plugins


def examine(
    store: str | os.PathLike[str],
    *,
    config: str | os.PathLike[str] | None = None,
    dev: bool | Mapping[str, object] = False,
    **opening: Any,
) -> tuple[Advice, ...]:
    """Return what is wrong or weak about an application: its configuration, each plugin, then all
    that `engine.doctor` looks at. The store is opened for reading only.

    Args:
        store, config, dev, opening: as of `admit.open`.
    """
    try:
        survey = survey_plugins(store, config=config, plugins=opening.get("plugins", ()))
    except AdmitError as problem:
        return (of_error(problem, "configuration"),)
    broken = [
        of_error(plugin.problem, f"plugin {plugin.name}")
        for plugin in survey.plugins
        if plugin.problem is not None
    ]
    try:
        with open_engine(
            store, config=config, dev=dev, read_only=True, worker=False, **opening
        ) as engine:
            return (*broken, *engine.doctor.examine())
    except PluginError as problem:
        return tuple(broken) or (of_error(problem),)
    except AdmitError as problem:
        return (*broken, of_error(problem))
