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
from admit.errors import InvalidInput
from admit.server.settings import ServerSettings

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
    left: tuple[Left, ...]
    """What has no counterpart there."""


def exported_files(engine: admit.Engine) -> dict[str, Any]:
    """Return the files of the current layout, as what their JSON holds, by name."""
    server = engine.settings.section(ServerSettings)
    app_id = server.app_id or "admit-local"
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


def move_out(engine: admit.Engine, to: Path) -> MovedOut:
    """Write the application to the new folder *to*: all of it, or nothing.

    Raises:
        InvalidInput: *to* is there already, or cannot be written.
    """
    files = exported_files(engine)
    if to.exists() or to.is_symlink():
        raise InvalidInput("path", f"{to.name} is there already.", "Name a folder that is not.")
    draft = to.with_name(f".{to.name}.{os.getpid()}")
    try:
        for name, content in files.items():
            file = draft / name
            file.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(content, indent=4, ensure_ascii=False, sort_keys=False)
            file.write_text(f"{text}\n", "utf-8")
        draft.rename(to)
    except OSError as problem:
        raise InvalidInput("path", f"{to.name} cannot be written: {problem.strerror}.") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    providers: Mapping[str, Any] = files["auth/providers.json"]
    return MovedOut(
        path=to,
        files=tuple(files),
        providers=tuple(providers),
        secrets=tuple(_secrets(providers)),
        left=untranslated(engine),
    )


def _secrets(providers: Mapping[str, Any]) -> list[str]:
    names: dict[str, None] = {}
    for provider in providers.values():
        for value in provider.get("secret_config", {}).values():
            names |= dict.fromkeys(value if isinstance(value, list) else [value])
    return [name for name in names if name]
