"""`admit settings` and `admit flow`."""

from __future__ import annotations

import json
import re
from pathlib import Path

from cli_calls import Call, engine_on

from admit.storage.tiny import open_store
from admit.stores import Change, Put


def test_settings_shows_where_each_value_comes_from(call: Call, path: Path) -> None:
    """
    Given a value set in the store over one of the file,
    when the changed settings are listed,
    then its source and what it hides stand beside it.
    """
    path.with_name("admit.toml").write_text('token_lifetime = "12h"\n')
    call("settings", "set", "token_lifetime", "45 minutes")

    lines = call("settings", "--changed").stdout.splitlines()

    (line,) = [line for line in lines if line.startswith("token_lifetime")]
    assert ["token_lifetime", "45 minutes", "store", "file 12 hours"] == re.split(r"  +", line)
    assert "password_min_length" not in "\n".join(lines)


def test_settings_without_anything_else_is_the_whole_list(call: Call, path: Path) -> None:
    """`settings` and `settings list` are the same."""
    whole = call("settings").stdout

    assert whole == call("settings", "list").stdout
    assert "password_min_length" in whole


def test_unset_shows_what_was_hidden(call: Call, path: Path) -> None:
    """The store's value is taken back; the default is in force again."""
    call("settings", "set", "password_min_length", "12")

    assert (
        "password_min_length is 8, from the default.\n"
        == call("settings", "unset", "password_min_length").stdout
    )


def test_settings_for_programs_have_their_help_and_default(call: Call, path: Path) -> None:
    """All that a page of settings would show."""
    by_name = {info["name"]: info for info in json.loads(call("settings", "--json").stdout)}

    assert ("default", 8) == (
        by_name["password_min_length"]["source"],
        by_name["password_min_length"]["default"],
    )
    assert by_name["password_min_length"]["help"]


def test_t3_a_secret_setting_is_not_shown(call: Call, path: Path) -> None:
    """Neither to people nor to programs."""
    environment = {"ADMIT_SMTP_PASSWORD": "hunter2-hunter2"}

    shown = call("settings", **environment).stdout
    as_json = call("settings", "--json", **environment).stdout

    assert "(secret)" in shown
    assert "hunter2" not in shown + as_json


def test_a_stored_value_that_is_out_of_bounds_is_named(call: Call, path: Path) -> None:
    """
    Given a stored value that an older version allowed,
    when the settings are listed,
    then it is said that it is ignored, and why.
    """
    with engine_on(path) as engine:
        engine.settings.set("token_lifetime", "1h")
    store = open_store(str(path), read_only=False)
    record = store.find("setting:token_lifetime")
    assert record is not None
    older = {**record.body, "value": "400 hours"}
    put = Put("setting", record.id, older, record.version, record.keys, record.labels)
    store.commit(Change(put=(put,)))
    store.close()

    shown = call("settings", "--changed").stdout

    assert "token_lifetime: the stored value is ignored." in shown
    assert "must be at most 1 day." in shown


def test_an_unknown_setting_lists_the_known_ones(call: Call, path: Path) -> None:
    """Exit code 3: there is nothing by that name."""
    refused = call("settings", "set", "token_lifetme", "1h")

    assert 3 == refused.exit_code
    assert "token_lifetime" in refused.stderr


def test_a_value_out_of_bounds_says_the_bound(call: Call, path: Path) -> None:
    """Exit code 2: the value is wrong."""
    refused = call("settings", "set", "token_lifetime", "2 days")

    assert 2 == refused.exit_code
    assert "at most" in refused.stderr


def test_flow_list_marks_the_active_one(call: Call, path: Path) -> None:
    """Each loaded flow, its plugin, and which of them is entered now."""
    lines = call("flow", "list").stdout.splitlines()
    as_json = json.loads(call("flow", "list", "--json").stdout)

    assert ["email     email     active, by default"] == [x for x in lines if "active" in x]
    assert "email" == as_json["active"]
    assert {"auto", "email", "function"} == {flow["name"] for flow in as_json["flows"]}


def test_flow_list_says_when_the_active_flow_is_not_loaded(call: Call, path: Path) -> None:
    """A store may name a flow that this machine does not have."""
    shown = call("flow", "list", ADMIT_CONFIRMATION_FLOW="carrier-pigeon").stdout

    assert "The active flow 'carrier-pigeon' is not loaded here." in shown


def test_flow_use_changes_what_a_rerun_enters(call: Call, path: Path) -> None:
    """
    Given a user who waits for a mail,
    when the flow `auto` is made the active one, and she is re-run,
    then she is confirmed.
    """
    used = call("flow", "use", "auto")

    assert "The active flow is auto; it was email." == used.stdout.splitlines()[0]
    assert (
        "ada@example.com is confirmed."
        == (call("users", "rerun", "ada@example.com").stdout.splitlines()[0])
    )


def test_flow_use_refuses_a_flow_that_is_not_loaded(call: Call, path: Path) -> None:
    """It lists those that are."""
    refused = call("flow", "use", "carrier-pigeon")

    assert 3 == refused.exit_code
    assert "auto, email, function" in refused.stderr
