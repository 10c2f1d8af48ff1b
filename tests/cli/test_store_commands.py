"""`admit store`: stats, check, compact, backup, copy, export, import."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest
from cli_calls import PASSWORD, Call, RunProcess, engine_on

from admit import care
from admit.storage.tiny import open_store
from admit.stores import Change, Put


@pytest.fixture
def shop(path: Path) -> Path:
    """A store with Ada, who waits, and Grace, who is confirmed and logged in; sealed."""
    with engine_on(path) as engine:
        engine.confirm_manually(engine.register("grace@example.com", PASSWORD))
        engine.log_in("local-userpass", username="grace@example.com", password=PASSWORD)
        while engine.work_once():
            pass
    return path


def spoil(path: Path) -> str:
    """Write, past the engine, that Ada is confirmed. Returns her id."""
    with closing(open_store(str(path), read_only=False)) as store:
        [ada] = store.page("user", "pending").items
        body = {**ada.body, "state": "confirmed"}
        put = Put("user", ada.id, body, ada.version, ada.keys, ada.labels)
        store.commit(Change(put=(put,)))
    return ada.id


# --- stats ---------------------------------------------------------------------------------------


def test_stats_tells_what_there_is(run_process: RunProcess, shop: Path) -> None:
    """A line each kind, then what room it takes."""
    shown = run_process("store", "stats")

    assert 0 == shown.returncode
    lines = shown.stdout.splitlines()
    assert ["KIND     COUNT", "seal         2", "secret       1", "session      1"] == lines[:4]
    assert ["user         2", "event        6"] == lines[4:6]
    assert "not sealed yet     0" in lines
    assert "schema             1" == lines[-1]


def test_stats_are_numbers_for_programs(call: Call, shop: Path) -> None:
    """Bytes are not rounded there."""
    told = json.loads(call("store", "stats", "--json").stdout)

    assert {"secret": 1, "seal": 2, "session": 1, "user": 2} == told["records"]
    assert (6, 0, 1) == (told["events"], told["unsealed_events"], told["schema"])
    files = [file for file in shop.parent.glob("users.json*") if not file.is_dir()]
    of_data = [file for file in files if file.suffix not in (".key", ".lock")]
    assert sum(file.stat().st_size for file in of_data) >= sum(told["bytes"].values()) > 1000


# --- check ---------------------------------------------------------------------------------------


def test_a_sound_store_is_said_to_be(run_process: RunProcess, shop: Path) -> None:
    """With what was looked at; for programs there is nothing to say."""
    done = run_process("store", "check")

    assert (0, "") == (done.returncode, done.stderr)
    assert "Nothing is wrong. Looked at 6 records and 6 events of" in done.stdout
    assert "" == run_process("store", "check", "--json").stdout


def test_what_is_wrong_is_a_line_each_with_what_to_do(run_process: RunProcess, shop: Path) -> None:
    """
    Given a store that somebody edited,
    when it is checked, by cron, say,
    then the exit code is 1, and it is said what, where, and what to do.
    """
    ada = spoil(shop)

    done = run_process("store", "check")

    assert 1 == done.returncode
    lines = done.stdout.splitlines()
    where = f"user {ada}"
    assert f"labels-differ  {where}  It is listed elsewhere than it says." == lines[0]
    assert f"state-differs  {where}  User {ada} is stored as confirmed" in lines[1]
    assert "What to do:" == lines[3]
    assert "2 findings. Looked at 6 records and 6 events" in lines[-1]


def test_findings_are_lines_of_json(call: Call, shop: Path) -> None:
    """Each with its code."""
    spoil(shop)

    result = call("store", "check", "--json")

    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert 1 == result.exit_code
    assert ["labels-differ", "state-differs"] == [finding["code"] for finding in found]
    assert {"code", "where", "sentence", "remedy"} == set(found[0])


def test_without_its_key_a_store_is_only_checked_if_it_is_said_so(call: Call, shop: Path) -> None:
    """Else a missing key would look like a sound store."""
    shop.with_name("users.json.key").unlink()

    assert (1, "[wrong-key]\n") == (
        (refused := call("store", "check")).exit_code,
        refused.stderr[-12:],
    )
    assert 0 == call("store", "check", "--without-key").exit_code


# --- compact -------------------------------------------------------------------------------------


def test_compacting_gives_room_back(run_process: RunProcess, shop: Path) -> None:
    """How much is said; the same is there afterwards."""
    with engine_on(shop) as engine:
        for _ in range(30):
            engine.disable(address="ada@example.com")
            engine.enable(address="ada@example.com")

    done = run_process("store", "compact")
    again = json.loads(run_process("store", "compact", "--json").stdout)

    assert 0 == done.returncode
    assert "Compacted " in done.stdout
    assert " kB before, " in done.stdout
    assert again["bytes_before"] <= again["bytes_after"] + 100
    assert 0 == run_process("store", "check").returncode


# --- backup --------------------------------------------------------------------------------------


def test_a_backup_opens_with_the_key(run_process: RunProcess, shop: Path, tmp_path: Path) -> None:
    """
    Given a backup, made while an application has the store open,
    when it is put where the store was, with the key,
    then everybody is there; and it is said that the key is not in it.
    """
    with engine_on(shop) as engine:
        done = run_process("store", "backup", str(tmp_path / "monday.json"))
        engine.create("tuesday@example.com")

    assert 0 == done.returncode
    assert "users.json.key only, which is not in it" in done.stdout
    assert not (tmp_path / "monday.json.key").exists()
    shutil.copy(tmp_path / "users.json.key", tmp_path / "monday.json.key")
    with engine_on(tmp_path / "monday.json") as engine:
        assert 2 == engine.users.count()


def test_a_backup_never_replaces_anything(call: Call, shop: Path, tmp_path: Path) -> None:
    """Not even an older backup."""
    (tmp_path / "there.json").write_text("mine")

    refused = call("store", "backup", str(tmp_path / "there.json"))

    assert 2 == refused.exit_code
    assert "target: is there already" in refused.stderr
    assert "mine" == (tmp_path / "there.json").read_text()


def test_the_command_that_a_backup_names_works(call: Call, shop: Path, tmp_path: Path) -> None:
    """It is copied from the screen."""
    shown = call("store", "backup", str(tmp_path / "back.json")).stdout
    [command] = [line for line in shown.splitlines() if line.startswith("Try it: ")]

    assert 0 == call(*command.removeprefix("Try it: admit ").split()).exit_code
    told = json.loads(call("store", "backup", str(tmp_path / "b2.json"), "--json").stdout)
    assert {"backup": str(tmp_path / "b2.json")} == told


# --- copy ----------------------------------------------------------------------------------------


def test_a_copy_is_a_table_and_the_way_to_its_key(
    run_process: RunProcess, shop: Path, tmp_path: Path
) -> None:
    """
    Given a store,
    when it is copied, and what is printed is done,
    then the copy works.
    """
    done = run_process("store", "copy", str(shop), str(tmp_path / "new.json"))

    assert (0, "") == (done.returncode, done.stderr)
    lines = done.stdout.splitlines()
    assert "KIND     COUNT  WRITTEN  REMOVED" == lines[0]
    assert "user         2        2        –" == lines[4]
    assert lines[-2].startswith("Copied: ")
    assert lines[-1].startswith("Give it its key: cp ")
    subprocess.run(lines[-1].partition(": ")[2].split(), check=True)
    assert 0 == run_process("store", "check", "--store", str(tmp_path / "new.json")).returncode


def test_copying_again_brings_up_to_date(
    run_process: RunProcess, shop: Path, tmp_path: Path
) -> None:
    """Only the difference is written."""
    command = ("store", "copy", str(shop), str(tmp_path / "new.json"))
    run_process(*command)
    run_process("users", "disable", "grace@example.com")

    lines = run_process(*command).stdout.splitlines()

    assert "user         2        1        –" == lines[4]
    assert "session      1        –        –" == lines[3]
    assert lines[-2].startswith("Brought up to date: ")
    again = json.loads(run_process(*command, "--json").stdout)
    assert 0 == sum(kind["written"] for kind in again["kinds"])


@pytest.mark.parametrize("there", [False, True], ids=["new", "a copy"])
def test_a_dry_run_copies_nothing(call: Call, shop: Path, tmp_path: Path, there: bool) -> None:
    """And begins no store."""
    target = tmp_path / "new.json"
    if there:
        call("store", "copy", str(shop), str(target))
        call("users", "disable", "grace@example.com")
    before = {file: file.read_bytes() for file in tmp_path.glob("new.json*")}

    shown = call("store", "copy", str(shop), str(target), "--dry-run").stdout.splitlines()
    told = json.loads(call("store", "copy", str(shop), str(target), "--dry-run", "--json").stdout)

    assert "Nothing was written." == shown[-1]
    assert (1 if there else 2) == told["kinds"][3]["written"]
    assert told["dry_run"]
    assert before == {file: file.read_bytes() for file in tmp_path.glob("new.json*")}


def test_a_copy_with_a_new_key_opens_with_that(call: Call, shop: Path, tmp_path: Path) -> None:
    """
    Given a file with another engine key,
    when the store is copied with it, and the file is put beside the copy, as is printed,
    then the audit trail verifies there.
    """
    (tmp_path / "new.key").write_text("07" * 32)

    shown = call(
        "store",
        "copy",
        str(shop),
        str(tmp_path / "new.json"),
        "--new-key",
        str(tmp_path / "new.key"),
    ).stdout
    subprocess.run(shown.splitlines()[-1].partition(": ")[2].split(), check=True)

    verified = call("audit", "verify", "--store", str(tmp_path / "new.json"))
    assert "The trail is whole." in verified.stdout
    assert "07" * 32 == (tmp_path / "new.json.key").read_text()


@pytest.mark.parametrize("content", [b"short", b"\xff\xfe"])
def test_a_file_without_a_key_is_told_and_not_quoted(
    call: Call, shop: Path, tmp_path: Path, content: bytes
) -> None:
    """It might be half of a key."""
    (tmp_path / "new.key").write_bytes(content)

    refused = call(
        "store",
        "copy",
        str(shop),
        str(tmp_path / "new.json"),
        "--new-key",
        str(tmp_path / "new.key"),
    )

    assert 2 == refused.exit_code
    assert "short" not in refused.stderr
    assert 0 == call("store", "copy", str(shop), str(tmp_path / "new.json")).exit_code


def test_a_copy_that_was_cut_off_says_how_to_go_on(
    run_process: RunProcess, shop: Path, tmp_path: Path
) -> None:
    """
    Given a copy that is not whole,
    when an application's command opens it,
    then it says how to go on; and going on ends well.
    """
    target = tmp_path / "new.json"
    with (
        closing(open_store(str(shop), read_only=True)) as one,
        closing(open_store(str(target), read_only=False)) as two,
        pytest.raises(KeyboardInterrupt),
    ):
        care.copy(one, two, progress=interrupt)

    refused = run_process("users", "list", "--store", str(target))
    checked = run_process("store", "check", "--without-key", "--store", str(target))

    assert 1 == refused.returncode
    assert "[store-incomplete]" in refused.stderr
    assert "admit store copy FROM TO" in refused.stderr
    assert (1, True) == (checked.returncode, "copy-unfinished" in checked.stdout)
    assert 0 == run_process("store", "copy", str(shop), str(target)).returncode


def interrupt(progress: care.Progress) -> None:
    if progress.stage == "copying session":
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("copy", "{folder}/nope.json", "{folder}/new.json"), "there is no"),
        (("copy", "{shop}", "{shop}"), "is not empty"),
        (("copy", "{shop}", "nosuch://x"), "nosuch"),
        (("copy", "{shop}"), "Missing argument 'TO'"),
        (("stats", "--store", "{folder}/nope.json"), "there is no"),
        (("backup", "{folder}/nowhere/b.json"), "target: "),
    ],
)
def test_what_cannot_be_done_says_why(
    call: Call, shop: Path, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    """In a sentence, with the exit code of its kind; nothing is begun."""
    words = [word.format(folder=tmp_path, shop=shop) for word in arguments]

    refused = call("store", *words)

    assert (3 if "nosuch" in told else 2) == refused.exit_code
    assert told in refused.stderr
    assert not (tmp_path / "new.json").exists()


def test_the_password_in_a_url_is_not_printed(call: Call, shop: Path) -> None:
    """Neither in a result nor in an error."""
    result = call("store", "copy", str(shop), "postgresql+psycopg://ada:s3cret@127.0.0.1:1/x")

    assert 0 != result.exit_code
    assert "s3cret" not in result.output


def test_progress_is_drawn_on_a_terminal_only(shop: Path, tmp_path: Path) -> None:
    """
    Given a terminal behind stderr and a pipe behind stdout,
    when a store is copied,
    then the terminal shows how far it is, and nothing is left of that; the pipe has the table.
    """
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "admit.cli", "store", "copy", shop, tmp_path / "new.json"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
        text=True,
        timeout=60,
        check=True,
    )
    os.close(theirs)
    drawn = b""
    with suppress(OSError):  # how a terminal says that nobody writes to it any more
        while part := os.read(ours, 1000):
            drawn += part
    os.close(ours)

    assert b"copying seal  2 of 2  100 %" in drawn
    assert drawn.endswith(b"\r\x1b[K")
    assert done.stdout.startswith("KIND ")


# --- export and import ---------------------------------------------------------------------------


def test_what_was_exported_is_imported_into_a_new_store(
    run_process: RunProcess, shop: Path, tmp_path: Path
) -> None:
    """
    Given an export,
    when it is imported where no store is yet,
    then one is begun there, which opens with the key of the first.
    """
    file, again = tmp_path / "export.json", tmp_path / "again.json"

    exported = run_process("store", "export", str(file))
    imported = run_process("store", "import", str(file), "--store", str(again))

    assert [0, 0] == [exported.returncode, imported.returncode]
    assert (
        f"Exported 6 records and 6 events of {shop} to {file}.\n"
        "It holds addresses and password hashes, and not the engine key.\n"
    ) == exported.stdout
    assert (
        f"Imported 6 records and 6 events from {file} into {again}.\n"
        "It opens with the engine key of the store that was exported.\n"
    ) == imported.stdout
    shutil.copy(f"{shop}.key", f"{again}.key")
    assert 0 == run_process("store", "check", "--store", str(again)).returncode


def test_a_dry_run_of_an_import_begins_no_store(
    run_process: RunProcess, shop: Path, tmp_path: Path
) -> None:
    """It says what would be taken; also for programs."""
    file, new = str(tmp_path / "export.json"), tmp_path / "new.json"
    run_process("store", "export", file)

    told = run_process("store", "import", file, "--dry-run", "--json", "--store", str(new))

    assert {"import": file, "dry_run": True, "records": 6, "events": 6} == json.loads(told.stdout)
    assert not new.exists()


def test_what_is_no_export_begins_no_store(
    run_process: RunProcess, shop: Path, tmp_path: Path
) -> None:
    """The error names what to give; nothing half-done stays."""
    other, new = tmp_path / "other.json", tmp_path / "new.json"
    other.write_text("{}")

    refused = run_process("store", "import", str(other), "--store", str(new))

    assert 2 == refused.returncode
    assert "is no export of a store" in refused.stderr
    assert not new.exists()


def test_neither_export_nor_import_writes_over_what_is_there(
    run_process: RunProcess, shop: Path, tmp_path: Path
) -> None:
    """A file stays, and a store that holds something takes nothing."""
    file = str(tmp_path / "export.json")
    run_process("store", "export", file)

    again = run_process("store", "export", file)
    full = run_process("store", "import", file)

    assert [2, 2] == [again.returncode, full.returncode]
    assert "is there already" in again.stderr
    assert "is not empty" in full.stderr
