"""`admit users …`: finding, understanding and helping."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from cli_calls import PASSWORD, Call, engine_on

import admit
from admit.errors import WrongCredentials
from admit.hookspecs import hookimpl
from admit.masked import Secret
from admit.providers import Check, Claim, Credentials, NewIdentity, RegistrationRequest
from admit.records import Identity
from admit.services import Services
from admit.testing import CHEAP_HASHING


def ada_of(path: Path) -> admit.User:
    with engine_on(path) as engine:
        return engine.users.find("ada@example.com")


def test_list_shows_each_user_in_a_line(call: Call, path: Path) -> None:
    """The id, the address as it was typed, the state, and how far the last run got."""
    lines = call("users", "list").stdout.splitlines()

    assert lines[0].startswith("ID")
    assert lines[1].split()[1:3] == ["ada@example.com", "pending"]
    assert lines[1].endswith("email: handed over")
    assert "1 user of 1." == lines[-1]


def test_list_goes_on_behind_a_page_by_the_cursor_that_it_told(call: Call, path: Path) -> None:
    """
    Given two users and pages of one,
    when the first page is asked for, and then what its cursor leads to,
    then each user is seen once.
    """
    with engine_on(path) as engine:
        engine.register("grace@example.com", PASSWORD)

    first = json.loads(call("users", "list", "--limit", "1", "--json").stdout)
    second = call("users", "list", "--limit", "1", "--after", first["next"]).stdout

    assert "ada@example.com" == first["users"][0]["addresses"][0]["typed"]
    assert "grace@example.com" in second
    assert "--after" in call("users", "list", "--limit", "1").stdout


def test_list_can_be_narrowed_to_a_state_or_the_start_of_an_address(call: Call, path: Path) -> None:
    """What does not fit is not shown, and the count says so."""
    assert "0 users of 0." in call("users", "list", "--in", "confirmed").stdout
    assert "0 users of 0." in call("users", "list", "--in", "run-failed").stdout
    assert "ada@example.com" in call("users", "list", "--search", "ad").stdout
    assert "0 users of 1." in call("users", "list", "--search", "b").stdout


def test_list_refuses_what_is_no_cursor(call: Call, path: Path) -> None:
    """A cut-off cursor is a usage error, not an empty page."""
    assert 2 == call("users", "list", "--after", "rubbish").exit_code


@pytest.mark.parametrize("by", ["id", "address"])
def test_show_takes_an_id_or_an_address(call: Call, path: Path, by: str) -> None:
    """Both lead to the same sheet."""
    who = ada_of(path).id if by == "id" else "Ada@example.com"

    shown = call("users", "show", who).stdout

    assert "state         pending" in shown
    assert "ada@example.com (not proved)" in shown


def test_t3_nothing_secret_is_in_the_json_of_a_user(call: Call, path: Path) -> None:
    """
    Given a user with a password and a live token,
    when it is printed for programs,
    then neither the hash nor a digest is there.
    """
    printed = call("users", "show", "ada@example.com", "--json").stdout

    assert "pending" == json.loads(printed)["state"]
    assert not [word for word in ("argon2", "digest", "private") if word in printed]


def test_why_says_what_to_do_next(call: Call, path: Path) -> None:
    """The sentence, the delivery and the suggestion of `engine.why`, one below the other."""
    told = call("users", "why", "ada@example.com").stdout

    assert "ada@example.com is pending." == told.splitlines()[0]
    assert "next step  wait, or resend" in told
    assert "allowed    confirm, rerun, delete" in told


def test_why_for_programs_names_the_user_by_its_id(call: Call, path: Path) -> None:
    """The user itself is what `users show` is for."""
    told = json.loads(call("users", "why", "ada@example.com", "--json").stdout)

    assert ada_of(path).id == told["user"]
    assert "wait, or resend" == told["suggestion"]


def test_timeline_tells_what_happened_in_order(call: Call, path: Path) -> None:
    """One event a line; the same as JSON."""
    lines = call("users", "timeline", "ada@example.com").stdout.splitlines()
    events = json.loads(call("users", "timeline", "ada@example.com", "--json").stdout)

    assert ["register", "dispatched"] == [line.split()[2] for line in lines[1:]]
    assert ["register", "dispatched"] == [event["trigger"] for event in events]
    assert "new → pending" in lines[1]


def test_timeline_of_nobody_is_told_in_words(call: Call, path: Path) -> None:
    """An id that never was is no error: the trail just has nothing of it."""
    assert "Nothing is known" in call("users", "timeline", "64f0aa64f0aa64f0aa64f0aa").stdout


def test_rerun_sends_a_new_message(call: Call, path: Path) -> None:
    """
    Given a user who waits,
    when she is re-run, for a reason,
    then a second mail is there, and the trail knows who asked and why.
    """
    result = call("users", "rerun", "ada@example.com", "--reason", "she called us")

    assert 0 == result.exit_code
    assert "ada@example.com is pending." == result.stdout.splitlines()[0]
    assert 2 == len(list(path.with_name("users.json.mail").glob("*.eml")))
    with engine_on(path) as engine:
        rerun = engine.users.timeline(ada_of(path))[-2]
    assert ("rerun", "admin") == (rerun.trigger, rerun.actor.kind)
    assert "she called us" in str(rerun.detail)


def test_rerun_wants_users_or_all_of_them(call: Call, path: Path) -> None:
    """Neither and both are usage errors, so that nobody re-runs everybody by an empty variable."""
    assert 2 == call("users", "rerun").exit_code
    assert 2 == call("users", "rerun", "ada@example.com", "--all").exit_code


def test_rerun_of_a_confirmed_user_is_not_allowed(call: Call, path: Path) -> None:
    """
    Given a confirmed user,
    when it is re-run,
    then the exit code is 4, and stderr says what is allowed.
    """
    assert 0 == call("users", "confirm", "ada@example.com").exit_code

    refused = call("users", "rerun", "ada@example.com")

    assert 4 == refused.exit_code
    assert "From here: delete. [not-allowed]" in refused.stderr


def test_rerun_tells_when_the_flow_fails_and_how_to_go_on(call: Call, path: Path) -> None:
    """
    Given a folder for mails that cannot be one,
    when a user is re-run by a flow that is refused,
    then the exit code is 1, and the next step is the very command that helps.
    """
    path.with_name("admit.toml").write_text(
        'functions = {broken = "json:loads"}\n[function]\nconfirmation = "broken"\n'
    )
    call("flow", "use", "function")

    failed = call("users", "rerun", "ada@example.com")

    assert 1 == failed.exit_code
    assert f"admit users rerun {ada_of(path).id} [flow-failed]" in failed.stderr


def test_create_makes_a_confirmed_user_in_a_new_store(call: Call, json_path: Path) -> None:
    """It may begin a store; the password is read, never given as an argument."""
    result = call("users", "create", "grace@example.com", "--password", input=f"{PASSWORD}\n")

    assert "grace@example.com is confirmed." == result.stdout.splitlines()[0]
    with engine_on(json_path) as engine, pytest.raises(WrongCredentials):
        engine.log_in("local-userpass", username="grace@example.com", password="another one")


def test_create_says_how_to_go_on_when_a_pending_user_has_the_address(
    call: Call, path: Path
) -> None:
    """An address that is taken by somebody stuck is a user to be helped."""
    refused = call("users", "create", "ada@example.com")

    assert 4 == refused.exit_code
    assert "admit users rerun ADDRESS [address-taken]" in refused.stderr


def test_correct_address_sends_the_message_to_the_right_one(call: Call, path: Path) -> None:
    """The wrong address is free afterwards."""
    result = call("users", "correct-address", "ada@example.com", "countess@example.com")

    assert "countess@example.com is pending." == result.stdout.splitlines()[0]
    assert 3 == call("users", "show", "ada@example.com").exit_code


def test_disable_and_enable_answer_with_the_user(call: Call, path: Path) -> None:
    """Disabled stands beside the state, in every list."""
    disabled = call("users", "disable", "ada@example.com")
    enabled = json.loads(call("users", "enable", "ada@example.com", "--json").stdout)

    assert "ada@example.com is pending, disabled." == disabled.stdout.splitlines()[0]
    assert enabled["disabled"] is False


def test_delete_asks_unless_it_is_told_yes(call: Call, path: Path) -> None:
    """
    Given nobody at a terminal who could answer,
    when a user is deleted without --yes,
    then it is a usage error that shows who it would be, and nothing was deleted.
    """
    refused = call("users", "delete", "ada@example.com")

    assert 2 == refused.exit_code
    assert "Delete ada@example.com" in refused.stderr
    assert "pending" == ada_of(path).state


def test_delete_leaves_the_timeline(call: Call, path: Path) -> None:
    """What it says last is how to look at it."""
    user_id = ada_of(path).id

    deleted = call("users", "delete", "ada@example.com", "--yes")

    assert user_id in deleted.stdout
    assert "pending → deleted" in call("users", "timeline", user_id).stdout


def test_delete_tells_programs_the_id(call: Call, path: Path) -> None:
    """The id is what the timeline is found by afterwards."""
    user_id = ada_of(path).id

    deleted = call("users", "delete", user_id, "--yes", "--json")

    assert {"deleted": user_id} == json.loads(deleted.stdout)


def test_a_mistyped_store_is_told_and_not_begun(call: Call, tmp_path: Path) -> None:
    """
    Given a path at which there is nothing,
    when a command is to change a user there,
    then it is a usage error, and still nothing is there.
    """
    missing = tmp_path / "usres.json"

    result = call("users", "rerun", "ada@example.com", "--store", str(missing))

    assert 2 == result.exit_code
    assert f"there is no {missing}" in result.stderr
    assert [] == list(tmp_path.iterdir())


def test_an_error_for_programs_is_json_on_stderr(call: Call, path: Path) -> None:
    """Its code is what a program keys on."""
    result = call("users", "show", "nobody@example.com", "--json")

    assert "user-not-found" == json.loads(result.stderr.splitlines()[-1])["error"]["code"]
    assert "" == result.stdout


def test_a_run_that_waits_for_a_worker_is_called_queued(call: Call, json_path: Path) -> None:
    """Nothing was sent yet, and nothing failed."""
    with engine_on(json_path) as engine:
        engine.public.register("ada@example.com", PASSWORD)

    assert call("users", "list").stdout.splitlines()[1].endswith("email: queued")


def test_a_deleted_user_is_called_by_its_id(call: Call, path: Path) -> None:
    """Of a tombstone nothing else is left."""
    user_id = ada_of(path).id
    call("users", "delete", user_id, "--yes")

    listed = call("users", "list", "--in", "deleted").stdout

    assert [user_id, user_id, "deleted"] == listed.splitlines()[1].split()[:3]


def test_a2_a_name_of_a_foreign_provider_is_escaped(call: Call, json_path: Path) -> None:
    """
    Given a provider whose users choose any name they like,
    when one is listed, shown and explained,
    then what a terminal would obey is only shown.
    """
    with admit.open(
        json_path,
        settings={**CHEAP_HASHING, "confirmation_flow": "auto", "password_provider": "handle"},
        plugins=[Handles()],
        worker=False,
    ) as engine:
        user = engine.register("\x1b[31mred\u202e")

    shown = [
        call("users", command, *who).stdout
        for command, *who in [("list",), ("show", user.id), ("why", user.id)]
    ]

    assert [True, True, True] == [r"\x1b[31mred\u202e" in text for text in shown]


class Handles:
    """A provider whose users have a name, and no address."""

    name = "handle"
    inline = True

    @hookimpl
    def register_providers(self) -> list[Handles]:
        return [self]

    def new_identity(self, request: RegistrationRequest, services: Services) -> NewIdentity:
        return NewIdentity(login_key=request.login)

    def private_data(self, password: Secret, services: Services) -> Mapping[str, str]:
        return {}

    def verify_private(
        self, password: Secret, identity: Identity | None, services: Services
    ) -> bool:
        return False

    def identify(self, credentials: Credentials, services: Services) -> Claim:
        return Claim(login_key=str(credentials["name"]))

    def check(
        self, credentials: Credentials, identity: Identity | None, services: Services
    ) -> Check:
        return Check(accepted=False)
