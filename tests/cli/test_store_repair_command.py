"""`admit store repair`: damaged stores made clean, and what `check` says of them afterwards."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from cli_calls import PASSWORD, Call, RunProcess, engine_on

from admit.errors import StoreDamaged

Spoil = Callable[[bytes], None]


@pytest.fixture
def shop(path: Path) -> Path:
    """A store with Ada, who waits, and Grace, who was created, disabled and enabled."""
    with engine_on(path) as engine:
        grace = engine.create("grace@example.com")
        engine.disable(grace)
        engine.enable(grace)
        while engine.work_once():
            pass
    return path


@pytest.fixture
def spoil(shop: Path) -> Spoil:
    """Flip a bit of what stands first in the log as told."""

    def flip(text: bytes) -> None:
        log = shop.with_name("users.json.log.1")
        data = bytearray(log.read_bytes())
        data[data.index(text)] ^= 1
        log.write_bytes(data)

    return flip


def files_of(shop: Path) -> dict[str, bytes]:
    """The bytes of the store's files."""
    files = [file for file in shop.parent.glob("users.json*") if file.is_file()]
    return {file.name: file.read_bytes() for file in files}


def test_a_whole_store_needs_no_repair(run_process: RunProcess, shop: Path) -> None:
    """Given a store that opens, when it is to be repaired, then there is nothing to do, without a
    question."""
    before = files_of(shop)

    done = run_process("store", "repair")

    assert (0, "") == (done.returncode, done.stderr)
    said, following = done.stdout.splitlines()
    assert said.startswith("Nothing is damaged: ")
    assert said.endswith("users.json holds 5 records and 5 events.")
    assert f"Whether they fit together: admit store check --store {shop}" == following
    assert before == files_of(shop)


def test_a_torn_tail_needs_no_repair(run_process: RunProcess, shop: Path) -> None:
    """Given a line that a crash cut off, when the store is to be repaired, then there is nothing to
    do: it is dropped by itself."""
    log = shop.with_name("users.json.log.1")
    log.write_bytes(log.read_bytes()[:-30])

    done = run_process("store", "repair", "--json")

    assert 0 == done.returncode
    assert ([], None) == ((told := json.loads(done.stdout))["damages"], told["kept"])
    assert 0 == run_process("store", "check").returncode


def test_what_refuses_a_damaged_store_names_the_repair(call: Call, spoil: Spoil) -> None:
    """Given a damaged store, when anything is asked of it, then the way out is named."""
    spoil(b'"disable"')

    refused = call("users", "list")

    assert 1 == refused.exit_code
    assert "admit store repair" in refused.stderr
    assert "[store-damaged]" in refused.stderr


def test_a_dry_run_shows_what_is_kept_and_what_is_lost(
    run_process: RunProcess, shop: Path, spoil: Spoil
) -> None:
    """
    Given a store in which the commit that disabled Grace cannot be read,
    when its repair is tried,
    then it is told where that stands, who is named there and what is kept; nothing is changed.
    """
    with engine_on(shop) as engine:
        grace = engine.users.find("grace@example.com").id
    spoil(b'"disable"')
    before = files_of(shop)

    done = run_process("store", "repair", "--dry-run")

    lines = done.stdout.splitlines()
    assert (0, "") == (done.returncode, done.stderr)
    assert "users.json is damaged." in lines[0]
    assert ["DAMAGED", "FILE", "AT", "BYTE", "LENGTH", "NAMED", "THERE"] == lines[2].split()
    assert "users.json.log.1" == lines[3].split()[0]
    assert lines[3].endswith("1 user, 1 event")
    assert f"  user {grace}" in lines
    assert ["KIND    KEPT", "seal       2", "secret     1", "user       2"] == lines[-7:-3]
    assert ["event      4", "", "Nothing was changed."] == lines[-3:]
    assert before == files_of(shop)


def test_a_damaged_store_is_repaired(run_process: RunProcess, shop: Path, spoil: Spoil) -> None:
    """
    Given a store with a damaged middle,
    when it is repaired, and what is printed last is done,
    then the store opens with everybody, the damaged files are beside it, and `check` says what is
    missing and that a repair leaves it so.
    """
    spoil(b'"disable"')
    before = files_of(shop)

    done = run_process("store", "repair", "--yes", str(shop), ADMIT_STORE="another.json")

    assert (0, "") == (done.returncode, done.stderr)
    kept = shop.with_name("users.json.damaged.1")
    assert str(kept) in done.stdout.replace("\n", " ")
    assert before["users.json.log.1"] == (kept / "users.json.log.1").read_bytes()
    following = done.stdout.splitlines()[-1].removeprefix("Next: admit ").split()
    checked = run_process(*following)
    assert 1 == checked.returncode
    codes = [line.split()[0] for line in checked.stdout.splitlines()[:2]]
    assert ["chain-broken", "event-removed"] == codes
    assert "After a repair this is what the damage took" in checked.stdout.replace("\n  ", " ")
    assert "Nothing is damaged" in run_process("store", "repair").stdout
    with engine_on(shop) as engine:
        assert 2 == engine.users.count()


def test_what_was_done_is_told_to_programs(call: Call, spoil: Spoil) -> None:
    """Given a damaged store, when repaired for a program, then it gets the report as JSON."""
    spoil(b'"disable"')

    done = json.loads(call("store", "repair", "--yes", "--json").stdout)

    [damage] = done["damages"]
    assert ("users.json.log.1", ["user"]) == (
        damage["file"],
        [r["kind"] for r in damage["records"]],
    )
    assert damage["at"] > 0 < damage["length_bytes"]
    assert {"seal": 2, "secret": 1, "user": 2} == done["records"]
    assert (4, [], False) == (done["events"], done["without_key"], done["lacks_key"])
    assert done["kept"].endswith("users.json.damaged.1")


def test_the_question_is_asked_on_a_terminal(shop: Path, spoil: Spoil) -> None:
    """Given a damaged store, when its repair is asked for and the answer is no, then nothing is
    changed; where nobody can answer, `--yes` is asked for."""
    spoil(b'"disable"')
    before = files_of(shop)
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "admit.cli", "store", "repair", str(shop)]
    with subprocess.Popen(
        command, stdin=follower, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        os.write(leader, b"n\n")
        said, asked = process.communicate(timeout=60)
    os.close(leader)
    os.close(follower)

    assert 1 == process.returncode
    assert "NAMED THERE" in said
    assert asked.startswith(f"Repair {shop}?")
    assert before == files_of(shop)


def test_where_nobody_can_answer_yes_is_asked_for(
    run_process: RunProcess, shop: Path, spoil: Spoil
) -> None:
    """Given no terminal, when a repair is asked for without `--yes`, then it is a usage error."""
    spoil(b'"disable"')

    refused = run_process("store", "repair")

    assert 2 == refused.returncode
    assert "pass --yes" in refused.stderr
    assert not shop.with_name("users.json.damaged.1").exists()


def test_a_store_in_use_is_not_repaired(run_process: RunProcess, shop: Path, spoil: Spoil) -> None:
    """
    Given a store that another process has open, and that is damaged meanwhile,
    when it is to be repaired,
    then that is refused with what to do, as "try later"; when it was stopped, it is repaired.
    """
    with suppress(StoreDamaged), engine_on(shop):
        spoil(b'"disable"')
        before = files_of(shop)

        refused = run_process("store", "repair", "--yes")

        assert (5, before) == (refused.returncode, files_of(shop))
        assert "Stop whatever uses it, then try again. [store-in-use]" in refused.stderr

    assert 0 == run_process("store", "repair", "--yes").returncode


@pytest.mark.parametrize(
    ("location", "instead"),
    [
        ("sqlite:///users.db", "sqlite3 OLD.db .recover | sqlite3 NEW.db"),
        ("postgresql+psycopg://admit:s3cret@db/shop", "restore its backup"),
        ("memory://", "Its own tools"),
    ],
)
def test_a_store_of_another_kind_is_refused_with_what_to_do_instead(
    call: Call, location: str, instead: str
) -> None:
    """Given the URL of a database, when it is to be repaired, then what to do is said, and no
    password; nothing is opened."""
    refused = call("store", "repair", location)

    assert 2 == refused.exit_code
    assert "is no local file of admit's own" in refused.stderr
    assert instead in refused.stderr
    assert "s3cret" not in refused.stderr


def test_what_is_not_there_is_not_repaired(call: Call, tmp_path: Path) -> None:
    """Given a mistyped path, when it is to be repaired, then it is refused, and nothing made."""
    refused = call("store", "repair", str(tmp_path / "uzers.json"))

    assert 2 == refused.exit_code
    assert "there is no store uzers.json" in refused.stderr
    assert not list(tmp_path.glob("uzers*"))


# --- the engine key ------------------------------------------------------------------------------


def test_a_lost_record_of_the_engine_key_is_made_again(
    run_process: RunProcess, shop: Path, spoil: Spoil
) -> None:
    """
    Given a store whose damage took the record that names its engine key,
    when it is repaired with the key beside it,
    then the store names the key again and opens, and nothing is wrong with it.
    """
    spoil(b'"key_id"')

    done = run_process("store", "repair", "--yes")

    assert (0, "") == (done.returncode, done.stderr)
    assert "It names its engine key again" in done.stdout
    assert 0 == run_process("store", "check").returncode
    with engine_on(shop) as engine:
        user = engine.users.find("ada@example.com")
        assert "pending" == user.state


def test_a_key_that_sealed_nothing_is_not_named(
    run_process: RunProcess, shop: Path, spoil: Spoil
) -> None:
    """
    Given a store that lost the record of its key, and another key beside it,
    when it is repaired,
    then its records are saved and the key is refused; `check` names what is missing, and with the
    right key the same command ends well.
    """
    spoil(b'"key_id"')
    key = shop.with_name("users.json.key")
    right = key.read_text()
    key.write_text("ab" * 32)

    refused = run_process("store", "repair", "--yes")

    assert 1 == refused.returncode
    assert "Repaired" in refused.stdout
    assert "[wrong-key]" in refused.stderr
    checked = run_process("store", "check")
    assert 1 == checked.returncode
    assert "no-engine-key" == checked.stdout.split()[0]
    assert "admit store repair names it again" in checked.stdout.replace("\n  ", " ")
    key.write_text(right)
    tried = run_process("store", "repair", "--dry-run")
    assert "names its engine key is lost" in tried.stdout.replace("\n", " ")
    assert 0 == run_process("store", "repair", "--yes").returncode
    assert 0 == run_process("store", "check").returncode


def test_after_a_repair_registrations_go_on(shop: Path, call: Call, spoil: Spoil) -> None:
    """Given a repaired store, when the user whose commit was lost is changed, then that works."""
    spoil(b'"disable"')
    assert 0 == call("store", "repair", "--yes").exit_code

    with engine_on(shop) as engine:
        engine.disable(address="grace@example.com")
        engine.register("bob@example.com", PASSWORD)
        while engine.work_once():
            pass
        assert 3 == engine.users.count()
