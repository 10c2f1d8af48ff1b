"""Moving in: what a plan says is done, all of it or nothing."""

from __future__ import annotations

import os
import secrets
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import attrs

import admit
from admit.errors import AdmitError, InvalidInput, InvalidSetting

from .config_file import config_text
from .plan import Plan

Opener = Callable[[Path], admit.Engine]
"""Opens an engine on the store, with a configuration file."""


@attrs.frozen(kw_only=True)
class MovedIn:
    """What moving in has done."""

    config: Path
    settings: int
    """How many were written, to the file and to the store."""
    was_there: bool
    """Whether the application had moved in already, and nothing was done."""


def move_in(plan: Plan, *, config: Path, open_engine: Opener) -> MovedIn:
    """Write *config* and set the store's settings: all of it, or nothing.

    The file appears last. So when a process dies on the way the application has not moved in, and
    doing it again does the rest. Where the file of this application is there already, it and the
    settings are left as they are: they may have been changed since.

    Raises:
        InvalidInput: something in the plan is wrong; the file is there and another application's; a
            setting is hidden by the environment. Nothing was changed.
        AdmitError: the store cannot be opened or written; what was set is taken back.
    """
    plan.checked()
    if _is_there(plan, config):
        return MovedIn(config=config, settings=0, was_there=True)
    draft = _write_draft(config, config_text(plan))
    try:
        with open_engine(draft) as engine:
            before = _hidden_by_nothing(engine, plan.store)
            try:
                for name, value in plan.store.items():
                    engine.settings.set(name, value)
                os.link(draft, config)  # unlike a renaming, it overwrites nothing
            except FileExistsError:
                # Another process was faster. What is set is what it set, if it is the same
                # application, and not ours to take back in any case.
                return MovedIn(config=config, settings=0, was_there=_is_there(plan, config))
            except BaseException as problem:
                _take_back(engine, before)
                if isinstance(problem, OSError):
                    raise _unwritable(config, problem) from None
                raise
    finally:
        draft.unlink(missing_ok=True)
    count = len(plan.store) + len(plan.file)
    return MovedIn(config=config, settings=count, was_there=False)


def _is_there(plan: Plan, config: Path) -> bool:
    try:
        content = tomllib.loads(config.read_text("utf-8"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as problem:
        raise InvalidInput(
            "config", f"{config.name} is there, and cannot be read: {type(problem).__name__}."
        ) from None
    server = content.get("server")
    if isinstance(server, Mapping) and server.get("app_id") == plan.app_id:
        return True
    raise InvalidInput(
        "config",
        f"{config.name} is there already, of another application.",
        "Move in elsewhere, with --into FOLDER; or write by hand what --dry-run shows.",
    )


def _write_draft(config: Path, text: str) -> Path:
    draft = config.with_name(f".{config.name}.{secrets.token_hex(4)}")
    try:
        config.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as problem:
        raise _unwritable(config, problem) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _unwritable(config: Path, problem: OSError) -> InvalidInput:
    return InvalidInput("config", f"{config.name} cannot be written: {problem.strerror}.")


def _hidden_by_nothing(
    engine: admit.Engine, settings: Mapping[str, object]
) -> Mapping[str, object]:
    """Return what the store has of *settings* now. Raises InvalidSetting: one would be hidden."""
    before: dict[str, object] = {}
    for name in settings:
        info = engine.settings.info(name)
        if info.source in {"environment", "code"}:
            raise InvalidSetting(
                name, f"is set by {info.source}, which hides the store.", "Take it out there."
            )
        before[name] = info.value if info.source == "store" else None
    return before


def _take_back(engine: admit.Engine, before: Mapping[str, object]) -> None:
    for name, value in before.items():
        with suppress(AdmitError):  # what happened is told, not that this failed as well
            if value is None:
                engine.settings.unset(name)
            else:
                engine.settings.set(name, value)
