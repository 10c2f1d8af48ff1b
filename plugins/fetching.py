"""Fetching small JSON documents from a provider's server: https, no redirects, bounded in size and
time.

With the standard library's `http.client`: what is needed is one request a connection, and what
matters are limits that no client library sets by itself – the general ones count their time-out
anew with every byte, follow redirects unless told otherwise, and take 80 ms to import.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, urlencode, urlsplit

import attrs

from admit.errors import InvalidSetting, ProviderFailed

if TYPE_CHECKING:
    import http.client
    import ssl

MOST_BYTES: Final = 256 * 1024
"""Of an answer. The largest key sets and discovery documents in use have some 20 kB."""


@attrs.frozen
class Fetched:
    """An answer that arrived whole: its status, and the JSON object in it."""

    status: int
    content: Mapping[str, Any] = attrs.field(repr=False)


class Fetcher:
    """Fetches for one provider. Safe to use from several threads.

    *seconds* is the time for all of one fetch: connecting, TLS, and every byte of the answer.
    """

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._context: ssl.SSLContext | None = None

    def get(self, url: str, query: Mapping[str, str] | None = None, *, seconds: float) -> Fetched:
        """Return what is at *url*, with *query* added.

        Raises:
            ProviderFailed: it could not be reached, took too long, redirected, answered too much,
                or no JSON object.
        """
        return self._fetch("GET", f"{url}?{urlencode(query)}" if query else url, None, {}, seconds)

    def post(
        self,
        url: str,
        form: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        *,
        seconds: float,
    ) -> Fetched:
        """Return the answer to a form. Raises ProviderFailed, as `get`."""
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self._fetch("POST", url, urlencode(form).encode(), sent, seconds)

    def _fetch(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], seconds: float
    ) -> Fetched:
        import http.client  # 20 ms that nobody needs before the first log-in of this kind

        sent = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "admit",
            "Connection": "close",
            **headers,
        }
        parts = urlsplit(url)
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        deadline = _Deadline(seconds)
        try:
            with deadline, closing(self._connected(parts, deadline)) as connection:
                connection.request(method, target, body, sent)
                with closing(connection.getresponse()) as response:
                    status, text = response.status, response.read(MOST_BYTES + 1)
        except (OSError, ValueError, http.client.HTTPException) as problem:
            if deadline.passed or isinstance(problem, TimeoutError):
                raise self._failed(f"it did not answer within {seconds:g} seconds") from None
            raise self._failed(f"it could not be reached ({type(problem).__name__})") from None
        if deadline.passed:  # the answer was cut off, which may look like its end
            raise self._failed(f"it did not answer within {seconds:g} seconds")
        return self._read(status, text)

    def _connected(self, parts: SplitResult, deadline: _Deadline) -> http.client.HTTPConnection:
        import http.client

        secure = parts.scheme == "https"
        host, port = parts.hostname or "", parts.port or (443 if secure else 80)
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(host, port)
        connection.sock = socket.create_connection((host, port), timeout=deadline.seconds)
        try:
            deadline.guards(connection.sock)
            if secure:
                connection.sock = self._tls().wrap_socket(connection.sock, server_hostname=host)
                deadline.guards(connection.sock)
        except BaseException:
            connection.close()
            raise
        return connection

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            import ssl

            self._context = ssl.create_default_context()
        return self._context

    def _read(self, status: int, text: bytes) -> Fetched:
        if 300 <= status < 400:
            raise self._failed("it answered with a redirect, which is never followed")
        if len(text) > MOST_BYTES:
            raise self._failed(f"its answer is larger than {MOST_BYTES // 1024} kB")
        if status >= 500:
            raise self._failed(f"it answered with the status {status}")
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise self._failed(f"its answer (status {status}) is no JSON object")
        return Fetched(status, content)

    def _failed(self, because: str) -> ProviderFailed:
        return ProviderFailed(self._provider, because)


class _Deadline:
    """Ends a connection when its time is up, however slowly its bytes drip."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.passed = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()

    def guards(self, connected: socket.socket) -> None:
        """End *connected* from now on."""
        with self._lock:
            self._socket = connected
            if self.passed:
                raise TimeoutError

    def _end(self) -> None:
        with self._lock:
            self.passed = True
            if self._socket is not None:
                try:
                    # Past an SSL socket's own method, which would let go of its state under the
                    # thread that reads from it.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
                except OSError:
                    return  # it ended by itself


def check_url(setting: str, url: str) -> str:
    """Return *url* if a provider may be asked there: https, or http to this very machine – which
    is what says that this is a development set-up (security.md J6).

    Raises:
        InvalidSetting: it is no such URL; *setting* is named.
    """
    if not is_url(url) or not (urlsplit(url).scheme == "https" or is_loopback(url)):
        raise InvalidSetting(
            setting, "must be an https URL.", "Plain http is for 127.0.0.1 and localhost alone."
        )
    return url


def is_url(text: object) -> bool:
    """Return whether *text* is an http or https URL with a host, without user, fragment or
    anything that cannot be printed."""
    if not isinstance(text, str) or len(text) > 2000 or not text.isascii():
        return False
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return (
        text.isprintable()
        and not set(text) & set(' "<>\\^`{|}')
        and parts.scheme in ("https", "http")
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and "#" not in text
    )


def is_loopback(url: str) -> bool:
    """Return whether *url* names this very machine."""
    import ipaddress  # 3 ms that only plain http costs

    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def may_follow(found: object, source: str) -> bool:
    """Return whether a URL found in a document of *source* may be asked: https, or – only when the
    source itself is on this machine – http to this machine. So nobody out there can have us call
    our own services."""
    if not isinstance(found, str) or not is_url(found):
        return False
    return urlsplit(found).scheme == "https" or (is_loopback(source) and is_loopback(found))
