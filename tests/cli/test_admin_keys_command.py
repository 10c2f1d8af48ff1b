"""`admit admin-keys`."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

from cli_calls import Call, engine_on

from admit.testing import SettableClock


def test_n1_a_key_is_made_listed_switched_off_and_deleted(call: Call, path: Path) -> None:
    """
    Given a store,
    when an admin makes a key, then both halves are printed, the private one this once, and it opens
    what its scope says; the rest of its life is told by its id.
    """
    made = call("admin-keys", "create", "desk of Mary", "--scope", "support", "--expires-in", "30d")
    shape = r"public key   ([0-9a-f]{24})\nprivate key  (admit_ak_\1[0-9a-f]{64})\n"
    halves = re.fullmatch(shape, made.stdout)
    assert halves is not None
    key_id, private_key = halves.groups()
    assert made.stderr.endswith("half of desk of Mary (support) is not shown again.\n")
    with engine_on(path) as engine:
        opened = engine.admin_keys.log_in(key_id, private_key)
        assert "support" == engine.admin_keys.verify(opened.access_token).scope

    listed = call("admin-keys", "list").stdout
    assert private_key[-64:] not in listed
    assert "desk of Mary" in listed
    assert "support" in listed
    assert "1 key." in listed
    assert 4 == call("admin-keys", "create", "desk of Mary").exit_code
    disabled = "The admin key desk of Mary is disabled.\n"
    assert disabled == call("admin-keys", "disable", key_id).stdout
    assert "disabled" in call("admin-keys", "list").stdout
    assert "The admin key desk of Mary is enabled.\n" == call("admin-keys", "enable", key_id).stdout
    assert "The admin key desk of Mary is gone.\n" == call("admin-keys", "delete", key_id).stdout
    assert "0 keys.\n" == call("admin-keys", "list").stdout
    assert 3 == call("admin-keys", "delete", key_id).exit_code


def test_a_key_is_made_for_programs(call: Call, path: Path) -> None:
    """With --json, key and halves stand apart; the digest does not. A viewer's by default."""
    made = json.loads(call("admin-keys", "create", "script", "--json").stdout)
    (listed,) = json.loads(call("admin-keys", "list", "--json").stdout)["keys"]

    assert made["key"] == listed
    assert ("script", "viewer", None) == (listed["name"], listed["scope"], listed["expires_at"])
    assert made["public_key"] == listed["id"]
    assert made["private_key"].startswith("admit_ak_" + listed["id"])
    assert "digest" not in listed


def test_a_key_is_recorded_with_the_reason(call: Call, path: Path) -> None:
    """Whoever makes one may say why."""
    call("admin-keys", "create", "desk", "--reason", "new colleague")

    with engine_on(path) as engine:
        event = engine.events.unsealed(limit=100)[-1]
    assert ("admin-key-created", "admin") == (event.trigger, event.actor.kind)
    assert event.detail is not None
    assert "new colleague" == event.detail["reason"]


def test_a_key_that_has_expired_says_so(call: Call, path: Path) -> None:
    """In the list, where one looks for keys that can go."""
    clock = SettableClock()
    with engine_on(path, clock=clock) as engine:
        until = clock.now() + timedelta(days=1)
        engine.admin_keys.create("old", scope="viewer", expires_at=until)

    assert "expired" in call("admin-keys", "list").stdout


def test_what_is_no_scope_and_no_time_is_told(call: Call, path: Path) -> None:
    """Usage errors, like any other."""
    assert 2 == call("admin-keys", "create", "desk", "--scope", "god").exit_code
    assert 2 == call("admin-keys", "create", "desk", "--expires-in", "soon").exit_code
    assert 2 == call("admin-keys", "create", "desk", "--expires-in", "-1d").exit_code
