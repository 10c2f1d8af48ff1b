"""Over https, a server's certificate is checked: rule J6."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from admit.errors import ProviderFailed
from admit.plugins.fetching import Fetcher


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who signs certificates here, and is known to nobody else."""
    return trustme.CA()


@pytest.fixture(scope="module")
def port(authority: trustme.CA) -> Iterator[int]:
    """A server for `localhost` that answers with JSON over TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps({"asked": self.path}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def trusting(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine know that authority, as an administrator would."""
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))


@pytest.mark.usefixtures("trusting")
def test_j6_a_server_with_a_good_certificate_is_asked(port: int) -> None:
    """
    Given a server whose certificate is for its name, by an authority that is known,
    when a document is fetched there, and again,
    then it arrives.
    """
    fetcher = Fetcher("oidc")

    for path in ("/one", "/two"):
        fetched = fetcher.get(f"https://localhost:{port}{path}", {"q": "a b"}, seconds=5)
        assert {"asked": f"{path}?q=a+b"} == fetched.content


def test_j6_a_server_of_an_unknown_authority_is_not_asked(port: int) -> None:
    """
    Given the same server, and a machine that does not know who signed its certificate,
    when a document is fetched there,
    then the provider failed.
    """
    with pytest.raises(ProviderFailed, match="SSLCertVerificationError"):
        Fetcher("oidc").get(f"https://localhost:{port}/", seconds=5)


@pytest.mark.usefixtures("trusting")
def test_j6_a_certificate_of_another_name_is_not_taken(port: int) -> None:
    """
    Given a certificate for `localhost`,
    when the server is asked as 127.0.0.1,
    then the provider failed.
    """
    with pytest.raises(ProviderFailed, match="SSLCertVerificationError"):
        Fetcher("oidc").get(f"https://127.0.0.1:{port}/", seconds=5)


def test_j6_a_server_that_stops_in_the_middle_of_the_handshake_is_left() -> None:
    """
    Given a server that takes the connection and says nothing of TLS,
    when a document is fetched there,
    then the time limit ends it.
    """
    import socket

    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}/"
        with pytest.raises(ProviderFailed, match=r"within 0\.2 seconds"):
            Fetcher("oidc").get(url, seconds=0.2)
