"""What `repair` saves of a TinyStore that is damaged, and what it says of the rest."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path

import pytest
from cared_store import live
from small_store import (
    CHANGES,
    FailingFiles,
    Interrupted,
    Seen,
    UnsyncedFiles,
    happened,
    id_of,
    put,
    seen,
)

from admit.errors import InvalidInput, StoreDamaged, StoreInUse, StoreTooNew
from admit.storage import TinyStore, repair
from admit.storage.frames import HEAD_BYTES, framed
from admit.stores import Change, Put, Record, Ref, Remove, StoredEvent

QUICK = UnsyncedFiles()


@pytest.fixture
def written(path: Path) -> Path:
    """The path of a store whose log holds the changes."""
    with closing(TinyStore(path, files=QUICK)) as store:
        for change in CHANGES:
            store.commit(change)
    return path


@pytest.fixture
def lived(path: Path) -> Path:
    """The path of a store that an engine has used, with everything in its snapshot."""
    store = TinyStore(path, files=QUICK)
    engine = live(store).engine
    store.compact()
    engine.close()
    return path


Held = Mapping[tuple[str, str], Record | StoredEvent]


def held(path: Path) -> Held:
    """All that a clean store holds, by kind and id."""
    found: dict[tuple[str, str], Record | StoredEvent] = {}
    with closing(TinyStore(path, files=QUICK)) as store:
        assert [] == list(store.faults())
        with store.view() as view:
            for kind in view.kinds():
                found |= {(kind, record.id): record for record in view.records(kind)}
            found |= {("event", event.id): event for event in view.events()}
    return found


def seen_at(path: Path) -> Seen:
    """What the changes left, in a clean store."""
    with closing(TinyStore(path, files=QUICK)) as store:
        assert [] == list(store.faults())
        return seen(store)


def flip(file: Path, at: int, bit: int = 0) -> None:
    """Flip one bit of a file."""
    data = bytearray(file.read_bytes())
    data[at] ^= 1 << bit
    file.write_bytes(data)


def zero(file: Path, at: int, length: int) -> None:
    """Put zeros in the place of some bytes of a file."""
    data = file.read_bytes()
    length = min(length, len(data) - at)
    file.write_bytes(data[:at] + bytes(length) + data[at + length :])


def all_files(folder: Path) -> dict[str, bytes]:
    """The bytes of each file but the lock."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.suffix != ".lock"]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def lines_of(log: bytes) -> list[tuple[int, int]]:
    """Where each line of a log begins and ends."""
    ends = [found.end() for found in re.finditer(b"\n", log)]
    return list(zip([0, *ends[:-1]], ends, strict=True))


# --- a sound store -------------------------------------------------------------------------------


def test_a_sound_store_is_left_as_it_is(written: Path) -> None:
    """Given a store that opens, when repaired, then nothing is changed, and what it holds told."""
    before = all_files(written.parent)

    report = repair(written)

    assert ((), None) == (report.damages, report.kept)
    assert ({"user": 4}, 2) == (report.records, report.events)
    assert before == all_files(written.parent)


def test_what_is_no_store_is_refused_and_left(path: Path, tmp_path: Path) -> None:
    """Given a file of something else, or none, when repaired, then it is refused and untouched."""
    with pytest.raises(InvalidInput, match="no store"):
        repair(path)
    path.write_text('{"name": "package", "1": {}}')

    with pytest.raises(StoreDamaged, match="nothing that admit wrote"):
        repair(path)

    assert {"users.json": b'{"name": "package", "1": {}}'} == all_files(tmp_path)


def test_a_newer_store_is_refused_and_left(written: Path) -> None:
    """Given a newer schema number, when repaired, then StoreTooNew, and nothing is changed."""
    written.write_bytes(written.read_bytes().replace(b'"schema":1', b'"schema":2', 1))
    before = all_files(written.parent)

    with pytest.raises(StoreTooNew):
        repair(written)

    assert before == all_files(written.parent)


# --- a damaged log -------------------------------------------------------------------------------


def test_what_a_damaged_commit_held_is_named_and_kept_beside(written: Path, log: Path) -> None:
    """
    Given a flipped bit in the commit that changes user 1,
    when the store is repaired,
    then where it stood, the record and the event are told, the files as they were lie in a folder,
    and the store opens with user 1 as before, and with what came later.
    """
    at, end = lines_of(log.read_bytes())[3]
    flip(log, log.read_bytes().index(b"confirmed", at))
    before = all_files(written.parent)

    report = repair(written)

    [damage] = report.damages
    assert ("users.json.log.1", at, end - at) == (damage.file, damage.at, damage.length_bytes)
    assert ((Ref("user", id_of(1)),), (id_of(103),)) == (damage.records, damage.events)
    assert report.kept == written.with_name("users.json.damaged.1")
    assert before == all_files(report.kept)
    assert 0o700 == report.kept.stat().st_mode & 0o777
    assert not log.exists()
    found = held(written)
    first = found["user", id_of(1)]
    assert isinstance(first, Record)
    assert (1, "pending") == (first.version, first.body["state"])
    assert ("user", id_of(4)) in found
    assert ("event", id_of(103)) not in found


def _around(line_at: int, first: int, last: int) -> bool:
    """Whether only the space before a payload was hit: as after its line feed, that is whole."""
    return first == last == line_at + HEAD_BYTES - 1


def _saves_all_other_lines(
    written: Path, log: Path, spoil: Callable[[int], tuple[int, int]], spared: int = 0
) -> None:
    """At each byte before the last line, spoil the log, repair, and compare with one that never had
    the lines that were hit. *spoil* says which bytes it changed."""
    whole, snapshot = log.read_bytes(), written.read_bytes()
    lines = lines_of(whole)
    for at in range(lines[-1][0] - spared):
        for file in written.parent.glob("users.json*"):
            shutil.rmtree(file) if file.is_dir() else file.unlink()
        written.write_bytes(snapshot)
        log.write_bytes(whole)
        first, last = spoil(at)
        kept = [whole[a:b] for a, b in lines if a > last or b - 1 <= first or _around(a, at, last)]
        report = repair(written, files=QUICK)
        repaired = seen_at(written)

        expected = written.parent / "expected"
        expected.mkdir()
        (expected / written.name).write_bytes(snapshot)
        (expected / log.name).write_bytes(b"".join(kept) or framed(b'log {"generation":1}'))
        assert seen_at(expected / written.name) == repaired, at
        shutil.rmtree(expected)
        assert (report.kept is None) == (report.damages == ()), at


def test_a_flipped_bit_in_a_log_costs_no_more_than_its_line(written: Path, log: Path) -> None:
    """Given a log, when a bit of any byte is flipped and the store repaired, then every other
    commit is there; if it is the line feed, that one too."""

    def spoil(at: int) -> tuple[int, int]:
        flip(log, at, bit=at % 7)
        return at, at

    _saves_all_other_lines(written, log, spoil)


@pytest.mark.parametrize("length", [16, 300])
def test_zeros_in_a_log_cost_no_more_than_the_lines_they_hit(
    written: Path, log: Path, length: int
) -> None:
    """Given a log, when some bytes anywhere are zeros and the store is repaired, then every commit
    that was not hit is there."""

    def spoil(at: int) -> tuple[int, int]:
        zero(log, at, length)
        return at, at + length - 1

    _saves_all_other_lines(written, log, spoil, spared=length)


def test_what_looks_like_a_commit_within_a_damaged_one_is_not_taken(
    written: Path, log: Path
) -> None:
    """Given a user whose name is the text of a commit, when the commit with that name is damaged
    and the store repaired, then nobody is slipped in by it, nor named as lost."""
    forged = framed(b"remove user %b" % id_of(9).encode()).decode().strip()
    forged += framed(b'put user {"_id":"%b","_version":1}' % id_of(9).encode()).decode().strip()
    with closing(TinyStore(written, files=QUICK)) as store:
        store.commit(Change(put=(put(7, name=f"{forged} {forged}"),)))
        store.commit(Change(put=(put(8),)))
    at, _ = lines_of(log.read_bytes())[-2]
    flip(log, at + 10)

    report = repair(written)

    assert (Ref("user", id_of(7)),) == report.damages[0].records
    found = held(written)
    assert ("user", id_of(8)) in found
    assert not {("user", id_of(7)), ("user", id_of(9))} & set(found)


def test_a_key_that_was_given_on_in_a_lost_commit_has_one_holder(written: Path, log: Path) -> None:
    """
    Given user 1 removed, and the key given to user 9,
    when the commit that removed user 1 is damaged and the store repaired,
    then user 1 is back, without the key, which is said; and the store is clean.
    """
    with closing(TinyStore(written, files=QUICK)) as store:
        store.commit(Change(remove=(Remove("user", id_of(1)),)))
        store.commit(Change(put=(Put("user", id_of(9), {}, None, ("key:1", "key:9")),)))
    at, _ = lines_of(log.read_bytes())[-2]
    flip(log, at + 10)  # in the checksum: what the line says can still be read

    report = repair(written)

    assert (Ref("user", id_of(1)),) == report.without_key
    assert (Ref("user", id_of(1)),) == report.damages[0].records
    held(written)
    with closing(TinyStore(written)) as store:
        assert (holder := store.find("key:1")) is not None
        assert id_of(9) == holder.id
        assert (back := store.get("user", id_of(1))) is not None
        assert () == back.keys


# --- a damaged snapshot --------------------------------------------------------------------------


def _differs(before: Held, after: Held) -> set[tuple[str, str]]:
    """Which of *before* are not there as they were; nothing else may be there."""
    assert set(after) <= set(before)
    return {name for name, item in before.items() if after.get(name) != item}


def test_a_flipped_bit_in_a_snapshot_costs_one_document_at_most(lived: Path) -> None:
    """Given what an engine wrote, when a bit here or there in the snapshot is flipped and the store
    repaired, then everybody else is there, in the right table, and the damage is told."""
    before, whole = held(lived), lived.read_bytes()
    clean = all_files(lived.parent)
    tables = [found.start(1) for found in re.finditer(rb'^"([a-z]+)":\{$', whole, re.MULTILINE)]
    schema_at = whole.index(b'"schema":') + len('"schema":')
    places = {*range(0, 120), *range(0, len(whole), 19), *[t + n for t in tables for n in range(8)]}
    assert len(tables) > 4
    for at in sorted(places - {schema_at}):
        if whole[at : at + 1] == b"":
            continue
        for name, data in clean.items():
            (lived.parent / name).write_bytes(data)
        flip(lived, at, bit=at % 7)

        report = repair(lived, files=QUICK)

        assert report.damages, at
        # A flipped line feed joins the line that names a table to the first one in it.
        assert len(_differs(before, held(lived))) <= 1, at
        for file in lived.parent.glob("users.json*"):
            shutil.rmtree(file) if file.is_dir() else file.unlink()


@pytest.mark.parametrize("length", [40, 512])
def test_zeros_in_a_snapshot_cost_what_stood_there(lived: Path, length: int) -> None:
    """Given what an engine wrote, when a block of the snapshot is zeros and the store repaired,
    then all that stood elsewhere is there, in the right table, also when the line that names the
    table is gone."""
    before, whole = held(lived), lived.read_bytes()
    clean = all_files(lived.parent)
    for at in range(0, len(whole), 37):
        for name, data in clean.items():
            (lived.parent / name).write_bytes(data)
        zero(lived, at, length)
        hit = {
            id.decode()
            for start, end in lines_of(whole)
            if start <= at + length and end > at  # or only the line feed before it
            for id in re.findall(rb'"_id":"([0-9a-f]{24})"', whole[start:end])
        }

        report = repair(lived, files=QUICK)

        assert report.damages, at
        lost = {id for _, id in _differs(before, held(lived))}
        assert lost <= hit, at
        for file in lived.parent.glob("users.json*"):
            shutil.rmtree(file) if file.is_dir() else file.unlink()


def test_a_cut_snapshot_gives_what_stood_before_the_cut(lived: Path) -> None:
    """Given a snapshot that was cut in the middle, when repaired, then what stood before is there,
    and the ids of what is torn are told."""
    before, whole = held(lived), lived.read_bytes()
    lived.write_bytes(whole[: len(whole) // 2])

    report = repair(lived)

    kept = {
        id.decode()
        for id in re.findall(
            rb'"_id":"([0-9a-f]{24})"', whole[: whole.rindex(b"\n", 0, len(whole) // 2)]
        )
    }
    assert {id for _, id in held(lived)} >= kept & {id for _, id in before}
    assert "checksum" in report.damages[0].sentence


def test_what_looks_like_a_document_within_a_damaged_one_is_not_taken(path: Path) -> None:
    """Given a record of a kind that the engine does not know, whose data looks like another one,
    when its line is damaged and the store repaired, then nothing is slipped in by it, nor named as
    lost."""
    forged = {"_id": id_of(9), "_version": 1, "_keys": ["key:9"]}
    with closing(TinyStore(path, files=QUICK)) as store:
        first = Put("note", id_of(1), {"data": {"9": forged}})
        store.commit(Change(put=(first, Put("note", id_of(2), {}))))
        store.compact()
    flip(path, path.read_bytes().index(b'"_version":1'))

    report = repair(path)

    assert {("note", id_of(2))} == set(held(path))
    assert (Ref("note", id_of(1)),) == report.damages[1].records


# --- missing files -------------------------------------------------------------------------------


def test_without_its_first_snapshot_nothing_is_lost(written: Path) -> None:
    """Given the first log, which goes back to the beginning, when the snapshot is gone and the
    store repaired, then all is there, and it is said that nothing is lost."""
    before = held(written)
    written.unlink()

    report = repair(written)

    assert before == held(written)
    [damage] = report.damages
    assert "nothing is lost by it" in damage.sentence


def test_without_a_later_snapshot_the_log_is_saved(written: Path) -> None:
    """Given a snapshot and a log behind it, when the snapshot is gone, or empty, and the store
    repaired, then what was committed since is there, and it is said that the rest is lost."""
    with closing(TinyStore(written, files=QUICK)) as store:
        store.compact()
        store.commit(Change(put=(put(5),), events=(happened(105, user=5),)))
    written.write_bytes(b"")

    report = repair(written)

    assert {("user", id_of(5)), ("event", id_of(105))} == set(held(written))
    assert "what stood only in it is lost" in report.damages[0].sentence


def test_without_its_log_the_snapshot_is_saved(written: Path) -> None:
    """Given a snapshot and a log behind it, when the log is gone and the store repaired, then all
    that the snapshot holds is there, and the log is named."""
    with closing(TinyStore(written, files=QUICK)) as store:
        store.compact()
        before = seen(store)
        store.commit(Change(put=(put(5),)))
    written.with_name("users.json.log.2").unlink()

    report = repair(written)

    assert before == seen_at(written)
    assert ["users.json.log.2"] == [damage.file for damage in report.damages]


@pytest.mark.parametrize("what", ["missing", "cut", "zeros"])
def test_of_several_logs_those_are_saved_that_are_whole(
    path: Path, files: FailingFiles, what: str
) -> None:
    """Given three logs, for compactions that failed, when the second is gone, or lost its end, and
    the store repaired, then what the first and the third hold is there."""
    with closing(TinyStore(path, files=files)) as store:
        for number in range(1, 4):
            store.commit(Change(put=(put(number),)))
            files.replace_error = OSError(5, "no")
            if number < 3:
                with pytest.raises(Exception, match="could not compact"):
                    store.compact()
    second = path.with_name("users.json.log.2")
    whole = second.read_bytes()
    cut = lines_of(whole)[-1][0] + 5
    if what == "missing":
        second.unlink()
    else:
        second.write_bytes(whole[:cut] + (b"" if what == "cut" else bytes(len(whole) - cut)))

    report = repair(path)

    expected = [1, 3] if what == "missing" else [1, 2, 3]
    assert {("user", id_of(number)) for number in expected} == set(held(path))
    assert ["users.json.log.2"] == [damage.file for damage in report.damages]


# --- how it is done ------------------------------------------------------------------------------


def test_a_dry_run_says_the_same_and_changes_nothing(written: Path, log: Path) -> None:
    """Given a damaged store, with a lock file or without, when repaired as a dry run, then no file
    is changed or made; and the report is that of the repair."""
    flip(log, lines_of(log.read_bytes())[2][0] + 50)
    written.with_name("users.json.lock").unlink()
    before = all_files(written.parent)

    told = repair(written, dry_run=True)

    assert before == all_files(written.parent)
    assert not written.with_name("users.json.lock").exists()
    done = repair(written)
    assert (told.damages, told.records, told.events) == (done.damages, done.records, done.events)
    assert (None, True) == (told.kept, done.kept is not None)


def test_an_interrupted_repair_leaves_the_damaged_store_or_the_new_one(
    written: Path, log: Path
) -> None:
    """Given a damaged store, when the repair is cut off at any of its steps, then the store is
    refused as before or clean; and repairing again ends well."""
    flip(log, lines_of(log.read_bytes())[3][0] + 60)
    damaged, outcomes = all_files(written.parent), set()
    for step in range(100):
        for file in written.parent.glob("users.json*"):
            shutil.rmtree(file) if file.is_dir() else file.unlink()
        for name, data in damaged.items():
            (written.parent / name).write_bytes(data)
        files = FailingFiles()
        files.interrupt_before, files.stays_interrupted = step, True
        try:
            repair(written, files=files)
            break
        except Interrupted:
            pass

        try:
            TinyStore(written, files=QUICK, read_only=True).close()
            outcomes.add("new")
        except StoreDamaged:
            outcomes.add("damaged")
        repair(written, files=QUICK)
        assert 4 == sum(kind == "user" for kind, _ in held(written)), step

    assert {"new", "damaged"} == outcomes
    assert step > 10


@pytest.mark.parametrize("read_only", [False, True])
def test_a_store_that_somebody_has_open_is_not_repaired(
    written: Path, log: Path, read_only: bool
) -> None:
    """Given an open store whose files are damaged behind its back, when they are to be repaired,
    then this is refused and nothing changed, until it is closed; a dry run is not refused."""
    store = TinyStore(written, files=QUICK, read_only=read_only)
    flip(log, lines_of(log.read_bytes())[2][0] + 50)
    before = all_files(written.parent)

    with pytest.raises(StoreInUse, match="users.json is open"):
        repair(written)

    assert before == all_files(written.parent)
    assert repair(written, dry_run=True).damages
    with suppress(StoreDamaged):
        store.close()
    assert repair(written).kept is not None


def test_a_store_is_in_use_after_it_went_on_in_another_log(written: Path, log: Path) -> None:
    """Given an open store that was compacted, when its files are damaged and to be repaired, then
    this is refused."""
    with closing(TinyStore(written, files=QUICK)) as store:
        store.compact()
        store.commit(Change(put=(put(5),)))
        log = log.with_suffix(".2")
        flip(log, lines_of(log.read_bytes())[1][0] + 50)

        with pytest.raises(StoreInUse):
            repair(written)

        flip(log, lines_of(log.read_bytes())[1][0] + 50)


def test_progress_of_a_repair_is_told(written: Path, log: Path) -> None:
    """Given a damaged store, when repaired, then each file that is read is told, then the new
    one."""
    flip(log, lines_of(log.read_bytes())[2][0] + 50)
    told: list[str] = []

    repair(written, progress=lambda progress: told.append(progress.stage))

    assert [
        "reading users.json",
        "reading users.json.log.1",
        "writing a new users.json",
    ] == told


def test_who_has_a_store_open_whose_log_is_gone_is_told_to_open_it_again(
    written: Path, log: Path
) -> None:
    """Given an open store whose log somebody removed, so that nothing shows its use, when it is
    repaired, then its next commit is refused, and nothing is written anywhere."""
    with closing(TinyStore(written)) as store:
        log.unlink()
        repair(written)
        repaired = all_files(written.parent)

        with pytest.raises(StoreDamaged):
            store.commit(Change(put=(put(5),)))

    assert repaired == all_files(written.parent)


def test_a_second_repair_keeps_its_files_in_a_folder_of_its_own(written: Path, log: Path) -> None:
    """Given a store that was repaired and is damaged again, when repaired, then both folders are
    there."""
    log.unlink()
    first = repair(written).kept
    written.with_name("users.json.log.2").unlink()

    second = repair(written).kept

    assert first is not None
    assert second is not None
    assert ["users.json.damaged.1", "users.json.damaged.2"] == [first.name, second.name]
