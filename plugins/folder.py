"""The transport `folder`: each message becomes an .eml file. For development and tests."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from admit.errors import DeliveryFailed, NotConfigured
from admit.hookspecs import hookimpl
from admit.services import Services
from admit.settings import NOT_IN_STORE, setting
from admit.transports import Message, Transport

from .mime import to_email


@attrs.frozen
class FolderSettings:
    """The section `folder`."""

    path: Path | None = setting(
        None, "The folder that messages are written to; made when missing.", where=NOT_IN_STORE
    )


class Folder:
    """Writes messages to a folder. A file's name sorts by time; it appears whole or not at all."""

    name = "folder"

    def __init__(self) -> None:
        # Keeps the order of messages sent within one millisecond.
        self._numbers = itertools.count(1)

    def check(self, services: Services) -> None:
        """Return if a folder is set.

        Raises:
            NotConfigured: none is.
        """
        _path(services)

    def send(self, message: Message, services: Services) -> None:
        """Write *message*, readable by the owner of the process only: there is a token in it.

        Raises:
            DeliveryFailed: the file could not be written; temporary.
            NotConfigured: no folder is set.
        """
        path = _path(services)
        now = services.clock.now()
        content = to_email(message, sent_at=now, encoding="8bit").as_bytes()
        stamp = f"{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03}Z"
        name = f"{stamp}-{next(self._numbers):06}-{secrets.token_hex(4)}.eml"
        hidden = path / f".{name}.tmp"
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(hidden, content)
            hidden.replace(path / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                hidden.unlink()
            raise DeliveryFailed(
                f"The message could not be written to the folder: {error.strerror or error}.",
                temporary=True,
            ) from error


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _path(services: Services) -> Path:
    path = services.settings(FolderSettings).path
    if path is None:
        raise NotConfigured("The transport 'folder'", ["folder.path"])
    return path


@hookimpl
def register_settings() -> Mapping[str, type]:
    """Offer the section `folder`."""
    return {"folder": FolderSettings}


@hookimpl
def register_transports() -> Iterable[Transport]:
    """Offer `folder`."""
    return [Folder()]
