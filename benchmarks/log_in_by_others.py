"""What a log-in by others costs: with an id token over the bare check of its signature, with a
token of Facebook over the bare questions about it.

Bare: joserfc verifies the same token with a key that is at hand, and nothing of it is looked at; of
Facebook, whose tokens nobody can verify, the two answers of its server (here: on loopback), and one
HMAC.
The engine: everything that its documentation promises – header, key, signature, claims, the gate –,
a session and its two tokens, an event, all in one commit to a memory store; the provider's thread
hop, too. Keys and discovery document were fetched before. RS256 with 2,048 bits, as most use it,
and ES256; `oidc`, `oauth2-google` and `oauth2-apple` differ in settings alone. Both sides in turn,
medians.

    python benchmarks/log_in_by_others.py [ROUNDS]
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from joserfc.jws import JWSRegistry

import admit
from admit.testing import CHEAP_HASHING, KEY, MemoryStore

KEYS: dict[str, Any] = {
    "RS256": RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"}),
}
OF_GRAPH = "a token of Facebook"
DOCUMENTS: dict[str, dict[str, Any]] = {
    "/keys": dict(KeySet(list(KEYS.values())).as_dict(private=False)),
    "/debug_token": {
        "data": {"app_id": "client", "type": "USER", "is_valid": True, "user_id": "18151210"}
    },
    "/me": {"id": "18151210", "name": "Ada Lovelace"},
}
BY_ID_TOKEN = ("oidc", "oauth2-google", "oauth2-apple")


class Provider(BaseHTTPRequestHandler):
    """Says what an issuer says of itself."""

    def do_GET(self) -> None:
        content = json.dumps(DOCUMENTS[urlsplit(self.path).path]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def compare(name: str, bare: Callable[[], object], whole: Callable[[], object], n: int) -> None:
    """Print a row: the medians and their ratio."""
    whole()  # whoever comes first makes the user, and fetches
    times = [(timed(bare), timed(whole)) for _ in range(n)]
    low, high = (statistics.median(side) * 1e6 for side in zip(*times, strict=True))
    print(f"{name:22} {low:8.0f} µs bare {high:8.0f} µs log-in {high / low:6.1f} times")


def by_id_token(engine: admit.Engine, name: str, issuer: str, algorithm: str, rounds: int) -> None:
    key, now = KEYS[algorithm], int(time.time())
    claims = {"iss": issuer, "aud": "client", "sub": "ada", "iat": now, "exp": now + 3600}
    token = jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key)
    public = type(key).import_key(key.as_dict(private=False))
    registry = JWSRegistry(algorithms=[algorithm])
    compare(
        f"{name}, {algorithm}",
        lambda: jwt.decode(token, public, registry=registry),
        lambda: engine.log_in(name, id_token=token),
        rounds,
    )


def by_graph(engine: admit.Engine, port: int, rounds: int) -> None:
    def bare() -> None:
        hmac.digest(b"secret", OF_GRAPH.encode(), hashlib.sha256)
        for path in ("/debug_token", "/me"):
            asked = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            asked.request("GET", path)
            json.loads(asked.getresponse().read())
            asked.close()

    def whole() -> object:
        return engine.log_in("oauth2-facebook", access_token=OF_GRAPH)

    compare("oauth2-facebook", bare, whole, rounds)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        issuer = f"http://127.0.0.1:{server.server_port}"
        DOCUMENTS["/.well-known/openid-configuration"] = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys",
        }
        settings: dict[str, object] = {
            **CHEAP_HASHING,
            "oauth2-facebook.enabled": True,
            "oauth2-facebook.client_id": "client",
            "oauth2-facebook.client_secret": admit.Secret("secret"),
            "oauth2-facebook.graph_url": issuer,
        }
        for name in BY_ID_TOKEN:
            own = {"enabled": True, "issuer": issuer, "client_id": "client"}
            settings |= {f"{name}.{key}": value for key, value in own.items()}
        with admit.open(MemoryStore(), key=KEY, settings=settings, worker=False) as engine:
            for name in BY_ID_TOKEN:
                for algorithm in KEYS:
                    by_id_token(engine, name, issuer, algorithm, rounds)
            by_graph(engine, server.server_port, rounds)
        server.shutdown()


if __name__ == "__main__":
    main()
