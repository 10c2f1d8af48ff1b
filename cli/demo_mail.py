"""A real mail server on loopback for the demo: it takes, keeps, and refuses as it is told."""

from __future__ import annotations

import asyncio
import re
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Final, Self

from admit.errors import MissingExtra

HOST: Final = "127.0.0.1"


class DemoMailServer:
    """Serves SMTP in a thread while it is entered. Raises MissingExtra without aiosmtpd."""

    def __init__(self) -> None:
        try:
            from aiosmtpd.smtp import SMTP
        except ImportError:
            raise MissingExtra("The demo's mail server", "aiosmtpd", "demo") from None
        self._smtp = SMTP
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.mails: list[EmailMessage] = []
        self.refused = 0
        self.refusal: str | None = None
        """What it answers to every message; None: it takes them."""
        self.known_domains: Final = ("example.com",)

    def __enter__(self) -> Self:
        self._server = self._loop.run_until_complete(
            self._loop.create_server(
                lambda: self._smtp(self, loop=self._loop, hostname="mail.example.com"), HOST, 0
            )
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # one turn, in which transports close their sockets

    # aiosmtpd finds these by their names; its types are its own.

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Refuse a mailbox whose domain does not exist."""
        if address.rpartition("@")[2] not in self.known_domains:
            self.refused += 1
            return "550 5.1.2 no such domain"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Take a message, or refuse it as told."""
        if self.refusal is not None:
            self.refused += 1
            return self.refusal
        mail = message_from_bytes(envelope.original_content, policy=policy.default)
        self.mails.append(mail)
        return "250 OK"


def text_of(mail: EmailMessage) -> str:
    """Return the plain text of a mail."""
    body = mail.get_body(("plain",))
    return "" if body is None else str(body.get_content())


def link_in(mail: EmailMessage) -> tuple[str, dict[str, str]]:
    """Return the link of a mail, and what it carries as the arguments of `confirm`."""
    (link,) = re.findall(r"https?://\S+", text_of(mail))
    token, token_id = re.findall(r"token=(\w+)&tokenId=(\w+)", link)[0]
    return link, {"token_id": token_id, "token": token}


def code_in(mail: EmailMessage) -> str:
    """Return the typed code of a mail."""
    (code,) = re.findall(r"^\s+([0-9A-Z]{4}-[0-9A-Z]{4})\s*$", text_of(mail), re.MULTILINE)
    return str(code)
