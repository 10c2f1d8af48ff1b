"""How many counters of strangers' requests are kept (security.md E2)."""

from __future__ import annotations

from admit.testing import MemoryStore
from admit.testing import open as open_engine

MOST = 100_000
REQUESTS = 1280


class _CountedStore(MemoryStore):
    """Counts how often counters are counted, and may claim that there are too many."""

    def __init__(self, *, more: int) -> None:
        super().__init__()
        self.asked = 0
        self._more = more

    def count(self, kind: str, label: str) -> int:
        if kind != "throttle":
            return super().count(kind, label)
        self.asked += 1
        return super().count(kind, label) + self._more


def _counters_of_strangers(store: MemoryStore) -> int:
    """Ask about many addresses; return how many counters there are then."""
    with open_engine(store) as engine:
        for n in range(REQUESTS):
            engine.public.resend(address=f"nobody{n}@example.com")
        return MemoryStore.count(store, "throttle", "until")


def test_counters_are_counted_for_few_of_the_new_ones() -> None:
    """Given many addresses, when something is asked about each, then a counter stands for each, and
    they were counted a few times, but not never: counting may read them all."""
    store = _CountedStore(more=0)

    assert REQUESTS == _counters_of_strangers(store)

    assert 0 < store.asked < 60


def test_e2_counters_beyond_the_most_go_those_first_that_end_soonest() -> None:
    """Given as many counters as there may be, when strangers go on asking, then others go, more
    than come: each time that they are counted, twice as many as come in between."""
    store = _CountedStore(more=MOST)

    assert _counters_of_strangers(store) < REQUESTS / 2
