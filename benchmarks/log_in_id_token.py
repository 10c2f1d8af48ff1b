"""What a log-in with an id token costs over the bare check of its signature.

Bare: joserfc verifies the same token with a key that is at hand, and nothing of it is looked at.
The engine: everything that its documentation promises – header, key, signature, claims, the gate –,
a session and its two tokens, an event, all in one commit to a memory store; the provider's thread
hop, too. Keys and discovery document were fetched before. RS256 with 2,048 bits, as most use it,
and ES256. Both sides in turn, medians.

    python benchmarks/log_in_id_token.py [ROUNDS]
"""

from __future__ import annotations

import json
import statistics
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from joserfc.jws import JWSRegistry

import admit
from admit.testing import CHEAP_HASHING, KEY, MemoryStore

KEYS: dict[str, Any] = {
    "RS256": RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"}),
}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "/keys": dict(KeySet(list(KEYS.values())).as_dict(private=False))
}


class Provider(BaseHTTPRequestHandler):
    """Says what an issuer says of itself."""

    def do_GET(self) -> None:
        content = json.dumps(DOCUMENTS[self.path]).encode()
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


def measure(engine: admit.Engine, issuer: str, algorithm: str, rounds: int) -> None:
    """Print a row: the medians and their ratio."""
    key, now = KEYS[algorithm], int(time.time())
    claims = {"iss": issuer, "aud": "client", "sub": "ada", "iat": now, "exp": now + 3600}
    token = jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key)
    public = type(key).import_key(key.as_dict(private=False))
    registry = JWSRegistry(algorithms=[algorithm])
    engine.log_in("oidc", id_token=token)
    bare, whole = [], []
    for _ in range(rounds):
        bare.append(timed(lambda: jwt.decode(token, public, registry=registry)))
        whole.append(timed(lambda: engine.log_in("oidc", id_token=token)))
    low, high = (statistics.median(times) * 1e6 for times in (bare, whole))
    print(f"{algorithm:8} {low:8.0f} µs bare {high:8.0f} µs log-in {high / low:6.1f} times")


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
        settings = {
            **CHEAP_HASHING,
            "oidc.enabled": True,
            "oidc.issuer": issuer,
            "oidc.client_id": "client",
        }
        with admit.open(MemoryStore(), key=KEY, settings=settings, worker=False) as engine:
            for algorithm in KEYS:
                measure(engine, issuer, algorithm, rounds)
        server.shutdown()


if __name__ == "__main__":
    main()
