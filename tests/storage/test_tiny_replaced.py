"""Files that are removed, replaced or barred while a store is open: nothing that was acknowledged
is lost, and when the cause is gone, commits are taken."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from small_store import CHANGES, UnsyncedFiles, id_of, put
from tinydb import TinyDB

from admit.errors import StoreDamaged, StoreError, StoreReadOnly
from admit.storage import LiveStorage, TinyStore
from admit.stores import Change

SHOWN_USERS = 200


@pytest.fixture
def store(path: Path) -> Iterator[TinyStore]:
    """A store with some changes, on real files."""
    store = TinyStore(path)
    for change in CHANGES:
        store.commit(change)
    yield store
    with suppress(StoreError):
        store.close()


def numbers_in(path: Path) -> list[int]:
    """The users that who opens the store now finds, by their numbers."""
    with closing(TinyStore(path, files=UnsyncedFiles())) as found:
        assert [] == list(found.faults())
        return [n for n in range(1, 100) if found.get("user", id_of(n)) is not None]


def test_a_log_that_is_removed_takes_no_commit_until_it_is_back(
    store: TinyStore, path: Path, log: Path
) -> None:
    """Given an open store, when its log is moved away, then a commit is refused, as it would be
    written where nobody looks; reads go on. Moved back, commits are taken, and all is there."""
    log.rename(log.with_suffix(".away"))

    with pytest.raises(StoreDamaged, match=r"users\.json\.log\.1 was removed or replaced"):
        store.commit(Change(put=(put(5),)))

    assert (None, 4) == (store.get("user", id_of(5)), store.count("user", "all"))
    log.with_suffix(".away").rename(log)
    store.commit(Change(put=(put(6),)))
    store.close()
    assert [1, 2, 3, 4, 6] == numbers_in(path)


@pytest.mark.parametrize("hard_linked", [False, True])
def test_an_older_backup_put_in_place_takes_no_commit(
    store: TinyStore, path: Path, log: Path, tmp_path: Path, hard_linked: bool
) -> None:
    """
    Given an open store, when an older backup is moved to its place,
    then a commit is refused and the backup stays as it is, also where the old files live on under
    another name; who opens the store finds the backup, and who was refused goes on with the files
    of before, once they are back.
    """
    backup, kept = tmp_path / "backup.json", tmp_path / "kept"
    store.backup(backup)
    store.commit(Change(put=(put(5),)))
    kept.mkdir()
    for file in (path, log):
        (os.link if hard_linked else shutil.move)(file, kept / file.name)
        shutil.move(backup.with_name(file.name.replace("users", "backup")), file)

    with pytest.raises(StoreDamaged, match="removed or replaced"):
        store.commit(Change(put=(put(6),)))
    assert [1, 2, 3, 4] == numbers_in(path)

    for file in (path, log):
        shutil.move(kept / file.name, file)
    store.commit(Change(put=(put(7),)))
    store.close()
    assert [1, 2, 3, 4, 5, 7] == numbers_in(path)


def test_an_older_log_copied_over_an_open_one_takes_no_commit(
    store: TinyStore, path: Path, log: Path
) -> None:
    """Given an open store, when an older state of the log is copied over it, then a commit is
    refused, not written behind a hole; with the newer one in place again, commits are taken."""
    older = log.read_bytes()
    store.commit(Change(put=(put(5),)))
    newer = log.read_bytes()
    log.write_bytes(older)

    with pytest.raises(StoreDamaged, match=r"users\.json\.log\.1 was cut off"):
        store.commit(Change(put=(put(6),)))

    assert older == log.read_bytes()
    log.write_bytes(newer)
    store.commit(Change(put=(put(7),)))
    store.close()
    assert [1, 2, 3, 4, 5, 7] == numbers_in(path)


def test_a_snapshot_that_is_removed_stops_no_commit_and_is_missed_at_opening(
    store: TinyStore, path: Path
) -> None:
    """Given an open store, when its snapshot is moved away, then commits go to the log, compacting
    and opening are refused by name; moved back, everything is there."""
    away = path.with_suffix(".away")
    path.rename(away)
    store.commit(Change(put=(put(5),)))
    with pytest.raises(StoreError):
        store.compact()
    with pytest.raises(StoreDamaged, match=r"users\.json is missing"):
        TinyStore(path)

    away.rename(path)
    store.commit(Change(put=(put(6),)))
    store.compact()
    store.close()
    assert [1, 2, 3, 4, 5, 6] == numbers_in(path)


def test_an_older_snapshot_put_in_place_is_refused_at_opening(store: TinyStore, path: Path) -> None:
    """Given an open, compacted store, when the snapshot of before is put in place, then opening is
    refused, for its log is gone; compacting writes a new one, with everything in it."""
    older = path.read_bytes()
    store.compact()
    store.commit(Change(put=(put(5),)))
    path.unlink()
    path.write_bytes(older)

    with pytest.raises(StoreDamaged, match=r"users\.json\.log\.1 is missing"):
        TinyStore(path)

    store.commit(Change(put=(put(6),)))
    with suppress(StoreError):
        store.compact()
    store.compact()
    store.close()
    assert [1, 2, 3, 4, 5, 6] == numbers_in(path)


@contextmanager
def _as_nobody(folder: Path) -> Iterator[None]:
    """Own the folder and act as a user who is not root, to whom permissions mean something."""
    if os.geteuid() != 0:
        yield
        return
    for file in [folder, *folder.iterdir()]:
        os.chown(file, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_may_not_be_written_any_more_hinders_compactions_alone() -> None:
    """Given an open store, when its folder and files may not be written any more, then commits go
    to the log that is open, compacting and opening say that they may not; when they may again,
    both work and everything is there."""
    with tempfile.TemporaryDirectory() as name, _as_nobody(Path(name)):
        path = Path(name) / "users.json"
        with closing(TinyStore(path)) as store:
            store.commit(Change(put=(put(1),)))
            for file in [*path.parent.iterdir(), path.parent]:
                file.chmod(0o500 if file.is_dir() else 0o400)

            store.commit(Change(put=(put(2),)))
            with pytest.raises(StoreReadOnly):
                store.compact()
            with pytest.raises(StoreReadOnly):
                TinyStore(path)
            with closing(TinyStore(path, read_only=True)) as reader:
                assert reader.get("user", id_of(2)) is not None

            path.parent.chmod(0o700)
            for file in path.parent.iterdir():
                file.chmod(0o600)
            store.commit(Change(put=(put(3),)))
            store.compact()
        assert [1, 2, 3] == numbers_in(path)


# --- reading live ---------------------------------------------------------------------------------

_WRITER = f"""
import sys
from contextlib import closing
from admit.storage import TinyStore
from admit.stores import Change, Put
with closing(TinyStore(sys.argv[1])) as store:
    for number in range(1, {SHOWN_USERS} + 1):
        put = Put("user", f"{{number:024x}}", {{"number": number, "pad": "x" * 200}}, None)
        store.commit(Change(put=(put,)), settle=number % 20 == 0)
        if number % 50 == 0:
            store.compact()
"""


def test_tinydb_reads_on_while_another_process_commits_and_compacts(path: Path) -> None:
    """Given a person with TinyDB on the live data, when another process commits and compacts, then
    each look shows the first users, without a gap, ever more of them, and in the end all; writing
    is refused with what to use instead."""
    TinyStore(path).close()
    seen = [0]
    with (
        TinyDB(path, storage=LiveStorage) as database,
        subprocess.Popen([sys.executable, "-c", _WRITER, str(path)]) as process,
    ):
        users = database.table("user", cache_size=0)
        while seen[-1] < SHOWN_USERS:
            is_over = process.poll() is not None
            found = sorted(document["number"] for document in users.all())
            assert list(range(1, len(found) + 1)) == found
            seen.append(len(found))
            assert not is_over or len(found) == SHOWN_USERS
        with pytest.raises(StoreReadOnly, match="engine's verbs"):
            users.insert({"number": 0})

    assert sorted(seen) == seen
    assert 0 == process.returncode
