"""What a TinyStore makes of files that are cut, flipped, missing or not its own."""

from __future__ import annotations

import errno
import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from small_store import CHANGES, FailingFiles, Seen, UnsyncedFiles, id_of, put, seen

from admit.errors import StoreDamaged, StoreError, StoreReadOnly, StoreTooNew
from admit.storage import TinyStore
from admit.stores import Change, Remove


@pytest.fixture
def states(path: Path, log: Path) -> list[tuple[int, Seen]]:
    """Write the changes; return how long the log is, and what is seen, after each."""
    with closing(TinyStore(path, files=UnsyncedFiles())) as store:
        states = [(log.stat().st_size, seen(store))]
        for change in CHANGES:
            store.commit(change)
            states.append((log.stat().st_size, seen(store)))
    return states


def test_a_log_cut_at_any_byte_gives_whole_commits(
    path: Path, log: Path, states: list[tuple[int, Seen]]
) -> None:
    """Given six commits, when the log is cut at any byte, then the store opens with those that are
    whole, takes a commit, and opens again with it."""
    whole = log.read_bytes()

    for cut in range(states[0][0], len(whole) + 1):
        log.write_bytes(whole[:cut])
        expected = [state for length, state in states if length <= cut][-1]
        with closing(TinyStore(path, files=UnsyncedFiles())) as store:
            assert expected == seen(store), cut
            store.commit(Change(put=(put(5),)))
        with closing(TinyStore(path, files=UnsyncedFiles(), read_only=True)) as store:
            assert store.find("key:5") is not None, cut


def test_reading_only_leaves_a_torn_log_as_it_is(
    path: Path, log: Path, states: list[tuple[int, Seen]]
) -> None:
    """Given a torn log, when it is opened for reading, then its whole commits are seen and no byte
    of it changes."""
    torn = log.read_bytes()[:-3]
    log.write_bytes(torn)

    with closing(TinyStore(path, read_only=True)) as store:
        assert states[-2][1] == seen(store)

    assert torn == log.read_bytes()


@pytest.mark.parametrize("filled", [0, 5, 26, 27, 40])
def test_space_that_was_never_filled_is_a_torn_tail(
    path: Path, log: Path, states: list[tuple[int, Seen]], filled: int
) -> None:
    """Given a power failure that kept the length of the last line but not all of its bytes, when
    the store is opened, then the line is cut off: it was never acknowledged."""
    whole, start = log.read_bytes(), states[-2][0]
    log.write_bytes(whole[: start + filled] + bytes(len(whole) - start - filled))

    with closing(TinyStore(path)) as store:
        assert states[-2][1] == seen(store)

    assert start == log.stat().st_size


def _refuses_flips(path: Path, target: Path, bits: list[int]) -> None:
    """Flip these bits of every byte, one at a time (none: another bit in each byte)."""
    whole = target.read_bytes()
    unnoticed = []
    for at in range(len(whole)):
        for bit in bits or [at * 5 % 8]:
            flipped = bytearray(whole)
            flipped[at] ^= 1 << bit
            target.write_bytes(flipped)
            try:
                TinyStore(path, files=UnsyncedFiles(), read_only=True).close()
                unnoticed.append((at, bit))
            except (StoreDamaged, StoreTooNew):
                pass
    assert unnoticed == []


@pytest.mark.usefixtures("states")
def test_a_flipped_bit_anywhere_in_the_log_is_refused(path: Path, log: Path) -> None:
    """Given a log, when a bit of any byte is flipped, the last line's too, then opening refuses."""
    _refuses_flips(path, log, bits=[])


@pytest.mark.full
@pytest.mark.usefixtures("states")
def test_each_flipped_bit_of_the_log_is_refused(path: Path, log: Path) -> None:
    """Given a log, when any one bit of it is flipped, then opening refuses."""
    _refuses_flips(path, log, bits=list(range(8)))


@pytest.mark.usefixtures("states")
def test_a_flipped_bit_anywhere_in_the_snapshot_is_refused(path: Path) -> None:
    """Given a snapshot, when a bit of any byte is flipped, then opening refuses."""
    with closing(TinyStore(path, files=UnsyncedFiles())) as store:
        store.compact()

    _refuses_flips(path, path, bits=[])


@pytest.mark.full
@pytest.mark.usefixtures("states")
def test_each_flipped_bit_of_the_snapshot_is_refused(path: Path) -> None:
    """Given a snapshot, when any one bit of it is flipped, then opening refuses."""
    with closing(TinyStore(path, files=UnsyncedFiles())) as store:
        store.compact()

    _refuses_flips(path, path, bits=list(range(8)))


def test_damage_is_named_with_file_and_offset(
    path: Path, log: Path, states: list[tuple[int, Seen]]
) -> None:
    """Given a flipped byte in the third commit, when opened, then the error names where that line
    begins, and nothing is changed."""
    damaged = bytearray(log.read_bytes())
    damaged[states[2][0] + 40] ^= 1
    log.write_bytes(damaged)

    with pytest.raises(StoreDamaged, match=rf"users\.json\.log\.1 .* byte {states[2][0]}\."):
        TinyStore(path)

    assert bytes(damaged) == log.read_bytes()


@pytest.mark.usefixtures("states")
def test_a_missing_snapshot_is_not_taken_for_a_new_store(path: Path) -> None:
    """Given a log with commits, when the snapshot is gone, then opening refuses."""
    path.unlink()

    with pytest.raises(StoreDamaged, match=r"users\.json is missing"):
        TinyStore(path)


@pytest.mark.usefixtures("states")
def test_a_missing_log_is_refused(path: Path, log: Path) -> None:
    """Given a snapshot, when its log is gone, then opening refuses, naming it."""
    log.unlink()

    with pytest.raises(StoreDamaged, match=r"users\.json\.log\.1 is missing"):
        TinyStore(path)


@pytest.mark.parametrize("zeros", [False, True], ids=["cut", "zeros"])
def test_a_log_that_lost_the_way_to_the_next_one_is_refused(
    path: Path, log: Path, store: TinyStore, files: FailingFiles, zeros: bool
) -> None:
    """Given commits in a second log, because a compaction could not replace the snapshot, when the
    first one lost its last bytes, then opening refuses: what looks like a torn tail hides them."""
    files.replace_error = OSError(errno.EIO, "no")
    with pytest.raises(StoreError):
        store.compact()
    store.commit(Change(put=(put(5),)))
    store.close()
    whole = log.read_bytes()
    log.write_bytes(whole[:-12] + bytes(12) if zeros else whole[:-12])

    for read_only in (True, False):
        with pytest.raises(StoreDamaged, match=r"log\.1 .* though users\.json\.log\.2 is there"):
            TinyStore(path, read_only=read_only)

    log.write_bytes(whole)
    with closing(TinyStore(path)) as again:
        assert again.find("key:5") is not None


@pytest.mark.parametrize("content", ["{}", '{"user": {"1": {}}}', "not JSON\n"])
def test_a_file_that_is_not_ours_is_refused_and_left(path: Path, content: str) -> None:
    """Given a file that something else wrote, when opened, then it is refused and unchanged."""
    path.write_text(content)

    with pytest.raises(StoreDamaged, match="no store of admit"):
        TinyStore(path)

    assert content == path.read_text()


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    """Given the empty file that stock TinyDB makes, when opened, then it is a new store."""
    path.touch()

    with closing(TinyStore(path)) as store:
        store.commit(Change(put=(put(1),)))

    with closing(TinyStore(path)) as store:
        assert store.find("key:1") is not None


@pytest.mark.usefixtures("states")
def test_a_newer_schema_is_refused(path: Path) -> None:
    """Given a snapshot of schema 2, in a form that nobody knows yet, when opened, then StoreTooNew
    and nothing is changed."""
    newer = path.read_text().replace('"schema":1,"generation"', '"schema":2,"unknown":[],"gen"')
    path.write_text(newer)

    for read_only in (False, True):
        with pytest.raises(StoreTooNew, match="schema number 2"):
            TinyStore(path, read_only=read_only)

    assert newer == path.read_text()


def test_a_store_that_is_not_there_cannot_be_opened_for_reading(path: Path) -> None:
    """Given no file, when opened for reading only, then it is refused and none is made."""
    with pytest.raises(StoreReadOnly, match="no store"):
        TinyStore(path, read_only=True)

    assert list(path.parent.iterdir()) == []


def test_a_copy_without_its_lock_file_can_be_read(
    path: Path, tmp_path: Path, states: list[tuple[int, Seen]]
) -> None:
    """Given snapshot and log copied elsewhere, when opened for reading, then all is there, and no
    lock file is made."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("users.json", "users.json.log.1"):
        shutil.copy(path.parent / name, copy / name)

    with closing(TinyStore(copy / "users.json", read_only=True)) as store:
        assert states[-1][1] == seen(store)

    assert sorted(file.name for file in copy.iterdir()) == ["users.json", "users.json.log.1"]


def test_a_removed_lock_file_stops_writing(path: Path) -> None:
    """Given an open store, when its lock file is removed, then a commit is refused: another process
    would take turns by another lock."""
    with closing(TinyStore(path)) as store:
        path.with_name("users.json.lock").unlink()

        with pytest.raises(StoreDamaged, match=r"users\.json\.lock was removed"):
            store.commit(Change(put=(put(1),)))


def test_an_empty_lock_file_does_not_hinder_reading(
    path: Path, states: list[tuple[int, Seen]]
) -> None:
    """Given a lock file that a copy left empty, when opened for reading, then all is there."""
    path.with_name("users.json.lock").write_bytes(b"")

    with closing(TinyStore(path, read_only=True)) as store:
        assert states[-1][1] == seen(store)


def test_a_log_that_shrinks_under_an_open_store_is_damage(path: Path, log: Path) -> None:
    """Given a second opening, when a commit is told and then cut off behind its back, then its
    next read raises StoreDamaged, naming the file."""
    with closing(TinyStore(path)) as store, closing(TinyStore(path, read_only=True)) as reader:
        store.commit(Change(put=(put(1),)))
        log.write_bytes(log.read_bytes()[:-5])

        with pytest.raises(StoreDamaged, match=r"users\.json\.log\.1 ends too early"):
            reader.get("user", id_of(1))


@pytest.mark.parametrize(
    "change",
    [
        Change(put=(put(1).__class__("user", "1", {}),)),
        Change(put=(put(1).__class__("user", id_of(255).upper(), {}),)),
        Change(put=(put(1).__class__("event", id_of(1), {}),)),
        Change(put=(put(1).__class__("us er", id_of(1), {}),)),
        Change(put=(put(1).__class__("_admit", id_of(1), {}),)),
        Change(put=(put(1, body=float("nan")),)),
        Change(remove=(Remove("user", "x"),)),
        Change(put=(put(1),), remove=(Remove("user", id_of(1)),)),
    ],
    ids=["short", "upper", "event", "space", "reserved", "nan", "remove", "twice"],
)
def test_what_no_document_can_hold_is_refused(path: Path, change: Change) -> None:
    """Given a change with an impossible name or value, when committed, then ValueError, nothing is
    written, and the store goes on."""
    with closing(TinyStore(path)) as store:
        with pytest.raises(ValueError, match=r"id is 24|of the kind|JSON|at most once"):
            store.commit(change)

        store.commit(Change(put=(put(1),)))
    with closing(TinyStore(path)) as store:
        assert store.find("key:1") is not None


def test_the_snapshot_is_one_json_document(path: Path) -> None:
    """Given hostile names, when compacted, then any JSON parser reads the file."""
    hostile: dict[str, Any] = {'"},\n"x":{': "\u2028\t\0"}
    with closing(TinyStore(path)) as store:
        store.commit(Change(put=(put(1, **hostile),)))
        store.compact()
        kept = store.get("user", id_of(1))

    document = json.loads(path.read_text("ascii"))["user"]["1"]
    assert kept is not None
    assert {"_id": id_of(1), "_version": 1, "_keys": ["key:1"]}.items() <= document.items()
    assert dict(kept.body).items() <= document.items()
