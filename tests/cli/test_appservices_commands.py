"""`admit import appservices` and `admit export appservices`, as a shell calls them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from cli_calls import RunProcess

FIXTURES = Path(__file__).parents[1] / "server" / "appservices" / "fixtures"
ADA = "5f0aa64f1aa64f2aa64f3aa7"

PLAN = """\
shop-abcde (layout v20210101, environment none)

In admit.toml
  custom-token.algorithms = RS256
  custom-token.audience = shop-abcde
  custom-token.every_audience = true
  custom-token.jwks_url = https://login.example.com/keys
  server.allowed_origins = https://shop.example, https://admin.shop.example
  server.app_id = shop-abcde

In the store
  anon-user.enabled = false
  api-key.enabled = false
  confirmation_flow = email
  custom-token.enabled = true
  email.link_base = https://shop.example/confirm
  email.reset_link_base = https://shop.example/reset
  local-userpass.enabled = true
  reset_flow = email

Missing
  transport: Mails are yours to send now: smtp, for one.
  email.sender: App Services sent from an address of its own.
  server.public_url: The URL that clients reach you by.

Stays behind
  passwords: of 6 characters were enough; new ones need password_min_length, 8
    by default.
"""
USERS = """\
line 1  collides  Ada@example.com
    its address is that of line 2, when case and the like do not count.
line 2  collides  ada@example.com
    its address is that of line 1, when case and the like do not count.
line 4  refused  –
    _id: must be 24 hex digits.

imported                          1
with the address of another line  2
refused                           1
1 user will choose a password: no hash is known, so a first log-in is a reset.
"""


def user(id: str, address: str) -> dict[str, object]:
    login = {"id": f"{int(id, 16) + 1:024x}", "provider_type": "local-userpass"}
    return {"_id": id, "identities": [login], "type": "normal", "data": {"email": address}}


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """Two whose addresses collide, somebody else, and a line that is no user."""
    lines = [
        user(ADA, "Ada@example.com"),
        user("5f0aa64f1aa64f2aa64f3ac7", "ada@example.com"),
        user("5f0aa64f1aa64f2aa64f3ad7", "grace@example.com"),
        {"_id": 7},
    ]
    path = tmp_path / "users.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def test_a_dry_run_says_what_would_be_done(run_process: RunProcess, tmp_path: Path) -> None:
    """
    Given an export,
    when it would move in,
    then all of it is told, and there is neither file nor store.
    """
    given = (str(FIXTURES / "v20210101"), "--into", str(tmp_path / "shop"), "--dry-run")

    done = run_process("import", "appservices", *given)

    assert (0, "", f"{PLAN}\nNothing was changed.\n") == (
        done.returncode, done.stderr, done.stdout
    )  # fmt: skip
    assert not (tmp_path / "shop").exists()


def test_an_application_moves_in_once(run_process: RunProcess, tmp_path: Path) -> None:
    """
    Given an export,
    when it moves in, and then once more,
    then it is told where it is, the settings say so, and the second time it is left alone.
    """
    folder = tmp_path / "shop"
    given = ("import", "appservices", str(FIXTURES / "v20210101"), "--into", str(folder))

    done, again = run_process(*given), run_process(*given)

    expected = (
        f"{PLAN}\nMoved in: 14 settings, in {folder}/admit.toml and in the store.\n"
        "What is missing stands in admit.toml, in comments, to be filled in.\n"
    )
    assert (0, "", expected) == (done.returncode, done.stderr, done.stdout)
    settings = run_process("settings", "--changed", ADMIT_STORE=str(folder / "users.json")).stdout
    assert ["confirmation_flow", "email", "store"] in map(str.split, settings.splitlines())
    assert ["server.app_id", "shop-abcde", "file"] in map(str.split, settings.splitlines())
    assert 0 == again.returncode
    assert again.stdout.endswith("and the settings are left as they are.\n")


def test_what_is_wrong_is_told_all_at_once(run_process: RunProcess, tmp_path: Path) -> None:
    """
    Given an export without an app id, for an environment that lacks a value,
    when it is to move in,
    then each wrong value is told with what to do, and the exit code is that of wrong input.
    """
    path, into = str(FIXTURES / "current"), str(tmp_path / "shop")

    done = run_process("import", "appservices", path, "--into", into, "--environment", "")

    assert 2 == done.returncode
    assert ["auth/providers.json.local-userpass.config.emailConfirmationUrl",
            "auth/providers.json.local-userpass.config.resetPasswordUrl", "app_id"] == [
        line.split(": ")[1] for line in done.stderr.splitlines() if line.startswith("error: ")
    ]  # fmt: skip
    assert done.stderr.endswith("3 values to correct. Nothing was changed.\n")
    assert not (tmp_path / "shop").exists()


def test_programs_are_told_in_json(run_process: RunProcess, tmp_path: Path, users: Path) -> None:
    """
    Given an export and a file of users,
    when it moves in with --json,
    then one object has all of it, and no secret.
    """
    given = (str(FIXTURES / "legacy"), "--into", str(tmp_path / "shop"), "--users", str(users))

    done = run_process("import", "appservices", *given, "--json")

    told = json.loads(done.stdout)
    assert (1, "") == (done.returncode, done.stderr)
    assert {"app_id": "shop-abcde", "done": True, "layout": "legacy", "problems": []}.items() <= (
        told.items()
    )
    settings = {one["name"]: (one["value"], one["in"]) for one in told["settings"]}
    assert (["shop", "shop-app"], "file") == settings["custom-token.audience"]
    assert (True, "store") == settings["anon-user.enabled"]
    assert "0123456789abcdef" not in done.stdout
    assert [{"name": "resetUser", "setting": "function.reset"}] == told["functions"]
    assert {"imported": 1, "collides": 2, "refused": 1}.items() <= told["users"]["counts"].items()
    assert [1, 2, 4] == [one["line"] for one in told["users"]["not_taken_in"]]


def test_problems_are_told_in_json(run_process: RunProcess, tmp_path: Path) -> None:
    """
    Given an export that lacks its app id,
    when it is to move in with --json,
    then the problem stands in the object, and the exit code says so.
    """
    given = (str(FIXTURES / "current"), "--into", str(tmp_path / "shop"))

    done = run_process("import", "appservices", *given, "--json")

    told = json.loads(done.stdout)
    assert (2, False) == (done.returncode, told["done"])
    assert ["invalid-input"] == [problem["code"] for problem in told["problems"]]


def test_users_move_in_and_who_does_not_is_told(
    run_process: RunProcess, tmp_path: Path, users: Path
) -> None:
    """
    Given an application that moved in, and a file of users,
    when the same command takes them in,
    then a line is told for each who is not, then the sum, and the exit code is that of a part.
    """
    given = ("import", "appservices", str(FIXTURES / "v20210101"), "--into", str(tmp_path / "shop"))
    run_process(*given)

    done = run_process(*given, "--users", str(users))

    assert 1 == done.returncode
    assert done.stdout.endswith(f"left as they are.\n{USERS}")
    again = run_process(*given, "--users", str(users)).stdout
    assert ["here", "already", "1"] in map(str.split, again.splitlines())


def test_users_can_be_tried_before_there_is_a_store(
    run_process: RunProcess, tmp_path: Path, users: Path
) -> None:
    """
    Given an export and users, and no store yet,
    when both would move in,
    then the users are told as they would be, and there is still no store.
    """
    given = (str(FIXTURES / "v20210101"), "--into", str(tmp_path / "shop"), "--users", str(users))

    done = run_process("import", "appservices", *given, "--dry-run")

    assert 1 == done.returncode
    assert done.stdout.endswith(
        USERS.replace("imported                          1", "would be imported                 1")
        + "Nothing was changed.\n"
    )
    assert not (tmp_path / "shop").exists()


def test_what_was_killed_goes_on(run_process: RunProcess, tmp_path: Path) -> None:
    """
    Given a process that is killed while it takes in users,
    when the same command is called again,
    then who was taken in is there, the others come, and nobody is there twice.
    """
    folder, lines = tmp_path / "shop", tmp_path / "many.jsonl"
    many = [user(f"{4 * n:024x}", f"u{n}@example.com") for n in range(1, 3000)]
    lines.write_text("\n".join(map(json.dumps, [{"_id": 7}, *many])))
    given = ("import", "appservices", str(FIXTURES / "v20210101"), "--into", str(folder))

    with subprocess.Popen(
        [sys.executable, "-m", "admit.cli", *given, "--users", str(lines)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("line 1  refused"):
            pass  # the first hundred are settled when this is told
        process.kill()
    done = run_process(*given, "--users", str(lines), "--json")

    counts = json.loads(done.stdout)["users"]["counts"]
    assert 99 <= counts["there"] < 2999
    assert (2999, 1) == (counts["there"] + counts["imported"], counts["refused"])
    listed = run_process("store", "stats", "--json", ADMIT_STORE=str(folder / "users.json"))
    assert 2999 == json.loads(listed.stdout)["records"]["user"]


def test_secrets_come_from_a_file_or_from_standard_input(tmp_path: Path) -> None:
    """
    Given values of secrets on standard input,
    when an application moves in,
    then they stand in its file, are shown nowhere, and are missing no more.
    """
    secrets = {"tokenKey": "0123456789abcdef0123456789abcdef", "googleSecret": "g-s3cret"}

    done = subprocess.run(
        [
            *(sys.executable, "-m", "admit.cli", "import", "appservices"),
            *(str(FIXTURES / "current"), "--into", str(tmp_path), "--app-id", "shop-abcde"),
            *("--secrets", "-"),
        ],
        input=json.dumps(secrets),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert "g-s3cret" not in done.stdout
    assert "oauth2-google.client_secret = (secret)" in done.stdout
    assert "the value of the secret googleSecret" not in done.stdout
    assert 'client_secret = "g-s3cret"' in (tmp_path / "admit.toml").read_text()


@pytest.mark.parametrize("content", ["[]", "{", '{"a": 7}', "[" * 100_000, None])
def test_secrets_that_are_none_are_refused(
    content: str | None, run_process: RunProcess, tmp_path: Path
) -> None:
    """
    Given a file of secrets that is no object of texts, or is not there,
    when an application is to move in,
    then it is refused, and nothing of the file is shown.
    """
    file = tmp_path / "secrets.json"
    if content is not None:
        file.write_text(content)

    done = run_process(
        "import", "appservices", str(FIXTURES / "legacy"), "--into", str(tmp_path / "shop"),
        "--secrets", str(file),
    )  # fmt: skip

    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("error: secrets: ")


def test_a_terminal_is_asked_for_secrets(tmp_path: Path) -> None:
    """
    Given a terminal, and an export with secrets,
    when it moves in,
    then each is asked for; what is typed is not shown, and nothing is later.
    """
    leader, follower = pty.openpty()
    arguments = (str(FIXTURES / "current"), "--into", str(tmp_path), "--app-id", "shop-abcde")
    with subprocess.Popen(
        [sys.executable, "-m", "admit.cli", "import", "appservices", *arguments],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    ):
        os.close(follower)
        said = b""
        for answer in (b"0123456789abcdef0123456789abcdef\n", b"\n", b"g-s3cret\n"):
            asked = said.count(b"(nothing: later)")
            while said.count(b"(nothing: later)") == asked:
                said += os.read(leader, 4096)
            os.write(leader, answer)
        with suppress(OSError):  # the other end is closed
            while piece := os.read(leader, 4096):
                said += piece
    os.close(leader)

    assert b"The secret tokenKey, for custom-token.secret" in said
    assert b"g-s3cret" not in said
    file = (tmp_path / "admit.toml").read_text()
    assert 'secret = "0123456789abcdef0123456789abcdef"' in file
    assert 'client_secret = "g-s3cret"' in file
    assert "# The value of the secret 'facebookSecret'." in file


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--function", "confirmUser"), "is not NAME=MODULE:CALLABLE"),
        (("--store", "postgresql://nowhere/shop"), "Say where admit.toml goes"),
    ],
)
def test_a_call_that_is_wrong_is_told(
    more: tuple[str, ...], told: str, run_process: RunProcess
) -> None:
    """
    Given an option that says nothing, or a store beside which there is no place for a file,
    when an application is to move in,
    then the usage is told.
    """
    done = run_process("import", "appservices", str(FIXTURES / "legacy"), *more)

    assert 2 == done.returncode
    assert told in done.stderr


def test_the_file_may_be_named_for_a_store_elsewhere(
    run_process: RunProcess, tmp_path: Path
) -> None:
    """
    Given a SQL store, and a name for the configuration file,
    when an application moves in,
    then the settings are in the store, and the rest is in that file.
    """
    config, store = tmp_path / "shop.toml", f"sqlite:///{tmp_path / 'shop.db'}"
    options = ("--config", str(config), "--store", store)

    done = run_process(
        "import", "appservices", str(FIXTURES / "v20210101"), *options, ADMIT_KEY="00" * 32
    )

    assert (0, "") == (done.returncode, done.stderr)
    settings = run_process("settings", "--changed", *options, ADMIT_KEY="00" * 32).stdout
    assert ["server.app_id", "shop-abcde", "file"] in map(str.split, settings.splitlines())
    assert ["confirmation_flow", "email", "store"] in map(str.split, settings.splitlines())


def test_an_application_moves_out(run_process: RunProcess, tmp_path: Path, users: Path) -> None:
    """
    Given an application that moved in with users,
    when it moves out,
    then folder and file are told, and both move in elsewhere.
    """
    run_process("import", "appservices", str(FIXTURES / "current"), "--into", str(tmp_path),
                "--app-id", "shop-abcde", "--users", str(users))  # fmt: skip
    store = str(tmp_path / "users.json")
    out, lines = tmp_path / "out", tmp_path / "out.jsonl"

    done = run_process("export", "appservices", str(out), "--users", str(lines), ADMIT_STORE=store)

    expected = (
        f"Exported 6 files to {out}.\n"
        "providers         anon-user, api-key, local-userpass, custom-token, custom-function, "
        "oauth2-google, oauth2-facebook, oauth2-apple\n"
        "secrets, by name  tokenKey, googleSecret, facebookSecret, appleSecret\n"
        f"users             1, in {lines}\n"
    )
    assert (0, "", expected) == (done.returncode, done.stderr, done.stdout)
    again = run_process("import", "appservices", str(out), "--into", str(tmp_path / "again"),
                        "--app-id", "shop-abcde", "--users", str(lines))  # fmt: skip
    assert 0 == again.returncode
    assert ["imported", "1"] in map(str.split, again.stdout.splitlines())


def test_moving_out_is_told_in_json(run_process: RunProcess, tmp_path: Path) -> None:
    """
    Given an application with a setting that App Services did not know,
    when it moves out with --json,
    then the object says what was written, and what was not.
    """
    run_process("import", "appservices", str(FIXTURES / "legacy"), "--into", str(tmp_path))
    store = str(tmp_path / "users.json")
    run_process("settings", "set", "local-userpass.allowed_domains", "a.example", ADMIT_STORE=store)

    done = run_process("export", "appservices", str(tmp_path / "o"), "--json", ADMIT_STORE=store)

    told = json.loads(done.stdout)
    assert (["tokenKey"], None) == (told["secrets"], told["users"])
    assert ["local-userpass.allowed_domains"] == [left["field"] for left in told["left"]]


def test_hashes_go_with_users(run_process: RunProcess, path: Path, tmp_path: Path) -> None:
    """
    Given a store with a user,
    when hashes are asked for without a file for users, and with one,
    then the former is a wrong usage, and the latter has them.
    """
    out, lines = str(tmp_path / "out"), tmp_path / "out.jsonl"

    assert 2 == run_process("export", "appservices", out, "--hashes").returncode
    assert (
        0 == run_process("export", "appservices", out, "--users", str(lines), "--hashes").returncode
    )
    assert json.loads(lines.read_text())["password_hash"].startswith("$argon2id$")


@pytest.mark.parametrize("name", ["here", "users.jsonl"])
def test_nothing_is_written_over(
    name: str, run_process: RunProcess, path: Path, tmp_path: Path
) -> None:
    """
    Given a folder, or a file, of the name that is to be written,
    when an application is to move out,
    then it is refused with exit code 2.
    """
    (tmp_path / name).write_text("mine")
    users = ("--users", str(tmp_path / "users.jsonl"))

    done = run_process("export", "appservices", str(tmp_path / "here"), *users)

    assert (2, "mine") == (done.returncode, (tmp_path / name).read_text())
    assert "Name one that is not there." in done.stderr
