"""The memory store refuses what no store can answer."""

from __future__ import annotations

import pytest

from admit.testing import MemoryStore


def test_a_page_holds_something(store: MemoryStore) -> None:
    """An empty one would be asked for again and again."""
    with pytest.raises(ValueError, match="at least one"):
        store.page("user", "all", limit=0)
    with pytest.raises(ValueError, match="at least one"):
        store.events(unsealed=True, limit=0)


def test_events_are_asked_for_in_one_way(store: MemoryStore) -> None:
    """Of a user, after a sequence, or unsealed."""
    with pytest.raises(ValueError, match="exactly one"):
        store.events()
    with pytest.raises(ValueError, match="exactly one"):
        store.events(user="0" * 24, unsealed=True)
