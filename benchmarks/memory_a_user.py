"""What a user costs in memory and on disk, on the memory store and on TinyDB.

Registers users, confirms two of three, logs half of those in; then divides the growth of resident
memory by their number. Goal 8 (for the storage work): at most 1,600 bytes a user with three events.

    python benchmarks/memory_a_user.py [USERS]
"""

from __future__ import annotations

import gc
import sys
import tempfile
from pathlib import Path

from engine_overhead import Plugin, engine

import admit
from admit.testing import MemoryStore


def resident_bytes() -> int:
    """Return this process's resident memory in bytes."""
    fields = Path("/proc/self/statm").read_text("ascii").split()
    return int(fields[1]) * 4096


def fill(subject: admit.Engine, plugin: Plugin, users: int) -> None:
    """Bring *users* through the beginning of their lives."""
    for number in range(users):
        subject.register(f"user{number}@example.com")
        entry = plugin.flow.token
        if number % 3:
            subject.confirm(token_id=entry.token_id, token=entry.token)
            if number % 2:
                subject.log_in("plain", username=f"user{number}@example.com")


def main(users: int = 10_000) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "users.json"
        for name, store in (("memory store", MemoryStore()), ("TinyDB store", path)):
            plugin = Plugin()
            gc.collect()
            before = resident_bytes()
            subject = engine(store, plugin)
            fill(subject, plugin, users)
            gc.collect()
            each = (resident_bytes() - before) / users
            print(f"{name}: {each:,.0f} bytes of memory a user")
            subject.close()
        on_disk = sum(file.stat().st_size for file in Path(folder).iterdir())
        print(f"TinyDB store: {on_disk / users:,.0f} bytes on disk a user, not compacted")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
