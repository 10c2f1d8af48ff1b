"""The durability `batched`: commits return first, and are on the disk soon after.

What a power failure takes of a TinyStore: test_tiny_every_fault.py.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from io import FileIO
from pathlib import Path

import pytest
from postgres import Postgres, running
from small_store import CHANGES, UnsyncedFiles, id_of, put
from sql_opener import open_url

from admit.care import open_store
from admit.errors import InvalidInput
from admit.storage import TinyStore
from admit.stores import Change

LIMIT_SECONDS = 30
"""How long a test waits for another thread before it fails."""
NEVER_SECONDS = 3600.0


class WatchedFiles(UnsyncedFiles):
    """Files that count their syncs, and fail at one if told so."""

    def __init__(self) -> None:
        self.synced = threading.Semaphore(0)
        self.count = 0
        self.fails = False

    def sync(self, file: FileIO) -> None:
        self.count += 1
        self.synced.release()
        if self.fails:
            self.fails = False
            raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.fixture
def watched() -> WatchedFiles:
    return WatchedFiles()


def test_a_batched_commit_does_not_wait_for_the_disk(path: Path, watched: WatchedFiles) -> None:
    """Given a batched store, when it commits, then nothing is synced until it is settled; closing
    settles."""
    store = TinyStore(path, durability="batched", sync_within_seconds=NEVER_SECONDS, files=watched)
    before = watched.count
    for change in CHANGES:
        store.commit(change)
    assert before == watched.count

    store.settle()
    assert before + 1 == watched.count

    store.commit(Change(put=(put(7),)))
    store.close()
    assert before + 2 == watched.count


def test_batched_commits_are_synced_by_themselves(path: Path, watched: WatchedFiles) -> None:
    """Given a batched store, when it commits and nobody settles, then it is synced all the same,
    and again after the next commit."""
    with closing(
        TinyStore(path, durability="batched", sync_within_seconds=0.01, files=watched)
    ) as store:
        for number in range(3):
            while watched.synced.acquire(blocking=False):
                pass
            store.commit(Change(put=(put(20 + number),)))

            assert watched.synced.acquire(timeout=LIMIT_SECONDS)


def test_a_sync_that_fails_in_the_background_is_made_good_in_another_place(
    path: Path, watched: WatchedFiles, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a batched store whose sync fails once in the background, when nobody commits any more,
    then a new snapshot is written and synced, with what was acknowledged; it is logged."""
    with closing(
        TinyStore(path, durability="batched", sync_within_seconds=0.01, files=watched)
    ) as store:
        watched.fails = True
        store.commit(Change(put=(put(1),)))
        deadline = threading.Event()
        for _ in range(LIMIT_SECONDS * 100):
            if b'"000000000000000000000001"' in path.read_bytes():
                break
            deadline.wait(0.01)

        assert b'"000000000000000000000001"' in path.read_bytes()
        store.commit(Change(put=(put(2),)))

    assert "could not be made durable" in caplog.text
    with closing(TinyStore(path, read_only=True)) as found:
        assert [1, 2] == [n for n in (1, 2, 3) if found.get("user", id_of(n))]


def test_full_and_batched_share_a_store(path: Path, watched: WatchedFiles) -> None:
    """Given a batched store and a full one on the same files, when the full one commits after the
    other, then its sync covers both."""
    with (
        closing(
            TinyStore(path, durability="batched", sync_within_seconds=NEVER_SECONDS, files=watched)
        ) as batched,
        closing(TinyStore(path, files=watched)) as full,
    ):
        batched.commit(Change(put=(put(1),)))
        before = watched.count

        full.commit(Change(put=(put(2),)))

        assert before + 1 == watched.count
        assert full.get("user", id_of(1)) is not None


_WRITER = """
import os, sys
from admit.care import open_store
from admit.stores import Change, Put
store = open_store(sys.argv[1])
for number in range(1, 1000):
    store.commit(Change(put=(Put("user", f"{number:024x}", {}, None),)))
    os.write(1, f"{number}\\n".encode())
"""


@pytest.mark.parametrize("scheme", ["tinydb://", "sqlite:///"])
def test_a_killed_process_loses_nothing_though_it_batches(tmp_path: Path, scheme: str) -> None:
    """Given a process that commits to a batched store, when it is killed, then all that it said is
    there: only the machine's failure can take it."""
    url = f"{scheme}{tmp_path}/users?durability=batched"
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, url], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(50)]
        process.send_signal(signal.SIGKILL)
        said += [line for line in process.stdout if line.endswith("\n")]

    with closing(open_store(url)) as store:
        assert [] == [line for line in said if store.get("user", id_of(int(line))) is None]


# --- how it is asked for --------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["tinydb://", "sqlite:///", "postgresql+psycopg://"])
def test_what_is_no_durability_is_refused(tmp_path: Path, scheme: str) -> None:
    """Given a URL with a durability that there is not, when opened, then those that there are are
    named, and nothing is made."""
    with pytest.raises(InvalidInput, match="must be full or batched"):
        open_store(f"{scheme}{tmp_path}/users?durability=none")

    assert [] == list(tmp_path.iterdir())


def test_a_mistyped_option_of_a_tinydb_url_is_refused(tmp_path: Path) -> None:
    """Given an option that there is not, when opened, then it is named, not made part of a file's
    name; a question mark that begins no option is one."""
    with pytest.raises(InvalidInput, match="durabilty"):
        open_store(f"tinydb://{tmp_path}/users.json?durabilty=batched")
    assert [] == list(tmp_path.iterdir())

    open_store(f"{tmp_path}/who?.json").close()

    assert (tmp_path / "who?.json").exists()


def test_a_read_only_store_takes_the_word_and_batches_nothing(path: Path) -> None:
    """Given the URL of a batched store, when opened for reading, then it opens."""
    TinyStore(path).close()

    with closing(open_store(f"tinydb://{path}?durability=batched", read_only=True)) as store:
        assert store.read_only


# --- PostgreSQL -----------------------------------------------------------------------------------


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server that the test may stop."""
    with running() as server:
        yield server


def test_a_crash_of_the_server_takes_only_what_was_committed_since_the_last_settling(
    own_postgres: Postgres,
) -> None:
    """Given a batched store on a server that writes its log late, when the server crashes, then
    what was settled is there, and of what came later a first part, perhaps nothing."""
    own_postgres.run("ALTER SYSTEM SET wal_writer_delay = '10s'")
    own_postgres.control("restart", "-m", "fast")
    url = f"postgresql+psycopg://{own_postgres.location('app')}&durability=batched"
    store = open_url(url)
    store.commit(Change(put=(put(1),)))
    store.settle()
    for number in range(2, 6):
        store.commit(Change(put=(put(number),)))

    own_postgres.control("restart", "-m", "immediate")

    kept = [number for number in range(1, 6) if store.get("user", id_of(number)) is not None]
    assert list(range(1, len(kept) + 1)) == kept
    assert len(kept) >= 1
