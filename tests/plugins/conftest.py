"""What the tests of the built-in plugins share: services, entries, and mail servers on loopback."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mail_servers import MailServer, StartMailServer, StartScript
from plugin_services import MakeServices, Probe

import admit
from admit.flows import Entry
from admit.masked import Secret
from admit.records import RunId, UserId
from admit.services import Services
from admit.testing import KEY, Inbox, MemoryStore, SettableClock

TOKEN = "0123456789abcdef" * 8
TOKEN_ID = "64f0aa64f0aa64f0aa64f0aa"
NOW = datetime(2026, 3, 4, 5, 6, 7, 890_000, tzinfo=UTC)


@pytest.fixture
def make_services(inbox: Inbox) -> Iterator[MakeServices]:
    """Make the services of a real engine, as `MakeServices` says."""
    engines = []

    def make(
        settings: Mapping[str, object] | None = None,
        *,
        functions: Mapping[str, Callable[..., Any]] | None = None,
    ) -> Services:
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
        assert probe.services is not None
        return probe.services

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture
def entry() -> Entry:
    """An entry into a flow: Ada has registered. Tests evolve it."""
    return Entry(
        user_id=UserId("64f0bb64f0bb64f0bb64f0bb"),
        username="Ada@example.com",
        purpose="confirm",
        reason="register",
        token_id=RunId(TOKEN_ID),
        token=Secret(TOKEN),
        code=Secret("K7QM-3XRP"),
        expires_at=NOW + timedelta(minutes=30),
        attempt=1,
    )


@pytest.fixture
def mail_server() -> Iterator[StartMailServer]:
    """Start mail servers; all are stopped after the test."""
    servers: list[MailServer] = []

    def start(**options: Any) -> MailServer:
        servers.append(MailServer(**options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def scripted_server() -> Iterator[StartScript]:
    """Start a server that says these lines one after the other, then hangs up."""
    threads, listeners = [], []

    def start(*lines: bytes) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(10)
        listeners.append(listener)

        def serve() -> None:
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
        port: int = listener.getsockname()[1]
        return port

    yield start
    for thread in threads:
        thread.join(10)
    for listener in listeners:
        listener.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
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
def tls_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    """What a server with this certificate needs."""
    key, pem = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    return context
