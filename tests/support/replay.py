"""What the model tests ask of a whole store: that lives replay, and what text it keeps."""

from __future__ import annotations

import admit
from admit import User
from admit.stores import Store


def replays(engine: admit.Engine, user: User) -> None:
    """Assert that what *user* is now follows from the user's events."""
    events = engine.users.timeline(user)
    moves = [e for e in events if e.to_state is not None]
    assert "new" == moves[0].from_state
    pairs = zip(moves, moves[1:], strict=False)
    assert all(one.to_state == other.from_state for one, other in pairs)
    assert user.state == moves[-1].to_state
    switches = [e.trigger for e in events if e.trigger in ("disable", "enable")]
    assert user.disabled == (switches[-1:] == ["disable"])
    leavings = [e for e in events if e.trigger in ("grace", "restore")]
    leaves = leavings[-1:] != [] and leavings[-1].trigger == "grace"
    assert leaves == (user.delete_at is not None)
    opened = {e.codes["session"] for e in events if e.trigger == "log-in"}
    ended = {e.codes["session"] for e in events if e.trigger == "log-out"}
    assert {session.id for session in engine.sessions.of(user.id)} <= opened - ended
    for key in engine.api_keys.of(user.id):
        told = [e.trigger for e in events if e.codes.get("api_key") == key.id]
        switches = [trigger for trigger in told if trigger != "api-key-created"]
        assert "api-key-created" == told[0]
        assert key.disabled == (switches[-1:] == ["api-key-disabled"])
        assert "api-key-deleted" not in switches


def kept_text(store: Store) -> str:
    """All that the store keeps, as text."""
    with store.view() as view:  # type: ignore[attr-defined]
        kept = [repr(record) for kind in view.kinds() for record in view.records(kind)]
        return "\n".join([*kept, *(repr(event) for event in view.events())])
