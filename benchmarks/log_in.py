"""What a request and a log-in cost: `verify` in both modes, log-in over the bare cryptography.

Each row is measured beside what it is compared with, in turns whose order changes; medians. The
yardstick of `verify` is PyJWT, verifying the same token with the same key; that of a log-in is the
cryptography which cannot be left out: for local-userpass one argon2id verification with the default
parameters. The store is in memory, so nothing waits for a disk: `stores.py` measures those.

    python benchmarks/log_in.py [ROUNDS]

Other providers: `log_in_providers.py`.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import jwt
from argon2 import PasswordHasher

import admit
from admit._token_keys import PURPOSE
from admit.records import Actor, Client
from admit.testing import KEY, MemoryStore

ALGORITHMS: Final = ("HS256", "EdDSA", "ES256", "RS256")
ADDRESS, PASSWORD = "ada@example.com", "correct horse battery staple"
VERIFIED_IN_A_TURN: Final = 50
"""A verification takes microseconds: so many are timed at once."""

Work = Callable[[], object]


class Compared(NamedTuple):
    """A row: what is ours, and the yardstick."""

    ours: Work
    bare: Work


def engine(**settings: object) -> admit.Engine:
    """Open an engine as an application does, but on a memory store, without a limit for clients."""
    return admit.open(
        MemoryStore(),
        key=KEY,
        worker=False,
        settings={"confirmation_flow": "auto", "requests_per_client": 100_000, **settings},
    )


def verify_rows() -> dict[str, Compared]:
    """Return `verify`, by algorithm and mode, beside PyJWT."""
    rows = {}
    for algorithm in ALGORITHMS:
        for mode, looks_up in (("at once", True), ("no look-up", False)):
            opened = engine(access_token_algorithm=algorithm, sessions_end_at_once=looks_up)
            opened.register(ADDRESS, PASSWORD)
            login = opened.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
            token = login.access_token.reveal()
            rows[f"verify, {algorithm}, {mode}"] = Compared(
                _calling(opened.verify, token), _calling(_by_pyjwt, token, _key(opened), algorithm)
            )
    return rows


def _calling(call: Callable[..., object], *arguments: object) -> Work:
    return lambda: call(*arguments)


def _by_pyjwt(token: str, key: Any, algorithm: str) -> object:
    return jwt.decode(token, key, algorithms=[algorithm])


def _key(opened: admit.Engine) -> Any:
    public = opened.sessions.jwks()["keys"]
    if public:
        return jwt.PyJWK(public[0]).key
    return opened._core.keys.sub_key(f"{PURPOSE} 1")


def _local_userpass() -> Compared:
    opened = engine()
    opened.register(ADDRESS, PASSWORD)
    hashed = PasswordHasher().hash(PASSWORD)
    return Compared(
        lambda: opened.log_in("local-userpass", username=ADDRESS, password=PASSWORD),
        lambda: PasswordHasher().verify(hashed, PASSWORD),
    )


def _local_userpass_of_a_stranger() -> Compared:
    opened = engine()
    opened.register(ADDRESS, PASSWORD)
    hashed = PasswordHasher().hash(PASSWORD)
    client = Client(address="192.0.2.1", device="benchmark")
    public = opened.acting(Actor("user"), client=client).public
    return Compared(
        lambda: public.log_in("local-userpass", username=ADDRESS, password=PASSWORD),
        lambda: PasswordHasher().verify(hashed, PASSWORD),
    )


LOG_INS: Final[Mapping[str, Callable[[], Compared]]] = {
    "log in, local-userpass": _local_userpass,
    "log in, local-userpass, counted (public)": _local_userpass_of_a_stranger,
}
"""Log-in, beside the cryptography that it cannot do without."""


def measure(rows: Mapping[str, Compared], rounds: int, in_a_turn: int) -> None:
    """Measure rows in turns, and print their medians and ratios."""
    times: dict[tuple[str, str], list[float]] = {}
    turns = [(name, who, work) for name, row in rows.items() for who, work in row._asdict().items()]
    for _, _, work in turns:
        work()
    order = random.Random(0)  # noqa: S311 – an order, no secret
    for _ in range(rounds):
        order.shuffle(turns)
        for name, who, work in turns:
            start = time.perf_counter()
            for _ in range(in_a_turn):
                work()
            took = (time.perf_counter() - start) / in_a_turn * 1e6
            times.setdefault((name, who), []).append(took)
    for name in rows:
        ours, bare = (statistics.median(times[name, who]) for who in ("ours", "bare"))
        extra = ours - bare
        print(f"{name:42}{ours:12,.1f}{bare:12,.1f}{ours / bare:9.3f} ×{extra:+12,.1f}")


def main(rounds: int = 200) -> None:
    """Measure and print."""
    print(f"median µs of {rounds} turns")
    print(f"{'':42}{'admit':>12}{'bare':>12}{'ratio':>11}{'more':>12}")
    measure(verify_rows(), rounds, VERIFIED_IN_A_TURN)
    rows = {name: make() for name, make in LOG_INS.items()}
    measure(rows, max(20, rounds // 4), 1)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
