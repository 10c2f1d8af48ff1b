"""`admit api-keys`."""

from __future__ import annotations

import json
from pathlib import Path

from cli_calls import Call, engine_on


def test_a_key_is_made_listed_switched_off_and_deleted(call: Call, path: Path) -> None:
    """
    Given a store,
    when an admin makes a key for a server,
    then its text alone is printed, and the rest of its life is told by its id.
    """
    made = call("api-keys", "create", "nightly", "--scope", "orders:read", "--expires-in", "30d")
    text = made.stdout.strip()
    key_id = text.removeprefix("admit_sk_")[:24]

    assert made.stderr.endswith(f"The key nightly ({key_id}) is not shown again.\n")
    listed = call("api-keys", "list").stdout
    assert "orders:read" in listed
    assert "1 key." in listed
    assert text[-64:] not in listed
    assert "The key nightly is disabled.\n" == call("api-keys", "disable", key_id).stdout
    assert "The key nightly is enabled.\n" == call("api-keys", "enable", key_id).stdout
    assert "The key nightly is gone.\n" == call("api-keys", "delete", key_id, "--yes").stdout
    assert "0 keys.\n" == call("api-keys", "list").stdout
    assert 3 == call("api-keys", "delete", key_id, "--yes").exit_code


def test_a_users_key_is_made_for_programs(call: Call, path: Path) -> None:
    """With --json, key and text stand apart; the digest does not."""
    with engine_on(path) as engine:
        engine.confirm_manually(address="ada@example.com")
        engine.settings.set("api-key.enabled", True)

    made = json.loads(
        call("api-keys", "create", "backup", "--for", "ada@example.com", "--json").stdout
    )
    (listed,) = json.loads(call("api-keys", "list", "ada@example.com", "--json").stdout)["keys"]

    assert made["key"] == listed
    assert ("backup", None, "digest" in listed) == (listed["name"], listed["expires_at"], False)
    with engine_on(path) as engine:
        assert (
            "ada@example.com" == engine.log_in("api-key", key=made["text"]).user.addresses[0].typed
        )


def test_an_expiry_that_is_none_is_told(call: Call, path: Path) -> None:
    """A usage error, like any other."""
    assert 2 == call("api-keys", "create", "nightly", "--expires-in", "soon").exit_code
