"""`admit users import` and `admit users export --all`: golden screens of real processes."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from cli_calls import PASSWORD, Call, RunProcess, engine_on

ROWS = """\
{"id": "5f0aa64f1aa64f2aa64f3aa7", "identities": [{"provider": "local-userpass", "login_key": "ada@example.com"}]}
{"id": "5f0aa64f1aa64f2aa64f3aa9", "state": "deleted"}
nonsense
{"id": "5f0aa64f1aa64f2aa64f3aab", "identities": [{"provider": "local-userpass", "login_key": "grace@example.com"}]}
"""  # noqa: E501 - they are lines


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "rows.jsonl"
    file.write_text(ROWS)
    return file


def test_an_import_tells_what_was_refused_and_the_sum(run_process: RunProcess, rows: Path) -> None:
    """
    Given a file with two users, one of no state that there is, and a line that is none,
    when it is imported into a store that is not there yet,
    then the two are there, the others are told by their lines, and the exit code is 1.
    """
    done = run_process("--dev", "users", "import", str(rows))

    assert (
        "line 2: state: must be pending or confirmed. [invalid-input]\n"
        "line 3: row: is no JSON. [invalid-input]\n"
        "4 lines: 2 imported, 2 refused.\n"
    ) == done.stdout
    assert 1 == done.returncode


def test_an_import_is_just_begun_again(run_process: RunProcess, rows: Path) -> None:
    """Who is there is left alone; --skip leaves lines out."""
    run_process("--dev", "users", "import", str(rows))

    again = run_process("--dev", "users", "import", str(rows))
    skipped = run_process("--dev", "users", "import", str(rows), "--skip", "3")

    assert "4 lines: 2 there already, 2 refused." == again.stdout.splitlines()[-1]
    assert (0, "1 line: 1 there already.\n") == (skipped.returncode, skipped.stdout)


def test_a_dry_import_begins_nothing(run_process: RunProcess, rows: Path, json_path: Path) -> None:
    """Not even the store."""
    done = run_process("--dev", "users", "import", str(rows), "--dry-run")

    assert "4 lines: 2 would be imported, 2 refused." == done.stdout.splitlines()[-1]
    assert "This was a dry run: nothing was changed, nothing sent." == done.stderr.splitlines()[-1]
    assert not json_path.exists()


def test_a_report_has_a_line_for_each_line(call: Call, rows: Path, tmp_path: Path) -> None:
    """The same as --json prints; only its owner can read it, and it is never written over."""
    report = tmp_path / "report.jsonl"

    done = call("users", "import", "-", "--report", str(report), "--json", input=ROWS)
    again = call("users", "import", str(rows), "--report", str(report))

    assert done.stdout == report.read_text()
    assert [1, 2, 3, 4] == [json.loads(line)["line"] for line in done.stdout.splitlines()]
    assert {
        "line": 2,
        "user": "5f0aa64f1aa64f2aa64f3aa9",
        "outcome": "refused",
        "error": {"code": "invalid-input", "sentence": "state: must be pending or confirmed."},
    } == json.loads(done.stdout.splitlines()[1])
    assert 0o600 == stat.S_IMODE(report.stat().st_mode)
    assert 2 == again.exit_code


def test_users_move_to_another_store(call: Call, path: Path, tmp_path: Path) -> None:
    """
    Given a store with two users,
    when they are exported with their hashes, and imported elsewhere,
    then they log in there with the passwords of before.
    """
    file, other = tmp_path / "all.jsonl", tmp_path / "other.json"
    call("users", "confirm", "ada@example.com")

    exported = call("users", "export", "--all", "--hashes", "--to", str(file))
    imported = call("users", "import", str(file), "--store", str(other))

    assert f"1 user in {file}. It holds their password hashes." in exported.stderr
    assert "1 line: 1 imported.\n" == imported.stdout
    with engine_on(other) as engine:
        engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)


def test_t3_an_export_is_printed_without_hashes(call: Call, path: Path) -> None:
    """Unless they were asked for."""
    printed = call("users", "export", "--all").stdout

    assert "ada@example.com" == json.loads(printed)["addresses"][0]["typed"]
    assert "argon2" not in printed


@pytest.mark.parametrize(
    "arguments",
    [(), ("ada@example.com", "--all"), ("ada@example.com", "--hashes"), ("--all", "--in", "some")],
)
def test_an_export_is_of_one_or_of_all(call: Call, path: Path, arguments: tuple[str, ...]) -> None:
    """Neither and both are slips."""
    assert 2 == call("users", "export", *arguments).exit_code


def test_a_file_that_is_not_there_is_told(call: Call, tmp_path: Path) -> None:
    """A usage error, before a store is begun."""
    missing = call("users", "import", str(tmp_path / "nothing.jsonl"))

    assert 2 == missing.exit_code
    assert "cannot be read" in missing.stderr
    assert [] == list(tmp_path.iterdir())
