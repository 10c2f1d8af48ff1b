"""What came with a request: its access token, in a header or a cookie, and who is at the other
end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import admit

from .clients import address_of, locale_of, networks
from .refusals import NoToken

BEARER: Final = "bearer "


class Asked(Protocol):
    """One request, as each kind of server hands it over."""

    @property
    def peer(self) -> str | None:
        """The address of who is connected; None where there is none, as at a Unix socket."""
        ...

    def header(self, name: str) -> str | None:
        """Return the header *name*, in lower case; several are joined as HTTP joins them."""
        ...


class Reading:
    """What an application wants to read of each request."""

    def __init__(self, cookie: str | None, trusted_proxies: Sequence[str]) -> None:
        self.cookie: Final = cookie
        self._trusted = networks(tuple(trusted_proxies))

    def token(self, asked: Asked) -> str:
        """Return the access token: that of the header; without one, that of the cookie, if the
        application reads one. Raises NoToken."""
        found = bearer(asked.header("authorization"))
        if found is None and self.cookie is not None:
            found = cookie_of(asked.header("cookie"), self.cookie)
        if found is None:
            raise NoToken
        return found

    def is_meant(self, asked: Asked) -> bool:
        """Whether whoever asks chose to send a token: a browser sends its cookie unasked."""
        return bearer(asked.header("authorization")) is not None

    def client(self, asked: Asked) -> admit.Client:
        """Return who is at the other end, as the engine records it."""
        forwarded = asked.header("x-forwarded-for") if self._trusted else None
        return admit.Client(
            address=address_of(asked.peer, [forwarded] if forwarded else [], self._trusted),
            locale=locale_of(asked.header("accept-language")),
        )


def bearer(authorization: str | None) -> str | None:
    """Return the token of an Authorization header (RFC 6750 §2.1), or None if it has none.

    >>> bearer("Bearer abc.def")
    'abc.def'
    >>> bearer("Basic YTpi") is None
    True
    """
    if authorization is None or authorization[: len(BEARER)].lower() != BEARER:
        return None
    return authorization[len(BEARER) :].strip() or None


def cookie_of(header: str | None, name: str) -> str | None:
    """Return the cookie *name* of a Cookie header (RFC 6265 §5.4), or None. Of two, the first: the
    one whose path fits better.

    >>> cookie_of("theme=dark; access=abc.def", "access")
    'abc.def'
    """
    for pair in (header or "").split(";"):
        found, _, value = pair.partition("=")
        if found.strip() == name:
            return value.strip().strip('"') or None
    return None
