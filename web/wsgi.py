"""Who asks a WSGI application: Django, Bottle, Pyramid, or one without a framework.

callers = Callers(engine)

def app(environ, start_response):
    try:
        access = callers.access(environ)
    except AdmitError as error:
        told = refusal(error)  # a status, headers, a body
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import admit
from admit.errors import SessionInvalid
from admit.records import Access, User

from .presented import Reading
from .refusals import NoToken, Refusal, refusal

__all__ = ["Callers", "NoToken", "Refusal", "refusal"]

T = TypeVar("T")
Environ = Mapping[str, Any]


class Callers:
    """Who asks, of one engine; an application may have several.

    *cookie*: the name of a cookie that may carry the token instead of the header. Mind that a
    browser sends it with what other sites let it ask for: see docs/web.md. *trusted_proxies*:
    networks whose X-Forwarded-For is believed.

    Raises:
        InvalidInput: *trusted_proxies* has something else than networks.
    """

    def __init__(
        self,
        engine: admit.Engine,
        *,
        cookie: str | None = None,
        trusted_proxies: Sequence[str] = (),
    ) -> None:
        self.engine: Final = engine
        self._reading = Reading(cookie, trusted_proxies)

    def access(self, environ: Environ) -> Access:
        """Return what the access token says: the cheapest check. Raises NoToken, SessionInvalid."""
        return self._ask(self.engine.verify, environ)

    def user(self, environ: Environ) -> User:
        """Return the current user, as it is now: confirmed, and not disabled – who is not has no
        session. Raises NoToken, SessionInvalid."""
        return self._ask(self.engine.sessions.user_of, environ)

    def fresh(self, environ: Environ) -> Access:
        """Return what the access token says, if its user logged in within the setting
        `fresh_log_in_within`. Raises NoToken, SessionInvalid, FreshLogInNeeded."""
        return self._ask(self.engine.sessions.verify_fresh, environ)

    def optional_access(self, environ: Environ) -> Access | None:
        """Return what the access token says; None if none came, or a dead one in a cookie. Raises
        SessionInvalid: a dead one was sent in the header, so its client wants to be somebody."""
        return self._ask_if_any(self.engine.verify, environ)

    def optional_user(self, environ: Environ) -> User | None:
        """Return the current user; None as `optional_access`. Raises SessionInvalid."""
        return self._ask_if_any(self.engine.sessions.user_of, environ)

    def stranger(self, environ: Environ) -> admit.Engine:
        """Return the engine in which somebody asks from the client of this request: for
        `public`."""
        return self.engine.acting(admit.Actor("user"), client=self.client(environ))

    def acting(self, access: Access, environ: Environ) -> admit.Engine:
        """Return the engine in which the user of *access* asks, from the client of this request."""
        return self.engine.acting(admit.Actor("user", access.user_id), client=self.client(environ))

    def client(self, environ: Environ) -> admit.Client:
        """Return the address – through the trusted proxies – and the locale of the request."""
        return self._reading.client(_Asked(environ))

    def _ask(self, check: Callable[[str], T], environ: Environ) -> T:
        return check(self._reading.token(_Asked(environ)))

    def _ask_if_any(self, check: Callable[[str], T], environ: Environ) -> T | None:
        try:
            return self._ask(check, environ)
        except (NoToken, SessionInvalid):
            if self._reading.is_meant(_Asked(environ)):
                raise
            return None


class _Asked:
    """A request, in the words of WSGI (PEP 3333): several headers of one name are joined."""

    def __init__(self, environ: Environ) -> None:
        self._environ = environ

    @property
    def peer(self) -> str | None:
        return self._environ.get("REMOTE_ADDR") or None

    def header(self, name: str) -> str | None:
        return self._environ.get(f"HTTP_{name.upper().replace('-', '_')}")
