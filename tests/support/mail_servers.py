"""A real mail server on loopback, that refuses and hesitates as a test says."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Literal

import attrs
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

Tls = Literal["starttls", "implicit"]
StartMailServer = Callable[..., "MailServer"]
StartScript = Callable[..., int]
"""Start a server that says some lines one after the other, then hangs up; returns its port."""


@attrs.define
class Received:
    """One mail as a server took it."""

    sender: str
    recipients: list[str]
    content: bytes
    options: list[str]
    over_tls: bool
    logged_in_as: str | None

    @property
    def email(self) -> EmailMessage:
        """The mail, parsed."""
        return message_from_bytes(self.content, policy=policy.default)

    def text(self) -> str:
        """Return its plain text."""
        body = self.email.get_body(("plain",))
        assert body is not None
        content = body.get_content()
        assert isinstance(content, str)
        return content


class MailServer:
    """A real mail server on loopback that may be told to refuse."""

    host = "127.0.0.1"

    def __init__(
        self,
        *,
        tls: Tls | None = None,
        context: ssl.SSLContext | None = None,
        log_in: tuple[str, str] | None = None,
        smtputf8: bool = True,
    ) -> None:
        self.received: list[Received] = []
        self.replies: dict[str, str] = {}
        self.release = threading.Event()
        self.silent = False
        self._log_in = log_in
        self._loop = asyncio.new_event_loop()
        options: dict[str, Any] = {
            "enable_SMTPUTF8": smtputf8,
            "loop": self._loop,
            "hostname": "mail.example",
        }
        if tls == "starttls":
            options |= {"tls_context": context, "require_starttls": True}
        if log_in:
            options |= {"authenticator": self._authenticate, "auth_required": True}
        self._server = self._loop.run_until_complete(
            self._loop.create_server(
                lambda: SMTP(self, **options),
                self.host,
                0,
                ssl=context if tls == "implicit" else None,
            )
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def close(self) -> None:
        """Hang up on everybody, and stop."""
        self.release.set()
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # One turn for transports to close their sockets.
        await asyncio.sleep(0)

    def _authenticate(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        mechanism: str,
        data: LoginPassword,
    ) -> AuthResult:
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == self._log_in, handled=False, auth_data=given[0])

    async def handle_EHLO(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        if self.silent:
            await asyncio.get_running_loop().run_in_executor(None, self.release.wait, 10)
        session.host_name = hostname
        return responses

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "MAIL" in self.replies:
            return self.replies["MAIL"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "RCPT" in self.replies:
            return self.replies["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "DATA" in self.replies:
            return self.replies["DATA"]
        assert envelope.mail_from is not None
        assert isinstance(envelope.original_content, bytes)
        self.received.append(
            Received(
                envelope.mail_from,
                envelope.rcpt_tos,
                envelope.original_content,
                envelope.mail_options,
                session.ssl is not None,
                session.auth_data if session.authenticated else None,
            )
        )
        return "250 Taken"
