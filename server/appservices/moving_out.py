"""Moving out: an application as a folder in the current layout of App Services' exports."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

import admit
from admit.care import OnProgress, Progress
from admit.errors import InvalidInput

from ..hosting import derived_id, named
from ..settings import ServerSettings
from .exported_users import user_object
from .findings import Left
from .provider_settings import FUNCTION_SETTINGS, provider_objects, untranslated


@attrs.frozen(kw_only=True)
class MovedOut:
    """What was written."""

    path: Path
    files: tuple[str, ...]
    providers: tuple[str, ...]
    secrets: tuple[str, ...]
    """Names of secrets: their values are not in it."""
    users: int | None
    """How many users were written; None: they were not asked for."""
    left: tuple[Left, ...]
    """What has no counterpart there."""


def exported_files(engine: admit.Engine) -> dict[str, Any]:
    """Return the files of the current layout, as what their JSON holds, by name."""
    server = engine.settings.section(ServerSettings)
    app_id = named(None, server)
    functions = {
        str(value) for name in FUNCTION_SETTINGS if (value := engine.settings.get(name)) is not None
    }
    files: dict[str, Any] = {
        "root_config.json": {
            "name": app_id.rpartition("-")[0] or app_id,
            "environment": "",
            "allowed_request_origins": list(server.allowed_origins),
        },
        "auth/providers.json": provider_objects(engine),
        "auth/custom_user_data.json": {
            "enabled": engine.settings.get("custom_data_in_access_token")
        },
        "environments/no-environment.json": {"values": {}},
        "functions/config.json": [{"name": name, "private": True} for name in sorted(functions)],
    }
    ids = {"group_id": server.group_id, "app_id": server.internal_id}
    if any(ids.values()):
        files[".mdb/app_meta.json"] = {name: id for name, id in ids.items() if id}
    return files


def move_out(
    engine: admit.Engine,
    to: Path,
    *,
    users: Path | None = None,
    hashes: bool = False,
    progress: OnProgress | None = None,
) -> MovedOut:
    """Write the application to the new folder *to*: all of it, or nothing.

    Args:
        users: a new file for every user, too: a user object a line, readable by its owner only. It
            is recorded that they were taken along.
        hashes: whether the hashes of their passwords are in it.
        progress: told of the users.

    Raises:
        InvalidInput: one of both is there already, or cannot be written.
    """
    files = exported_files(engine)
    if to.exists() or to.is_symlink():
        raise _unwritable("path", to, "is there already")
    draft = to.with_name(f".{to.name}.{os.getpid()}")
    count = None
    try:
        for name, content in files.items():
            file = draft / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{json.dumps(content, indent=4, ensure_ascii=False)}\n", "utf-8")
        if users is not None:
            count = _write_users(engine, users, hashes, progress)
        draft.rename(to)
    except OSError as problem:
        if count is not None and users is not None:
            users.unlink()
        raise _unwritable("path", to, f"cannot be written: {problem.strerror}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    providers: Mapping[str, Any] = files["auth/providers.json"]
    return MovedOut(
        path=to,
        files=tuple(files),
        providers=tuple(providers),
        secrets=tuple(_secrets(providers)),
        users=count,
        left=untranslated(engine),
    )


def _write_users(engine: admit.Engine, to: Path, hashes: bool, progress: OnProgress | None) -> int:
    app_id = named(None, engine.settings.section(ServerSettings))
    total = engine.users.count()
    count = 0
    try:
        descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as problem:
        raise _unwritable("users", to, f"cannot be made: {problem.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        for count, row in enumerate(engine.users.export_all(hashes=hashes), start=1):
            found = user_object(
                row,
                lambda provider: derived_id(f"provider {provider}", app_id),
                derived_id("domain", app_id),
            )
            file.write(f"{json.dumps(found)}\n")
            if progress is not None:
                progress(Progress(stage="exporting users", done=count, total=total))
        file.flush()
        os.fsync(file.fileno())
    return count


def _unwritable(field: str, path: Path, why: str) -> InvalidInput:
    return InvalidInput(field, f"{path.name} {why}.", "Name one that is not there.")


def _secrets(providers: Mapping[str, Any]) -> list[str]:
    names: dict[str, None] = {}
    for provider in providers.values():
        for value in provider.get("secret_config", {}).values():
            names |= dict.fromkeys(value if isinstance(value, list) else [value])
    return [name for name in names if name]
