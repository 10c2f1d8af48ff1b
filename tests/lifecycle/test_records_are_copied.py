"""The engine's own `evolve`: a quick copy with changes, as careful as attrs' about names."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import pytest

from admit import Address, Identity, Run, User
from admit._evolve import evolve  # noqa: PLC2701 – no verb of the engine misspells a field

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RECORDS = [
    (Address(typed="Ada@example.com", canonical="ada@example.com"), {"proved_at": NOW}),
    (Identity(provider="local-userpass", id="0" * 24, added_at=NOW), {"data": {"email": "a"}}),
    (
        Run(
            id="1" * 24,
            purpose="confirm",
            flow="email",
            address=None,
            reason="register",
            created_at=NOW,
        ),
        {"result": "success", "ended_at": NOW},
    ),
    (User(id="2" * 24, state="pending", created_at=NOW), {"state": "confirmed", "epoch": 1}),
]


@pytest.mark.parametrize(("record", "changes"), RECORDS, ids=lambda value: type(value).__name__)
def test_a_copy_is_what_attrs_would_have_made(record, changes):
    """
    Given a record and new values of some of its fields,
    when it is copied with them,
    then the copy equals the one that attrs makes, and the record is as it was.
    """
    before = attrs.asdict(record)

    assert attrs.evolve(record, **changes) == evolve(record, **changes)
    assert before == attrs.asdict(record)


def test_a_change_to_no_field_is_refused():
    """
    Given a misspelt field,
    when a copy with it is asked for,
    then it is named, as `__init__` would name it.
    """
    with pytest.raises(TypeError, match="User has no stat"):
        evolve(RECORDS[-1][0], stat="confirmed")


def test_a_copy_stays_frozen():
    """
    Given a copy,
    when a field of it is set,
    then that is refused, as for any record.
    """
    copy = evolve(RECORDS[-1][0], state="confirmed")

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        copy.state = "deleted"
