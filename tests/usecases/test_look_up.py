"""Finding users, and paging through them."""

from __future__ import annotations

from datetime import timedelta

import pytest

import admit
from admit import Cursor, User
from admit.errors import InvalidAddress, InvalidInput, UserNotFound
from admit.testing import SettableClock

PASSWORD = "correct horse battery staple"


@pytest.fixture
def users(engine: admit.Engine, clock: SettableClock) -> list[User]:
    """Seven users, a minute between them; every second one is confirmed."""
    made = []
    for number in range(7):
        make = engine.create if number % 2 else engine.register
        made.append(make(f"user{number}@example.com", PASSWORD))
        clock.advance(timedelta(minutes=1))
    return made


def test_a_user_is_found_by_id_address_and_login(engine: admit.Engine, users: list[User]) -> None:
    """Three ways to the same record."""
    assert users[3] == engine.users.get(users[3].id)
    assert users[3] == engine.users.find("USER3@example.com")
    assert users[3] == engine.users.find_login("local-userpass", "user3@example.com")


def test_who_is_not_there_is_not_found(engine: admit.Engine) -> None:
    """Each way says by what nobody was found."""
    with pytest.raises(UserNotFound, match="this id"):
        engine.users.get("0" * 24)
    with pytest.raises(UserNotFound, match="this address"):
        engine.users.find("ada@example.com")
    with pytest.raises(UserNotFound, match="this login key"):
        engine.users.find_login("local-userpass", "ada@example.com")


def test_what_is_no_id_or_address_is_told_apart(engine: admit.Engine) -> None:
    """A mistake in the program is not a missing user."""
    with pytest.raises(InvalidInput, match="24 hex digits"):
        engine.users.get("ada@example.com")
    with pytest.raises(InvalidAddress):
        engine.users.find("ada")


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_paging_sees_everybody_once_oldest_first(
    engine: admit.Engine, users: list[User], limit: int
) -> None:
    """Whatever the size of a page."""
    seen: list[User] = []
    after: Cursor | None = None
    while True:
        page = engine.users.page(after=after, limit=limit)
        seen += page.items
        after = page.next
        if after is None:
            break

    assert users == seen


def test_paging_backwards_begins_with_the_newest(engine: admit.Engine, users: list[User]) -> None:
    """And goes on from there."""
    first = engine.users.page(limit=4, reverse=True)
    second = engine.users.page(limit=4, reverse=True, after=first.next)

    assert users[::-1] == [*first.items, *second.items]


def test_who_stays_is_seen_once_while_others_come_and_go(
    engine: admit.Engine, users: list[User]
) -> None:
    """
    Given a walk that stopped between two pages,
    when one user of before is deleted and another registers,
    then nobody is seen twice, and nobody who stayed is left out.
    """
    first = engine.users.page(limit=3)
    engine.delete(users[1])
    engine.delete(users[4])
    new = engine.register("ada@example.com", PASSWORD)

    second = engine.users.page(limit=50, after=first.next)

    assert users[:3] == list(first.items)
    assert [users[3], users[5], users[6], new] == list(second.items)


def test_states_are_lists(engine: admit.Engine, users: list[User]) -> None:
    """Counted without reading."""
    assert users[::2] == list(engine.users.pending().items)
    assert users[::2] == list(engine.users.page("pending").items)
    assert users[1::2] == list(engine.users.page("confirmed").items)
    assert (7, 4, 3) == tuple(engine.users.count(n) for n in ("all", "pending", "confirmed"))


def test_providers_are_lists(engine: admit.Engine, users: list[User]) -> None:
    """One for each provider that a user is known to."""
    assert 7 == engine.users.count("provider/local-userpass")
    assert () == engine.users.page("provider/oauth2-google").items


def test_a_list_that_does_not_exist_is_refused_with_those_that_do(engine: admit.Engine) -> None:
    """For paging and for counting alike."""
    with pytest.raises(InvalidInput, match="pending/run-failed"):
        engine.users.page("lost")
    with pytest.raises(InvalidInput, match="pending/run-failed"):
        engine.users.count("lost")


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_page_has_from_1_to_1000_users(engine: admit.Engine, limit: int) -> None:
    """Else a page could be the whole store."""
    with pytest.raises(InvalidInput, match="1 to 1000"):
        engine.users.page(limit=limit)


def test_addresses_are_searched_by_their_beginning(engine: admit.Engine) -> None:
    """In the order of the canonical address, whatever their case."""
    grace = engine.create("Grace@example.com", PASSWORD)
    ada2 = engine.create("Ada.Two@example.com", PASSWORD)
    ada = engine.register("ada@example.com", PASSWORD)

    assert (ada2, ada) == engine.users.search("ADA")
    assert (ada,) == engine.users.search("ada@")
    assert (grace,) == engine.users.search("g")
    assert () == engine.users.search("x")
    assert (ada2,) == engine.users.search("ad", limit=1)
