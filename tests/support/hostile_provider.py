"""A provider of OpenID Connect that tells lies: each answer can be replaced, each token forged.

Its tokens are made with PyJWT, or by hand where that refuses to.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from admit import BegunRedirect
from admit.testing import SettableClock

CLIENT = "the-client"
CLIENT_SECRET = "the secret of the client"
CALLBACK = "https://app.example.com/callback"
DISCOVERY = "/.well-known/openid-configuration"

Answer = Callable[[BaseHTTPRequestHandler], None]
"""Writes a whole answer."""


def new_key(bits: int = 2048) -> RSAPrivateKey:
    return generate_private_key(65537, bits)


OWN_KEY = new_key()
OTHER_KEY = new_key()
"""An attacker's, or the next one of a rotation."""


def jwk(key: RSAPrivateKey, kid: str, **more: object) -> dict[str, Any]:
    """Return the public half of *key* as it stands in a key set."""
    made: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    made.pop("key_ops", None)
    return {**made, "kid": kid, "use": "sig", "alg": "RS256", **more}


def pem(key: RSAPrivateKey) -> bytes:
    """Return the public half of *key* as the text that everybody has."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class Hostile:
    """The provider. Honest until a test changes something."""

    def __init__(self, url: str, clock: SettableClock) -> None:
        self.url = url
        self.clock = clock
        self.discovery: dict[str, Any] = {
            "issuer": url,
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "jwks_uri": f"{url}/keys",
        }
        self.keys: dict[str, Any] = {"keys": [jwk(OWN_KEY, "own")]}
        self.token_answer: dict[str, Any] = {"access_token": "an access token"}
        self.token_status = 200
        self.instead: dict[str, Answer] = {}
        """What is answered at a path in place of the document."""
        self.asked: Counter[str] = Counter()
        self.forms: list[str] = []

    def claims(self, asked_with: str, /, **changed: object) -> dict[str, Any]:
        """Return good claims, changed; None takes one away."""
        now = int(self.clock.now().timestamp())
        good = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "ada-1815",
            "iat": now,
            "exp": now + 600,
            "nonce": asked_with,
            "email": "ada@example.com",
            "email_verified": True,
            **changed,
        }
        return {name: value for name, value in good.items() if value is not None}

    def mint(
        self,
        claims: Mapping[str, Any],
        *,
        key: RSAPrivateKey = OWN_KEY,
        kid: str | None = "own",
        algorithm: str = "RS256",
        **header: object,
    ) -> str:
        """Return *claims* as a signed token."""
        headers = {**({} if kid is None else {"kid": kid}), **header}
        return jwt.encode(dict(claims), key, algorithm=algorithm, headers=headers)

    def answer(self, begun: BegunRedirect, **changed: object) -> dict[str, str]:
        """Return what a browser comes back with, and have a token ready for its code."""
        sent = sent_with(begun)
        self.token_answer["id_token"] = self.mint(self.claims(sent["nonce"], **changed))
        return {"code": "the-code-of-ada", "state": sent["state"]}


def sent_with(begun: BegunRedirect) -> dict[str, str]:
    """Return what a browser is sent to a provider with."""
    query = parse_qs(urlsplit(begun.url).query)
    return {name: values[0] for name, values in query.items()}


def encoded(part: object) -> str:
    """Return a part of a token."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(claims: Mapping[str, Any], algorithm: str = "none") -> str:
    """Return a token that nobody signed."""
    return f"{encoded({'alg': algorithm, 'typ': 'JWT', 'kid': 'own'})}.{encoded(claims)}."


def hmac_signed(claims: Mapping[str, Any], secret: bytes) -> str:
    """Return a token signed with something that is no secret between the two."""
    body = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': 'own'})}.{encoded(claims)}"
    return f"{body}.{encoded(hmac.digest(secret, body.encode(), hashlib.sha256))}"


def send(handler: BaseHTTPRequestHandler, status: int, content: bytes, **headers: str) -> None:
    """Write an answer."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def _handler(find: Callable[[], Hostile]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider = find()
            path = self.path.partition("?")[0]
            provider.asked[path] += 1
            documents = {DISCOVERY: provider.discovery, "/keys": provider.keys}
            if path in provider.instead:
                provider.instead[path](self)
            else:
                found = documents.get(path)
                send(self, 404 if found is None else 200, json.dumps(found or {}).encode())

        def do_POST(self) -> None:
            provider = find()
            provider.asked[self.path] += 1
            provider.forms.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            if self.path in provider.instead:
                provider.instead[self.path](self)
            else:
                send(self, provider.token_status, json.dumps(provider.token_answer).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def misbehaving(clock: SettableClock) -> Iterator[Hostile]:
    """Serve a provider on loopback, in a thread; its tokens have the time of *clock*."""
    found: list[Hostile] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(lambda: found[0]))
    server.daemon_threads = True
    server.block_on_close = False
    found.append(Hostile(f"http://127.0.0.1:{server.server_port}", clock))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found[0]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
