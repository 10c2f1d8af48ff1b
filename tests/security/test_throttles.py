"""E2: a stranger is counted before anything is looked up."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from accounts import Commits
from strangers import ADDRESS, PASSWORD, REQUESTS, WRONG

from admit import (
    Actor,
    Client,
    Engine,
    Receipt,
)
from admit.errors import TryLater
from admit.testing import MemoryStore, SettableClock


@pytest.mark.parametrize("named", ["register", "resend", "rerun", "reset"])
def test_e2_known_and_unknown_addresses_are_throttled_alike(
    engine: Engine,
    clock: SettableClock,
    account: Callable[[Engine, str], None],
    named: str,
) -> None:
    """
    Given any account,
    when a stranger asks twice within the cool-down,
    then the second has to wait, equally long, and is served when the cool-down is over.
    """
    account(engine, ADDRESS)
    REQUESTS[named](engine.public)

    with pytest.raises(TryLater) as waits:
        REQUESTS[named](engine.public)

    assert engine.settings.get("cool_down") == waits.value.after
    assert waits.value.after is not None
    clock.advance(waits.value.after)
    assert Receipt() == REQUESTS[named](engine.public)


def test_e2_the_throttle_counts_the_canonical_address(engine: Engine) -> None:
    """Given a request for an address, when it is asked for in another case, then it counts as the
    same."""
    engine.public.reset(address="ada@example.com")

    with pytest.raises(TryLater):
        engine.public.reset(address="ADA@Example.com")


def test_e2_a_throttled_request_looks_nothing_up(
    engine: Engine, account: Callable[[Engine, str], None], commits: Commits
) -> None:
    """Given any account and a request that has to wait, then nothing is written for it."""
    account(engine, ADDRESS)
    engine.public.reset(address=ADDRESS)

    with commits.watched() as shapes, pytest.raises(TryLater):
        engine.public.reset(address=ADDRESS)

    assert [] == shapes


def test_e2_one_client_is_throttled_over_all_addresses(engine: Engine) -> None:
    """Given a client who asks about sixty addresses within ten minutes, when it asks about one
    more, known or not, then it has to wait, and another client has not."""
    engine.register(ADDRESS, PASSWORD)
    client = engine.acting(Actor("user"), client=Client(address="203.0.113.7"))
    for number in range(60):
        client.public.reset(address=f"a{number}@example.com")

    for address in (ADDRESS, "nobody@example.com"):
        with pytest.raises(TryLater):
            client.public.reset(address=address)
        with pytest.raises(TryLater):
            client.public.log_in("local-userpass", username=address, password=WRONG)

    other = engine.acting(Actor("user"), client=Client(address="203.0.113.8"))
    assert Receipt() == other.public.reset(address=ADDRESS)


def test_e2_requests_of_one_client_at_the_same_instant_are_all_counted(
    engine: Engine, store: MemoryStore
) -> None:
    """
    Given a client whose requests come in at the same instant, as a browser's do,
    when both are being counted,
    then both are, and neither has to wait for that.
    """
    engine.settings.set("requests_per_client", 10)
    client = engine.acting(Actor("user"), client=Client(address="203.0.113.7"))

    def at_the_same_instant(change: object) -> None:
        store.before_commit = None
        client.public.reset(address="grace@example.com")

    store.before_commit = at_the_same_instant

    assert Receipt() == client.public.reset(address=ADDRESS)

    for number in range(8):
        client.public.reset(address=f"a{number}@example.com")
    with pytest.raises(TryLater):
        client.public.reset(address="b@example.com")


def test_e2_of_two_requests_for_one_address_at_the_same_instant_one_waits(
    engine: Engine, store: MemoryStore
) -> None:
    """Given a request that is being counted, when another for the same address comes first, then
    one message goes out."""

    def at_the_same_instant(change: object) -> None:
        store.before_commit = None
        engine.public.reset(address=ADDRESS)

    store.before_commit = at_the_same_instant

    with pytest.raises(TryLater):
        engine.public.reset(address=ADDRESS)


def test_e2_a_counter_that_others_keep_changing_lets_nobody_through_uncounted(
    engine: Engine, store: MemoryStore
) -> None:
    """Given a client whose requests come in faster than one can be counted, when that was tried
    five times, then the request has to wait: none passes without being counted."""
    client = engine.acting(Actor("user"), client=Client(address="203.0.113.7"))
    numbers = iter(range(100))

    def at_the_same_instant(change: object) -> None:
        store.before_commit = None
        client.public.reset(address=f"a{next(numbers)}@example.com")
        store.before_commit = at_the_same_instant

    store.before_commit = at_the_same_instant

    with pytest.raises(TryLater):
        client.public.reset(address=ADDRESS)
    assert 5 == next(numbers)


def test_e2_a_throttle_keeps_neither_address_nor_client(engine: Engine, store: MemoryStore) -> None:
    """Given a throttled request, then the counter that is kept names nobody."""
    client = engine.acting(Actor("user"), client=Client(address="203.0.113.7"))
    client.public.reset(address="nobody@example.com")

    kept = repr(store.page("throttle", "until").items)

    assert 2 == store.count("throttle", "until")
    assert "nobody" not in kept
    assert "203.0.113.7" not in kept
