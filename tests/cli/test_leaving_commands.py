"""`admit users export, delete, restore, erasures, data`: who leaves, and what is kept of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_calls import Call, engine_on

import admit

STEPS = """
import admit

def broken(user):
    raise ConnectionError("away")

@admit.hookimpl
def register_erase_steps():
    return {"orders": lambda user: None, "ledger": broken}
"""


def ada_of(path: Path) -> admit.User:
    with engine_on(path) as engine:
        return engine.users.find("ada@example.com")


def test_export_prints_everything_as_json(call: Call, path: Path) -> None:
    """The document of the engine; that it was taken is recorded, with the reason."""
    document = json.loads(call("users", "export", "ada@example.com", "--reason", "letter").stdout)

    assert ("admit-user-export", ada_of(path).id) == (document["form"], document["user"]["id"])
    assert {"reason": "letter"} == document["events"][-1]["detail"]


def test_export_goes_to_a_new_file_that_only_its_owner_reads(
    call: Call, path: Path, tmp_path: Path
) -> None:
    """
    Given a file name,
    when a user is exported there twice,
    then the first is written for its owner alone, and the second overwrites nothing.
    """
    file = tmp_path / "ada.json"
    first = call("users", "export", "ada@example.com", "--to", str(file))
    written = file.read_bytes()
    second = call("users", "export", "ada@example.com", "--to", str(file))

    assert (0, 2) == (first.exit_code, second.exit_code)
    assert "file:" in second.stderr
    assert 0o600 == file.stat().st_mode & 0o777
    assert written == file.read_bytes()
    assert "ada@example.com" == json.loads(written)["addresses"][0]["typed"]


def test_delete_exports_first_if_asked(call: Call, path: Path, tmp_path: Path) -> None:
    """
    Given a name that is taken, nothing is deleted;
    given a new one, everything about her is there, and she is gone.
    """
    file = tmp_path / "ada.json"
    file.touch()
    delete = ["users", "delete", "ada@example.com", "--yes", "--export"]
    assert 2 == call(*delete, str(file)).exit_code
    ada = ada_of(path)

    assert 0 == call(*delete, str(tmp_path / "other.json")).exit_code

    assert ada.id == json.loads((tmp_path / "other.json").read_text())["user"]["id"]
    assert 3 == call("users", "show", "ada@example.com").exit_code


def test_with_a_grace_delete_says_how_to_take_it_back(call: Call, path: Path) -> None:
    """
    Given a grace,
    when a confirmed user is deleted, shown, restored and deleted at once,
    then each says what it did.
    """
    call("users", "confirm", "ada@example.com")
    call("settings", "set", "deletion_grace", "30 days")
    ada = ada_of(path)

    blocked = call("users", "delete", ada.id, "--yes").stdout
    assert f"Until then: admit users restore {ada.id}" in blocked
    assert "confirmed, leaving" in call("users", "show", ada.id).stdout
    assert "is deleted on" in call("users", "show", ada.id).stdout
    assert "1 user of 1." in call("users", "list", "--in", "grace").stdout
    assert "next step  restore, or wait" in call("users", "why", ada.id).stdout
    leaving = json.loads(call("users", "delete", ada.id, "--yes", "--json").stdout)
    assert (ada.id, True) == (leaving["leaving"], leaving["delete_at"] is not None)

    assert "may log in again" in call("users", "restore", ada.id).stdout
    assert json.loads(call("users", "restore", ada.id, "--json").stdout)["delete_at"] is None
    gone = call("users", "delete", ada.id, "--yes", "--at-once", "--json").stdout
    assert {"deleted": ada.id} == json.loads(gone)


def test_show_and_why_tell_how_far_the_erasing_of_a_deleted_user_is(
    call: Call, path: Path, make_plugin: Callable[..., str]
) -> None:
    """
    Given a plugin with a step that succeeds and one that fails,
    when a user is deleted and the worker has come by,
    then her id shows each step, and the list of erasures has her.
    """
    make_plugin(STEPS)
    ada = ada_of(path)
    assert "0 erasures." == call("users", "erasures").stdout.strip()
    call("users", "delete", ada.id, "--yes")
    call("work", "--once")

    for verb in ("show", "why"):
        told = call("users", verb, ada.id).stdout
        assert "erasing      under way" in told
        assert "step orders  done" in told
        assert "step ledger  1 try, next" in told
        assert "plugin-failed" in told
    listed = call("users", "erasures").stdout
    assert [ada.id, "ledger", "failed"] == [listed.splitlines()[2].split()[n] for n in (0, 3, 5)]
    as_json = json.loads(call("users", "erasures", "--json").stdout)
    assert [ada.id] == [erasure["user"] for erasure in as_json["erasures"]]
    shown = json.loads(call("users", "why", ada.id, "--json").stdout)
    assert ("deleted", False) == (shown["state"], shown["finished"])


def test_erasures_go_on_behind_a_page(
    call: Call, path: Path, make_plugin: Callable[..., str]
) -> None:
    """By the cursor that it told."""
    make_plugin(STEPS)
    for address in ("ada@example.com", "grace@example.com"):
        call("users", "create", "grace@example.com")
        call("users", "delete", address, "--yes")

    first = call("users", "erasures", "--limit", "1")
    cursor = first.stdout.rstrip().rpartition(" ")[2]
    second = json.loads(call("users", "erasures", "--after", cursor, "--json").stdout)

    assert 1 == len(second["erasures"])
    assert second["erasures"][0]["user"] not in first.stdout


def test_nobody_is_not_somebody_deleted(call: Call, path: Path) -> None:
    """An id that no tombstone has, and an address."""
    for who in ("0" * 24, "gone@example.com"):
        assert 3 == call("users", "show", who).exit_code
        assert 3 == call("users", "why", who).exit_code


def test_data_is_set_from_a_file_or_a_pipe_and_printed(
    call: Call, path: Path, tmp_path: Path
) -> None:
    """
    Given a JSON object in a file, and one on standard input,
    when they are set one after the other,
    then the last one is printed, with --json in its version.
    """
    file = tmp_path / "data.json"
    file.write_text('{"plan": "gold"}')

    assert (
        "Kept, in version 1."
        == call("users", "data", "set", "ada@example.com", str(file)).stdout.strip()
    )
    assert {"plan": "gold"} == json.loads(call("users", "data", "get", "ada@example.com").stdout)
    call("users", "data", "set", "ada@example.com", "-", input='{"plan": "ü"}')

    told = json.loads(call("users", "data", "get", "ada@example.com", "--json").stdout)
    assert ({"plan": "ü"}, 2) == (told["data"], told["version"])


@pytest.mark.parametrize(
    ("text", "version", "code", "said"),
    [
        ('{"plan":\n gold}', "0", 2, "custom_data: line 2 is no JSON."),
        ("[" * 100_000, "0", 2, "custom_data: it is no JSON."),
        ("[1]", "0", 2, "custom_data: must be a JSON object, not list."),
        ("{}", "3", 4, "version 3 was expected, 0 is there."),
    ],
    ids=["no JSON", "too deep", "no object", "another version"],
)
def test_data_that_cannot_be_kept_is_refused(
    call: Call, path: Path, text: str, version: str, code: int, said: str
) -> None:
    """With the place, the rule and an exit code; nothing is written."""
    set_it = ["users", "data", "set", "ada@example.com", "-", "--version", version]

    result = call(*set_it, input=text)

    assert (code, True) == (result.exit_code, said in result.stderr)
    assert {} == json.loads(call("users", "data", "get", "ada@example.com").stdout)


def test_data_set_tells_json_to_programs(call: Call, path: Path) -> None:
    """The document and its version."""
    kept = call("users", "data", "set", "ada@example.com", "-", "--json", input='{"a": 1}').stdout

    assert ({"a": 1}, 1) == (json.loads(kept)["data"], json.loads(kept)["version"])


def test_a_file_that_is_not_there_is_named(call: Call, path: Path) -> None:
    """Nothing is written."""
    result = call("users", "data", "set", "ada@example.com", "nowhere.json")

    assert (2, True) == (result.exit_code, "nowhere.json cannot be read" in result.stderr)
