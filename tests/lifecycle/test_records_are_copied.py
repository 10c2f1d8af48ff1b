"""The engine's own `evolve`: a quick copy with changes, as careful as attrs' about names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from admit import Address, Claim, Identity, Run, Session, User
from admit._evolve import evolve  # noqa: PLC2701 – no verb of the engine misspells a field
from admit.records import RunId, SessionId, UserId

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ADA = User(id=UserId("2" * 24), state="pending", created_at=NOW)
RECORDS: list[tuple[Any, dict[str, object]]] = [
    (Address(typed="Ada@example.com", canonical="ada@example.com"), {"proved_at": NOW}),
    (Identity(provider="local-userpass", id="0" * 24, added_at=NOW), {"data": {"email": "a"}}),
    (
        Run(
            id=RunId("1" * 24),
            purpose="confirm",
            flow="email",
            address=None,
            reason="register",
            created_at=NOW,
        ),
        {"result": "success", "ended_at": NOW},
    ),
    (ADA, {"state": "confirmed", "epoch": 1}),
    (
        Session(
            id=SessionId("3" * 24),
            user=ADA.id,
            provider="local-userpass",
            identity="0" * 24,
            epoch=0,
            created_at=NOW,
            authenticated_at=NOW,
            refreshed_at=NOW,
            expires_at=NOW,
            refresh_digest="",
        ),
        {"refresh_digest": "digest"},
    ),
    (Claim(login_key="ada", proved=True), {"data": {"name": "Ada"}}),
]


@pytest.mark.parametrize(("record", "changes"), RECORDS, ids=lambda value: type(value).__name__)
def test_a_copy_is_what_attrs_would_have_made(record: Any, changes: dict[str, Any]) -> None:
    """
    Given a record and new values of some of its fields,
    when it is copied with them,
    then the copy equals the one that attrs makes, and the record is as it was.
    """
    before = attrs.asdict(record)

    assert attrs.evolve(record, **changes) == evolve(record, **changes)
    assert before == attrs.asdict(record)


def test_a_change_to_no_field_is_refused() -> None:
    """
    Given a misspelt field,
    when a copy with it is asked for,
    then it is named, as `__init__` would name it.
    """
    with pytest.raises(TypeError, match="User has no stat"):
        evolve(ADA, stat="confirmed")  # type: ignore[call-arg]


def test_a_copy_stays_frozen() -> None:
    """
    Given a copy,
    when a field of it is set,
    then that is refused, as for any record.
    """
    copy = evolve(ADA, state="confirmed")

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        copy.state = "deleted"  # type: ignore[misc]
