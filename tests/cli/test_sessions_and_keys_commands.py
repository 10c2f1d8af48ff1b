"""`admit sessions` and `admit keys`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_calls import PASSWORD, Call, engine_on

from admit import Actor, Client, LogIn
from admit.errors import SessionInvalid


def logged_in(path: Path, device: str) -> LogIn:
    """A log-in of Ada's, who is confirmed if she is not yet."""
    with engine_on(path) as engine:
        ada = engine.users.find("ada@example.com")
        if ada.state == "pending":
            engine.confirm_manually(ada)
        caller = engine.acting(Actor("user"), client=Client(device=device))
        return caller.log_in("local-userpass", username="ada@example.com", password=PASSWORD)


def test_sessions_are_listed_with_their_devices(call: Call, path: Path) -> None:
    """Given two log-ins, then both stand there, oldest first, with their devices and
    nothing secret."""
    phone, desk = logged_in(path, "phone"), logged_in(path, "desk")

    shown = call("sessions", "list", "ada@example.com").stdout
    listed = json.loads(call("sessions", "list", "ada@example.com", "--json").stdout)

    assert shown.index(phone.session.id) < shown.index(desk.session.id)
    assert "ada@example.com has 2 sessions." in shown
    assert ["phone", "desk"] == [session["device"] for session in listed]
    assert "digest" not in str(listed)


def test_one_session_is_ended(call: Call, path: Path) -> None:
    """Given two log-ins, when one is named, then it is over, and the other goes on."""
    phone, desk = logged_in(path, "phone"), logged_in(path, "desk")

    told = call("sessions", "end", "ada@example.com", phone.session.id, "--reason", "lost").stdout

    assert "1 session of ada@example.com ended.\n" == told
    with engine_on(path) as engine:
        engine.verify(desk.access_token)
        with pytest.raises(SessionInvalid):
            engine.verify(phone.access_token)
        events = engine.users.timeline(address="ada@example.com")
        assert "lost" in [event.detail.get("reason") for event in events if event.detail]


def test_all_sessions_are_ended(call: Call, path: Path) -> None:
    """Given two log-ins, when all are to end, then none is left; programs are told which."""
    logins = [logged_in(path, "phone"), logged_in(path, "desk")]

    told = json.loads(call("sessions", "end", "ada@example.com", "--all", "--json").stdout)

    assert [login.session.id for login in logins] == told["ended"]
    assert "[]" == call("sessions", "list", "ada@example.com", "--json").stdout.strip()


@pytest.mark.parametrize("arguments", [(), ("--all", "f" * 24)])
def test_which_sessions_end_must_be_said(
    call: Call, path: Path, arguments: tuple[str, ...]
) -> None:
    """Given neither ids nor --all, or both, then nothing ends."""
    login = logged_in(path, "phone")

    assert 2 == call("sessions", "end", "ada@example.com", *arguments).exit_code
    with engine_on(path) as engine:
        engine.verify(login.access_token)


def test_keys_are_replaced_and_listed(call: Call, path: Path) -> None:
    """Given the default algorithm, when its key is replaced, then both stand there, the old one
    with its end, and an access token of before is good."""
    login = logged_in(path, "phone")

    shown = call("keys", "rotate").stdout
    listed = json.loads(call("keys", "list", "--json").stdout)

    assert ["verifies", "signs"] == [key["state"] for key in listed]
    assert all(key["id"] in shown for key in listed)
    with engine_on(path) as engine:
        engine.verify(login.access_token)


def test_the_key_set_is_printed_for_others(call: Call, path: Path) -> None:
    """Given an algorithm with public keys, when one is published ahead, then both are in the set,
    and nothing private."""
    algorithm = {"ADMIT_ACCESS_TOKEN_ALGORITHM": "EdDSA"}
    call("keys", "jwks", **algorithm)
    call("keys", "rotate", "--publish-for", "1h", "--overlap", "30 minutes", **algorithm)

    keys = json.loads(call("keys", "jwks", **algorithm).stdout)["keys"]

    assert ["EdDSA", "EdDSA"] == [key["alg"] for key in keys]
    assert not any("d" in key for key in keys)


def test_a_time_that_is_none_is_refused(call: Call, path: Path) -> None:
    """Given a typing mistake, then nothing is replaced."""
    told = call("keys", "rotate", "--overlap", "soon")

    assert 2 == told.exit_code
    assert "--overlap" in told.stderr
    assert 1 == len(json.loads(call("keys", "list", "--json").stdout))
