"""`admit users identities`, `unlink`, `merge`, `change-address`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_calls import PASSWORD, Call, engine_on

from admit import cli
from admit.errors import SessionInvalid, WrongCredentials

ADA, OLD = "ada@example.com", "old@example.com"
BADGES = """
import admit

class Badges:
    name, inline = "badge", True

    @admit.hookimpl
    def register_providers(self):
        return [self]

    def identify(self, credentials, services):
        return admit.Claim(login_key=credentials["number"], proved=True, creates_users=True)

    def check(self, credentials, identity, services):
        return admit.Check(accepted=False)

plugin = Badges()
register_providers = plugin.register_providers
"""


@pytest.fixture
def two(path: Path) -> Path:
    """A store with two users who have a password each."""
    with engine_on(path) as engine:
        engine.confirm_manually(address=ADA)
        engine.confirm_manually(engine.register(OLD, PASSWORD))
    return path


@pytest.fixture
def badges(two: Path, make_plugin: Callable[..., str]) -> Path:
    """The same, where Ada also has two badges."""
    make_plugin(BADGES)
    with engine_on(two) as engine:
        for number in ("7-42", "7-43"):
            engine.identities.link(engine.users.find(ADA), "badge", number=number)
    return two


def ids(path: Path) -> dict[str, str]:
    with engine_on(path) as engine:
        return {address: engine.users.find(address).id for address in (ADA, OLD)}


def opens(path: Path, address: str) -> str | None:
    """Whose account an address and the password open."""
    with engine_on(path) as engine:
        try:
            return engine.log_in("local-userpass", username=address, password=PASSWORD).user.id
        except WrongCredentials:
            return None


def test_identities_says_which_can_log_in(badges: Path, call: Call) -> None:
    """One a line, with the id that `unlink` takes; the same as JSON, without a hash."""
    lines = call("users", "identities", ADA).stdout.splitlines()
    listed = json.loads(call("users", "identities", ADA, "--json").stdout)

    assert ["local-userpass", "badge", "badge"] == [line.split()[0] for line in lines[1:]]
    assert {"yes"} == {line.split()[-1] for line in lines[1:]}
    assert [True] * 3 == [found["usable"] for found in listed]
    assert "argon2" not in json.dumps(listed)


def test_unlink_takes_one_and_says_what_is_left(badges: Path, call: Call) -> None:
    """
    Given a user with two badges,
    when one is unlinked by its id,
    then the other ways to log in are named; without the id the command asks which.
    """
    listed = json.loads(call("users", "identities", ADA, "--json").stdout)
    gone = listed[1]["identity"]["id"]

    refused = call("users", "unlink", ADA, "badge")
    done = call("users", "unlink", ADA, "badge", "--identity", gone, "--reason", "lost")

    assert (2, 0) == (refused.exit_code, done.exit_code)
    assert "several of this provider" in refused.stderr
    assert "It logs in with local-userpass ada@example.com, badge 7-43 now." in done.stdout
    unlinked = json.loads(call("users", "timeline", ADA, "--json").stdout)
    event = next(event for event in unlinked if event["trigger"] == "unlink")
    assert ("admin", "lost") == (event["actor"]["kind"], event["detail"]["reason"])


def test_unlink_prints_the_user_for_programs(badges: Path, call: Call) -> None:
    """As the other commands do."""
    user = json.loads(call("users", "unlink", ADA, "local-userpass", "--json").stdout)

    assert ["badge", "badge"] == [identity["provider"] for identity in user["identities"]]


def test_o5_unlink_leaves_the_last_identity(two: Path, call: Call) -> None:
    """The exit code says that it is not allowed now."""
    refused = call("users", "unlink", ADA, "local-userpass")

    assert 4 == refused.exit_code
    assert "last-identity" in refused.stderr
    assert opens(two, ADA) is not None


def test_merge_shows_its_plan_and_changes_nothing_in_a_dry_run(two: Path, call: Call) -> None:
    """What moves, what is dropped, what collides; as JSON too."""
    before = ids(two)

    shown = call("users", "merge", ADA, OLD, "--dry-run")
    plan = json.loads(call("users", "merge", ADA, OLD, "--dry-run", "--json").stdout)

    assert 0 == shown.exit_code
    for line in (
        f"survivor           {ADA} ({before[ADA]})",
        f"absorbed           {OLD} ({before[OLD]})",
        "moves              nothing",
        f"is dropped         local-userpass {OLD}",
        f"collides           local-userpass {OLD} goes, local-userpass {ADA} stays",
        f"addresses          {ADA}",
        f"addresses dropped  {OLD}",
        "custom data        nothing is lost",
    ):
        assert line in shown.stdout.splitlines()
    assert (before[ADA], before[OLD]) == (plan["into"], plan["absorbed"])
    assert [OLD] == [identity["login_key"] for identity in plan["drops"]]
    assert before == ids(two)


def test_merge_says_that_custom_data_is_dropped(two: Path, call: Call) -> None:
    """Where both have some, the absorbed user's is lost; as JSON too."""
    with engine_on(two) as engine:
        engine.custom_data.set(engine.users.find(ADA), {"plan": "gold"})
        engine.custom_data.set(engine.users.find(OLD), {"plan": "silver"})

    shown = call("users", "merge", ADA, OLD, "--dry-run").stdout
    plan = json.loads(call("users", "merge", ADA, OLD, "--dry-run", "--json").stdout)

    assert "custom data        the absorbed user's is dropped" in shown
    assert plan["drops_custom_data"]


def test_merge_needs_a_yes(two: Path, call: Call) -> None:
    """Where nobody can be asked it is a usage error, and both users are there."""
    refused = call("users", "merge", ADA, OLD)

    assert 2 == refused.exit_code
    assert "pass --yes" in refused.stderr
    assert 2 == len(set(ids(two).values()))


def test_merge_leaves_one_user(two: Path, call: Call) -> None:
    """
    Given two users,
    when one is merged into the other,
    then the old id leads to the survivor, whose login is the one that opens.
    """
    before = ids(two)

    done = call("users", "merge", ADA, OLD, "--yes", "--reason", "same person")

    assert f"{before[OLD]} leads to {ADA} now." == done.stdout.splitlines()[-1]
    assert before[ADA] in call("users", "show", before[OLD]).stdout
    assert (before[ADA], None) == (opens(two, ADA), opens(two, OLD))


def test_merge_can_take_the_other_login(two: Path, call: Call) -> None:
    """`--take` turns a collision round; where nothing collides it is a usage error."""
    before = ids(two)
    assert 2 == call("users", "merge", ADA, OLD, "--take", "badge", "--yes").exit_code

    done = call("users", "merge", ADA, OLD, "--take", "local-userpass", "--yes", "--json")

    said = json.loads(done.stdout)
    assert (before[ADA], [OLD]) == (
        said["user"]["id"],
        [identity["login_key"] for identity in said["moves"]],
    )
    assert "argon2" not in done.stdout
    assert (None, before[ADA]) == (opens(two, ADA), opens(two, OLD))


def test_change_address_marks_it_unproved_and_ends_the_sessions(two: Path, call: Call) -> None:
    """At once; the user is told of by its new address, and the sheet says that it is not proved."""
    with engine_on(two) as engine:
        login = engine.log_in("local-userpass", username=ADA, password=PASSWORD)

    done = call("users", "change-address", ADA, "Ada@example.org", "--reason", "lost her mailbox")

    assert 0 == done.exit_code
    assert "Ada@example.org is confirmed." == done.stdout.splitlines()[0]
    assert "Ada@example.org (not proved)" in call("users", "show", "ada@example.org").stdout
    with engine_on(two) as engine, pytest.raises(SessionInvalid):
        engine.verify(login.access_token)
    again = json.loads(call("users", "change-address", "ada@example.org", ADA, "--json").stdout)
    assert ADA == again["addresses"][0]["typed"]


def test_change_address_to_somebody_elses_is_refused(two: Path, call: Call) -> None:
    """The exit code says that it is not allowed now."""
    assert 4 == call("users", "change-address", ADA, OLD).exit_code


def test_show_lists_every_address(two: Path, call: Call) -> None:
    """Also after a merge."""
    with engine_on(two) as engine:
        ada, old = engine.users.find(ADA), engine.users.find(OLD)
        engine.identities.merge(ada, old, adjust=lambda plan: plan.taking(plan.collisions[0].goes))

    assert "old@example.com (not proved)" in call("users", "show", old.id).stdout


def test_the_commands_are_listed() -> None:
    """Each has its line in the help of `admit users`."""
    assert {"identities", "unlink", "merge", "change-address"} <= set(
        cli.main.commands["users"].commands  # type: ignore[attr-defined]  # it is a group
    )


def test_whys_advice_to_who_cannot_log_in_is_to_set_a_password(path: Path, call: Call) -> None:
    """A user that was created without a password can do nothing else."""
    call("users", "create", "grace@example.com")

    told = json.loads(call("users", "why", "grace@example.com", "--json").stdout)

    assert "None of its identities can log in here." in told["sentence"]
    assert "reset, so that it has a password" == told["suggestion"]
