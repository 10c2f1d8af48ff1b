"""An engine somewhere else: the verbs that an admin has, asked of a server."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx2

from admit import PluginInfo, Secret, Swept, Why, Worked
from admit.records import User, UserId

from .connection import Connection, part
from .errors_told import NotRemote
from .groups import (
    AdminKeysThere,
    ApiKeysThere,
    CustomDataThere,
    EventsThere,
    IdentitiesThere,
    SessionsThere,
    SettingsThere,
    UsersThere,
    who,
)

AnyUser = User | UserId | str


def connect(
    url: str,
    *,
    key: str | Secret,
    app: str = "-",
    reason: str | None = None,
    transport: httpx2.BaseTransport | None = None,
) -> RemoteEngine:
    """Return the engine of the application *app* – `-`: the only one – behind the server at *url*.
    Use it with `with`, or `close()` it. Nothing is asked yet.

    Args:
        key: an admin key, or an admin's access token.
        reason: why what is done is done; kept with its events.
        transport: httpx2's, where the server is not reached as usual.
    """
    text = key.reveal() if isinstance(key, Secret) else key
    return RemoteEngine(Connection(url, app, text, reason, transport))


class RemoteEngine:
    """The verbs of `admit.Engine` that an admin has, with the same records and errors.

    Each also raises `ServerUnreachable` when no server of ours answers, `ScopeMissing` when the key
    is not good for it, and `SessionInvalid` or `WrongCredentials` when it is not good at all.
    """

    def __init__(self, there: Connection) -> None:
        self._there = there
        self.users = UsersThere(there)
        self.sessions = SessionsThere(there)
        self.api_keys = ApiKeysThere(there)
        self.admin_keys = AdminKeysThere(there)
        self.custom_data = CustomDataThere(there)
        self.identities = IdentitiesThere(there)
        self.settings = SettingsThere(there)
        self.events = EventsThere(there)

    def __repr__(self) -> str:
        return "<admit.client.RemoteEngine>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        """Say of what the engine can do, and a server cannot, that it is so."""
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotRemote(name)

    def close(self) -> None:
        """Let go of the connection."""
        self._there.close()

    # --- the life of a user --------------------------------------------------------------------

    def create(
        self,
        login: str,
        password: str | Secret | None = None,
        *,
        provider: str | None = None,
        data: Mapping[str, object] | None = None,
        password_hash: str | None = None,
    ) -> User:
        """As `Engine.create`."""
        body = {
            "login": login,
            "password": password.reveal() if isinstance(password, Secret) else password,
            "provider": provider,
            "data": None if data is None else dict(data),
            "password_hash": password_hash,
        }
        return self._there.ask("POST", "/users", User, body=body)

    def confirm_manually(self, user: AnyUser | None = None, *, address: str | None = None) -> User:
        """As `Engine.confirm_manually`."""
        return self._act(user, address, "confirm")

    def rerun(self, user: AnyUser | None = None, *, address: str | None = None) -> User:
        """As `Engine.rerun`."""
        return self._act(user, address, "rerun")

    def resend(self, user: AnyUser | None = None, *, address: str | None = None) -> User:
        """As `Engine.resend`."""
        return self._act(user, address, "resend")

    def correct_address(
        self, user: AnyUser | None = None, *, to: str, address: str | None = None
    ) -> User:
        """As `Engine.correct_address`."""
        return self._act(user, address, "correct-address", {"to": to})

    def disable(self, user: AnyUser | None = None, *, address: str | None = None) -> User:
        """As `Engine.disable`."""
        return self._act(user, address, "disable")

    def enable(self, user: AnyUser | None = None, *, address: str | None = None) -> User:
        """As `Engine.enable`."""
        return self._act(user, address, "enable")

    def reset(self, user: AnyUser | None = None, *, address: str | None = None) -> User:
        """As `Engine.reset`."""
        return self._act(user, address, "reset")

    def log_out_all(self, user: AnyUser | None = None, *, address: str | None = None) -> User:
        """As `Engine.log_out_all`."""
        return self._act(user, address, "log-out")

    def restore(self, user: AnyUser | None = None, *, address: str | None = None) -> User:
        """As `Engine.restore`."""
        return self._act(user, address, "restore")

    def delete(
        self, user: AnyUser | None = None, *, address: str | None = None, at_once: bool = False
    ) -> User:
        """As `Engine.delete`."""
        path = f"/users/{part(who(user, address))}"
        return self._there.ask("DELETE", path, User, query={"at_once": at_once})

    # --- understanding, work -------------------------------------------------------------------

    def why(self, user: AnyUser | None = None, *, address: str | None = None) -> Why:
        """As `Engine.why`."""
        return self._there.ask("GET", f"/users/{part(who(user, address))}/why", Why)

    def plugins(self) -> list[PluginInfo]:
        """As `Engine.plugins`."""
        unknown = {"failures": 0, "hanging": 0}
        return self._there.ask("GET", "/plugins", list[PluginInfo], hidden=unknown)

    def work_once(self) -> Worked:
        """As `Engine.work_once`."""
        return self._there.ask("POST", "/work", Worked)

    def recover(self) -> int:
        """As `Engine.recover`."""
        return self._there.ask("POST", "/recover", dict[str, int])["recovered"]

    def sweep(self, *, most: int = 1000) -> Swept:
        """As `Engine.sweep`."""
        return self._there.ask("POST", "/sweep", Swept, query={"most": most})

    def _act(
        self,
        user: AnyUser | None,
        address: str | None,
        name: str,
        body: Mapping[str, Any] | None = None,
    ) -> User:
        path = f"/users/{part(who(user, address))}/{name}"
        return self._there.ask("POST", path, User, body=body)
