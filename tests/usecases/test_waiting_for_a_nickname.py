"""Who waits, under `first-proof`, for a login that is no address, and who only shares a mailbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from nicknames import Nicknames, Waiting

import admit
from admit.errors import AddressTaken, WrongCredentials
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"


@pytest.fixture
def nicknames(store: MemoryStore, clock: SettableClock, inbox: Inbox) -> Iterator[admit.Engine]:
    """An engine whose users have nicknames, under `first-proof`."""
    with open_engine(
        store,
        clock=clock,
        inbox=inbox,
        plugins=[Nicknames(), Waiting()],
        settings={"address_policy": "first-proof", "confirmation_flow": "waiting"},
    ) as engine:
        yield engine


def test_who_waits_for_another_login_is_not_rejected(
    store: MemoryStore, clock: SettableClock, inbox: Inbox
) -> None:
    """
    Given two who carry one address, but log in through different providers,
    when one of them proves it,
    then the other, whose login is still free, goes on waiting: a shared mailbox is data.
    """
    with open_engine(
        store,
        clock=clock,
        inbox=inbox,
        plugins=[Nicknames()],
        settings={"address_policy": "first-proof"},
    ) as engine:
        countess = engine.register(
            "countess", provider="nickname", data={"address": "ada@example.com"}
        )
        link = inbox.last_link().credentials
        for _ in range(2):
            engine.register("ada@example.com", PASSWORD)
        engine.confirm(**inbox.last_link().credentials)

        engine.work_once()

        assert (countess.id,) == tuple(user.id for user in engine.users.pending().items)
        assert "confirmed" == engine.confirm(**link).state


def test_a_login_without_an_address_is_waited_for_like_any_other(nicknames: admit.Engine) -> None:
    """
    Given a provider that knows no addresses,
    when six register with one login, then the sixth is refused; when one is confirmed, then the
    worker rejects the others.
    """
    users = [nicknames.register("countess", provider="nickname") for _ in range(5)]
    with pytest.raises(AddressTaken):
        nicknames.register("countess", provider="nickname")

    nicknames.confirm_manually(users[2])
    nicknames.work_once()

    assert 0 == nicknames.users.count("pending")
    assert users[2].id == nicknames.users.find_login("nickname", "countess").id


def test_a_first_log_in_that_proves_the_login_takes_it_from_those_who_wait(
    nicknames: admit.Engine,
) -> None:
    """
    Given two who wait for a login,
    when somebody else proves at her first log-in that it is hers,
    then it is hers, and the worker rejects the others.
    """
    for _ in range(2):
        nicknames.register("countess", provider="nickname")
    with pytest.raises(WrongCredentials):
        nicknames.log_in("nickname", nickname="countess")

    login = nicknames.log_in("nickname", **{"nickname": "countess", "master-key": True})
    nicknames.work_once()

    assert (0, 1) == (nicknames.users.count("pending"), nicknames.users.count("confirmed"))
    assert login.user.id == nicknames.users.find_login("nickname", "countess").id


def test_who_only_carries_the_address_takes_none_of_the_five_places(
    nicknames: admit.Engine, inbox: Inbox
) -> None:
    """
    Given twenty users of another provider who gave Ada's address,
    when she registers with it after them, and types her code,
    then she may wait, is found by her address, and is confirmed.
    """
    for number in range(20):
        data = {"address": "ada@example.com"}
        nicknames.register(f"nick{number}", provider="nickname", data=data)
    nicknames.settings.set("confirmation_flow", "email")

    ada = nicknames.register("ada@example.com", PASSWORD)
    code = inbox.last_code()
    for number in range(20, 40):
        nicknames.register(f"nick{number}", provider="nickname", data=data)

    assert ada.id == nicknames.users.find("ada@example.com").id
    assert ada.id == nicknames.confirm(address="ada@example.com", code=code).id
