"""What a plugin may add to access tokens."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Protocol

from .records import Session, User
from .services import Services


class TokenClaims(Protocol):
    """Claims for the access tokens of a front door, of rules, of a service that reads them.

    `inline = True` on the object says that it does no I/O. Else it runs in a thread of ours, each
    call for 30 seconds at most, while somebody waits for a log-in or a refresh.
    """

    name: str

    def claims(
        self, user: User, session: Session, services: Services
    ) -> Mapping[str, object] | Awaitable[Mapping[str, object]]:
        """Return claims by name; one that is None is left out.

        Anybody who holds the token reads them: no secret. They are as old as the token. The
        engine's own – `typ`, `sub`, `sid`, `iat`, `exp`, `auth_time` and the registered ones
        (RFC 7519 §4.1) – cannot be replaced, nor those of another plugin.

        Raises:
            Anything: nobody is logged in, nothing is refreshed; the plugin is named.
        """
        ...
