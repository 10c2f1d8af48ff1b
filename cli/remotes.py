"""Which server the commands ask, instead of opening a store: flags, a profile, the environment."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Final, cast

import attrs

import admit
from admit.errors import InvalidInput, MissingExtra

URL: Final = "ADMIT_REMOTE_URL"
KEY: Final = "ADMIT_REMOTE_KEY"
APP: Final = "ADMIT_REMOTE_APP"
ONLY: Final = "-"
_OTHERS: Final = 0o077
"""Permissions that a file with keys must not give."""


@attrs.frozen(kw_only=True)
class Remote:
    """A server, the application behind it, and the key that opens it."""

    url: str
    app: str
    key: str = attrs.field(repr=False)


def asked(server: str | None, key: str | None, profile: str | None) -> Remote | None:
    """Return the server to ask: that of the flags, else of the profile, else of the environment;
    None: the store is opened here.

    Raises:
        InvalidInput: there is a server, and no key for it; or no such profile.
    """
    kept = {} if profile is None else _profile(profile)
    url = server or kept.get("server") or (None if profile else os.environ.get(URL))
    if not url:
        return None
    # A profile's or the environment's key is for their server alone: not for another one.
    if key is None and server is None:
        key = kept.get("key")
    if key is None and os.environ.get(URL) in {None, "", url}:
        key = os.environ.get(KEY)
    if not key:
        raise InvalidInput(
            "key", f"there is none for {url}.", f"Set {KEY}; make one by: admit admin-keys create"
        )
    return Remote(url=url, app=kept.get("app") or os.environ.get(APP) or ONLY, key=key)


def connected(remote: Remote, reason: str | None) -> admit.Engine:
    """Return an engine that asks *remote*: the verbs that it has are those of an engine here.

    Raises:
        MissingExtra: the HTTP client is not installed.
    """
    try:
        from admit import client
    except ImportError as problem:
        raise MissingExtra("A remote server", str(problem.name), "client") from None
    there = client.connect(remote.url, key=remote.key, app=remote.app, reason=reason)
    return cast(admit.Engine, there)


def _profile(name: str) -> dict[str, str]:
    """Return a profile of `profiles.toml`: `server`, `key`, and perhaps `app`."""
    path = _profiles()
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = tomllib.load(file)
    except OSError as problem:
        raise InvalidInput(
            "profile", f"{path} cannot be read: {problem.strerror}.", f"Write [{name}] into it."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise InvalidInput("profile", f"{path} is not valid TOML: {problem}.") from None
    if mode & _OTHERS:
        raise InvalidInput("profile", f"others may read {path}.", f"chmod 600 {path}")
    found = content.get(name)
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        known = ", ".join(sorted(content)) or "none"
        raise InvalidInput("profile", f"there is no {name!r} in {path}; there is: {known}.")
    return found


def _profiles() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "admit" / "profiles.toml"
