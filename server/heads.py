"""The heads of requests: no larger, and no slower to arrive, than a request's head is."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_BYTES: Final = 65_536
"""Of a request's line and headers together, and likewise of its trailers. Access tokens and cookies
stand in there; other servers take 8 to 64 KB."""
SECONDS: Final = 10.0
"""How long one may take to arrive."""
_TOO_LARGE: Final = (431, "Request Header Fields Too Large")  # RFC 6585 §5
_TOO_SLOW: Final = (408, "Request Timeout")


class HeadGuard(HttpToolsProtocol):
    """What uvicorn reads requests with, with both limits. Its parser collects what has no end yet
    in ever longer copies: one line of 60 MB would keep the loop from everybody for seconds."""

    seconds = SECONDS

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._held = 0
        """Bytes that came since the last that led to something: a head, a piece of a body."""
        self._size = 0
        """Of the head, as far as its headers are complete."""
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request, for so long."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless it is too much."""
        self._held += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._held > LARGEST_BYTES:
            self._refuse(_TOO_LARGE)
        elif self._is_idle() and self._deadline is None:
            self._wait()  # else one byte after an answer would hold the connection for ever

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._size = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count, and go on."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count, and go on. Trailers behind a body come here, too."""
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there: what comes now is a body, which has limits of its own."""
        self._held = self._size = 0
        self._wait_no_more()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """It goes on."""
        self._held = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The next begins anew."""
        self._held = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Say what is wrong with a head that cannot be read: too large, if it is that."""
        if self._size > LARGEST_BYTES:
            self._refuse(_TOO_LARGE)
        else:
            super().send_400_response(msg)

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > LARGEST_BYTES:
            raise ValueError("too large")  # the parser ends; send_400_response is asked to say so

    def _is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(self.seconds, self._too_slow)

    def _wait_no_more(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self._is_idle() and not self.transport.is_closing():
            self._refuse(_TOO_SLOW)

    def _refuse(self, status: tuple[int, str]) -> None:
        """Say so and close; in the middle of an answer there is no place to say it."""
        if self._is_idle():
            number, phrase = status
            head = f"HTTP/1.1 {number} {phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            self.transport.write(head.encode())
            self.transport.close()
        else:
            self.transport.abort()
