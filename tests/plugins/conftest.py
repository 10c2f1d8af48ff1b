"""What the tests of the built-in plugins share: services, entries, and mail servers on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import attrs
import pytest
from aiosmtpd.smtp import SMTP, AuthResult

import admit
from admit.flows import Entry, Outcome
from admit.hookspecs import hookimpl
from admit.masked import Secret
from admit.testing import KEY, MemoryStore, SettableClock

TOKEN = "0123456789abcdef" * 8
TOKEN_ID = "64f0aa64f0aa64f0aa64f0aa"
NOW = datetime(2026, 3, 4, 5, 6, 7, 890_000, tzinfo=UTC)


class Probe:
    """A stranger's flow, which keeps the services that it is called with."""

    name = "probe"
    inline = True

    def __init__(self):
        self.services = None

    @hookimpl
    def register_confirmation_flows(self):
        return [self]

    def begin(self, entry, services):
        self.services = services
        return Outcome.pending()


@pytest.fixture
def make_services(inbox):
    """Make the services of a real engine with these settings, by their dotted names, and these
    functions. Its transport `inbox` keeps what is sent."""
    engines = []

    def make(settings=None, *, functions=None):
        probe = Probe()
        engine = admit.open(
            MemoryStore(),
            key=KEY,
            clock=SettableClock(NOW),
            settings={"confirmation_flow": "probe", **(settings or {})},
            functions=functions,
            plugins=[inbox, probe],
        )
        engines.append(engine)
        engine.register("somebody@example.com")
        return probe.services

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture
def entry():
    """An entry into a flow: Ada has registered. Tests evolve it."""
    return Entry(
        user_id="64f0bb64f0bb64f0bb64f0bb",
        username="Ada@example.com",
        purpose="confirm",
        reason="register",
        token_id=TOKEN_ID,
        token=Secret(TOKEN),
        code=Secret("K7QM-3XRP"),
        expires_at=NOW + timedelta(minutes=30),
        attempt=1,
    )


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
    def email(self):
        return message_from_bytes(self.content, policy=policy.default)


class MailServer:
    """A real mail server on loopback that may be told to refuse."""

    host = "127.0.0.1"

    def __init__(self, *, tls=None, context=None, log_in=None, smtputf8=True):
        self.received = []
        self.replies = {}
        self.release = threading.Event()
        self.silent = False
        self._log_in = log_in
        self._loop = asyncio.new_event_loop()
        options = {"enable_SMTPUTF8": smtputf8, "loop": self._loop, "hostname": "mail.example"}
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
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def close(self):
        self.release.set()
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _close(self):
        self._server.close()
        tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # One turn for transports to close their sockets.
        await asyncio.sleep(0)

    def _authenticate(self, server, session, envelope, mechanism, data):
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == self._log_in, handled=False, auth_data=given[0])

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        if self.silent:
            await asyncio.get_running_loop().run_in_executor(None, self.release.wait, 10)
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        if "MAIL" in self.replies:
            return self.replies["MAIL"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if "RCPT" in self.replies:
            return self.replies["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if "DATA" in self.replies:
            return self.replies["DATA"]
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


@pytest.fixture
def mail_server():
    """Start mail servers; all are stopped after the test."""
    servers = []

    def start(**options):
        servers.append(MailServer(**options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def scripted_server():
    """Start a server that says these lines one after the other, then hangs up."""
    threads, listeners = [], []

    def start(*lines):
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(10)
        listeners.append(listener)

        def serve():
            connection, _ = listener.accept()
            # The client may hang up first.
            with contextlib.suppress(OSError), connection, connection.makefile("rb") as heard:
                connection.settimeout(10)
                for line in lines:
                    connection.sendall(line + b"\r\n")
                    end = b".\r\n" if line.startswith(b"354") and line != lines[-1] else b""
                    while not heard.readline().endswith(end):
                        pass

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return listener.getsockname()[1]

    yield start
    for thread in threads:
        thread.join(10)
    for listener in listeners:
        listener.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A key and a certificate of our own for localhost, good for a day: (key file, PEM file)."""
    folder = tmp_path_factory.mktemp("certificate")
    key, pem = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "1", "-subj", "/CN=localhost"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(pem)),
        ],
        check=True,
        capture_output=True,
    )
    return key, pem


@pytest.fixture
def tls_context(certificate):
    """What a server with this certificate needs."""
    key, pem = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    return context
