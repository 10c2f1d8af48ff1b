"""T2: a typed code is found among all who share a mailbox, and a stranger hides nobody's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from nicknames import Nicknames
from told_providers import ToldProviders, told

from admit import Engine, User
from admit.errors import AddressTaken, CodeWrong, UserNotFound
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

ADDRESS = "family@example.com"
PASSWORD = "correct horse battery staple"
WRONG = "ZZZZ-ZZZZ"


@pytest.fixture(params=["reserve", "first-proof"])
def engine(
    request: pytest.FixtureRequest, store: MemoryStore, clock: SettableClock, inbox: Inbox
) -> Iterator[Engine]:
    """An engine whose users may have nicknames, or come through a provider that vouches for no
    address, under either policy."""
    with open_engine(
        store,
        clock=clock,
        inbox=inbox,
        plugins=[Nicknames(), ToldProviders()],
        settings={"address_policy": request.param, "cool_down": "0s"},
    ) as opened:
        yield opened


def nickname(engine: Engine, name: str) -> User:
    """A user with a nickname, whose messages go to the address that she shares."""
    return engine.register(name, PASSWORD, provider="nickname", data={"address": ADDRESS})


def come_in(engine: Engine, count: int) -> None:
    """Strangers, of whom their provider says the same address, and vouches for nothing."""
    for number in range(count):
        engine.log_in("told", **told(f"stranger-{number}", ADDRESS))


def test_t2_strangers_who_only_carry_an_address_hide_nobodys_code(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a user who shares a mailbox and has a code, when any number of strangers come who only
    carry its address, then her code is still hers, on either face."""
    ada = nickname(engine, "ada")
    code = inbox.last_code()
    come_in(engine, 25)

    assert ada.id == engine.confirm(address=ADDRESS, code=code).id


def test_t2_a_code_is_found_among_many_who_wait_with_one_mailbox(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a mailbox that twenty-five share, each with a code on its way, when the first types
    hers, then it confirms her."""
    ada = nickname(engine, "ada")
    code = inbox.last_code()
    for number in range(24):
        nickname(engine, f"brother-{number}")

    assert ada.id == engine.confirm(address=ADDRESS, code=code).id


def test_t2_a_wrong_code_counts_for_each_of_them(engine: Engine, inbox: Inbox) -> None:
    """Guessing is no cheaper where a mailbox is shared, and costs those nothing who only carry it
    and have no code."""
    users = [nickname(engine, f"sister-{number}") for number in range(12)]
    come_in(engine, 3)

    with pytest.raises(CodeWrong):
        engine.confirm(address=ADDRESS, code=WRONG)

    assert [1] * 12 == [engine.users.get(user.id).runs[-1].wrong_codes for user in users]
    assert [None] * 3 == [
        engine.users.find_login("told", f"stranger-{number}").code_tries for number in range(3)
    ]


def test_t2_a_code_that_expired_is_looked_for_no_more(
    engine: Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """Given one who let her code expire, and one with a new code, when a wrong one is typed, then
    it counts for the second alone."""
    late = nickname(engine, "late")
    clock.advance(timedelta(hours=1))
    ada = nickname(engine, "ada")

    with pytest.raises(CodeWrong):
        engine.confirm(address=ADDRESS, code=WRONG)

    assert (None, 1) == (
        engine.users.get(late.id).code_tries,
        engine.users.get(ada.id).runs[-1].wrong_codes,
    )


def test_t2_where_nobody_has_a_code_the_answer_is_that_it_is_wrong(
    engine: Engine, inbox: Inbox
) -> None:
    """Given an address that somebody carries without any code, when one is typed, then it is wrong;
    an address of nobody's is told apart to the application alone."""
    come_in(engine, 2)

    for face in (engine, engine.public):
        more = {} if face is engine else {"password": PASSWORD}
        with pytest.raises(CodeWrong):
            face.confirm(address=ADDRESS, code=WRONG, **more)
    with pytest.raises(UserNotFound):
        engine.confirm(address="nobody@example.com", code=WRONG)


def test_t2_all_five_who_wait_for_a_login_can_type_their_code(
    store: MemoryStore, clock: SettableClock, inbox: Inbox
) -> None:
    """
    Given five who wait for one address under `first-proof`, the most there can be, and strangers
    who carry it,
    when the first of the five types her code, then she is confirmed.
    """
    settings = {"address_policy": "first-proof", "cool_down": "0s"}
    with open_engine(
        store, clock=clock, inbox=inbox, plugins=[ToldProviders()], settings=settings
    ) as engine:
        first = engine.register(ADDRESS, PASSWORD)
        code = inbox.last_code()
        for _ in range(4):
            engine.register(ADDRESS, PASSWORD)
        with pytest.raises(AddressTaken):
            engine.register(ADDRESS, PASSWORD)
        come_in(engine, 12)

        assert first.id == engine.confirm(address=ADDRESS, code=code).id
