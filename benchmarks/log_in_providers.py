"""What a log-in costs with each provider that comes along, over the bare check of its credentials.

Bare: what of it is cryptography – random bits for `anon-user`, one digest for `api-key`, joserfc
with a key that is at hand for `custom-token`, a call for `custom-function`, argon2id (its cheapest,
so that the rest can be seen) for `local-userpass`. The engine: what its documentation promises –
the gate, a session and its two tokens, an event, in one commit to a memory store; for those that
ask somebody the hop to another thread, too. Both sides in turn, medians.

    python benchmarks/log_in_providers.py [ROUNDS]
"""

from __future__ import annotations

import hashlib
import secrets
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import argon2
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

import admit
from admit.testing import CHEAP_HASHING, KEY, MemoryStore

PASSWORD = "correct horse battery staple"
SECRET = "a shared secret of at least 32 bytes"
PRIVATE: dict[str, Any] = {
    "RS256": RSAKey.generate_key(2048),
    "ES256": ECKey.generate_key("P-256"),
    "Ed25519": OKPKey.generate_key("Ed25519"),
}


class Row(NamedTuple):
    """One way in: the bare work, and the log-in."""

    name: str
    bare: Callable[[], object]
    whole: Callable[[], object]


def public_pem() -> str:
    halves = [key.public_key for key in PRIVATE.values()]
    return "\n".join(
        half.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        for half in halves
    )


def opened() -> admit.Engine:
    settings = {
        **CHEAP_HASHING,
        "confirmation_flow": "auto",
        **{
            f"{name}.enabled": True
            for name in ("anon-user", "api-key", "custom-token", "custom-function")
        },
        "custom-function.function": "who",
        "custom-token.secret": SECRET,
        "custom-token.keys": public_pem(),
        "custom-token.algorithms": ", ".join(PRIVATE),
        "custom-token.audience": "shop",
    }
    functions = {"who": lambda given: given["id"]}
    return admit.open(MemoryStore(), key=KEY, settings=settings, functions=functions, worker=False)


def rows(engine: admit.Engine) -> Iterator[Row]:
    """Yield each way in, with a user who is there already (but for `anon-user`)."""
    ada = engine.register("ada@example.com", PASSWORD)
    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    hashed = hasher.hash(PASSWORD)
    yield Row(
        "local-userpass",
        lambda: hasher.verify(hashed, PASSWORD),
        lambda: engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD),
    )
    yield Row("anon-user", lambda: secrets.token_hex(24), lambda: engine.log_in("anon-user"))
    text = engine.api_keys.create(ada, name="bench").text.reveal()
    yield Row(
        "api-key",
        lambda: hashlib.sha256(text.encode()).digest(),
        lambda: engine.log_in("api-key", key=text),
    )
    yield Row(
        "custom-function",
        lambda: "ada",
        lambda: engine.log_in("custom-function", id="ada"),
    )
    claims = {"sub": "ada", "aud": "shop", "exp": int(time.time()) + 36_000}
    for algorithm, private in {"HS256": OctKey.import_key(SECRET), **PRIVATE}.items():
        yield _token_row(
            engine,
            algorithm,
            private,
            jwt.encode({"alg": algorithm}, claims, private, algorithms=[algorithm]),
        )


def _token_row(engine: admit.Engine, algorithm: str, private: Any, token: str) -> Row:
    key = private
    if algorithm in PRIVATE:
        key = type(private).import_key(private.as_dict(private=False))
    registry = JWSRegistry(algorithms=[algorithm])
    return Row(
        f"custom-token, {algorithm}",
        lambda: jwt.decode(token, key, registry=registry),
        lambda: engine.log_in("custom-token", token=token),
    )


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with opened() as engine:
        for row in rows(engine):
            row.whole()  # libraries are imported, keys read
            bare, whole = [], []
            for _ in range(rounds):
                bare.append(timed(row.bare))
                whole.append(timed(row.whole))
            low, high = (statistics.median(times) * 1e6 for times in (bare, whole))
            print(
                f"{row.name:22} {low:8.1f} µs bare {high:8.1f} µs log-in {high - low:8.1f} µs more"
            )


if __name__ == "__main__":
    main()
