"""T1, T2: a link carries more than anybody guesses; a code may be guessed at a few times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from admit import Actor, Client, Engine
from admit.errors import (
    CodeResting,
    CodeWrong,
    TokenUnknown,
    TryLater,
)
from admit.public import PublicFace
from admit.testing import Inbox, SettableClock

PASSWORD = "correct horse battery staple"
OTHER_PASSWORD = "another horse, another staple"
WRONG_CODE = "AAAA-2222"


@pytest.fixture
def admin(engine: Engine) -> Engine:
    """The engine as an admin uses it."""
    return engine.acting(Actor("admin", "support-1"), "asked on the phone")


def tire(engine: Engine, address: str, tries: int = 5) -> None:
    """Type wrong codes for an address."""
    for _ in range(tries):
        with pytest.raises(CodeWrong):
            engine.confirm(address=address, code=WRONG_CODE)


# --- T1 ------------------------------------------------------------------------------------------


def test_t1_a_token_has_416_random_bits_behind_the_user_id(engine: Engine, inbox: Inbox) -> None:
    """Given many messages to one user, then each token is 128 hex digits that begin with the id,
    and no random part, nor any half of one, ever comes again."""
    ada = engine.register("ada@example.com", PASSWORD)
    for _ in range(50):
        engine.rerun(ada)

    tokens = [inbox.last_link("ada@example.com").token.reveal()]
    tokens += [m.text.split("token=")[1][:128] for m in inbox.messages]

    assert {128} == {len(token) for token in tokens}
    assert {ada.id} == {token[:24] for token in tokens}
    assert 51 == len({token[24:76] for token in tokens})
    assert 51 == len({token[76:] for token in tokens})


def test_t1_ids_open_nothing(engine: Engine, inbox: Inbox) -> None:
    """Given somebody who knows user and run ids, when they make a token of them, then it is
    unknown: an id is never a secret."""
    ada = engine.register("ada@example.com", PASSWORD)
    run = ada.runs[-1]

    with pytest.raises(TokenUnknown):
        engine.confirm(token_id=run.id, token=(ada.id + run.id * 5)[:128])

    assert "pending" == engine.users.get(ada.id).state


# --- T2 ------------------------------------------------------------------------------------------


def test_t2_a_code_has_at_least_20_bits(engine: Engine, inbox: Inbox) -> None:
    """Given many messages, then codes are eight of 32 signs and none comes twice."""
    ada = engine.register("ada@example.com", PASSWORD)
    codes = {inbox.last_code()}
    for _ in range(50):
        engine.rerun(ada)
        codes.add(inbox.last_code())

    assert 51 == len(codes)
    assert {8} == {len(code.replace("-", "")) for code in codes}


def test_t2_after_five_wrong_codes_the_right_one_rests_too(engine: Engine, inbox: Inbox) -> None:
    """Given a pending user, when five wrong codes were typed, then even the right one is not looked
    at, and the error names the link."""
    engine.register("ada@example.com", PASSWORD)
    tire(engine, "ada@example.com")

    with pytest.raises(CodeResting) as resting:
        engine.confirm(address="ada@example.com", code=inbox.last_code())

    assert "link" in resting.value.next_step
    assert "pending" == engine.users.find("ada@example.com").state


def test_t2_four_wrong_codes_leave_the_right_one_good(engine: Engine, inbox: Inbox) -> None:
    """Given four slips of the finger, when the right code is typed, then the user is confirmed."""
    engine.register("ada@example.com", PASSWORD)
    tire(engine, "ada@example.com", 4)

    user = engine.confirm(address="ada@example.com", code=inbox.last_code())

    assert "confirmed" == user.state


def test_t2_the_link_works_while_the_code_rests(engine: Engine, inbox: Inbox) -> None:
    """Given a stranger who guessed until the code rests, when the owner presses her link, then she
    is confirmed: nobody can lock her out."""
    engine.register("ada@example.com", PASSWORD)
    tire(engine, "ada@example.com")

    user = engine.confirm(**inbox.last_link().credentials)

    assert "confirmed" == user.state


def test_t2_a_new_run_gives_five_more_tries_but_not_more_than_15_a_day(
    engine: Engine, inbox: Inbox
) -> None:
    """
    Given a stranger who tires three runs in one day,
    when a fourth is begun,
    then its code rests from the start.
    """
    engine.register("ada@example.com", PASSWORD)
    for _ in range(3):
        tire(engine, "ada@example.com")
        engine.rerun(address="ada@example.com")

    with pytest.raises(CodeResting):
        engine.confirm(address="ada@example.com", code=inbox.last_code())


def test_t2_the_next_day_opens_the_code_way_again(
    engine: Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """Given a user whose 15 tries of the day are gone, when the next UTC day has begun and a run is
    begun in it, then its code is good."""
    engine.register("ada@example.com", PASSWORD)
    for _ in range(3):
        tire(engine, "ada@example.com")
        engine.rerun(address="ada@example.com")

    clock.set(clock.now().replace(hour=0, minute=0) + timedelta(days=1))
    engine.rerun(address="ada@example.com")

    user = engine.confirm(address="ada@example.com", code=inbox.last_code())
    assert "confirmed" == user.state


def test_t2_an_admins_rerun_opens_the_code_way_again(
    engine: Engine, admin: Engine, inbox: Inbox
) -> None:
    """Given a user whose 15 tries of the day are gone, when an admin re-runs her, then the code of
    the new message is good at once."""
    engine.register("ada@example.com", PASSWORD)
    for _ in range(3):
        tire(engine, "ada@example.com")
        engine.rerun(address="ada@example.com")

    admin.rerun(address="ada@example.com")

    user = engine.confirm(address="ada@example.com", code=inbox.last_code())
    assert "confirmed" == user.state


def test_t2_reset_codes_rest_as_well_and_an_admins_reset_opens_them(
    engine: Engine, admin: Engine, inbox: Inbox
) -> None:
    """
    Given a confirmed user for whom a stranger typed 15 wrong reset codes,
    when the right one is typed it rests, and after a reset by an admin
    then the code of the new message sets the password.
    """
    engine.confirm_manually(engine.register("ada@example.com", PASSWORD))
    for _ in range(3):
        engine.reset(address="ada@example.com")
        for _ in range(5):
            with pytest.raises(CodeWrong):
                engine.set_password(
                    address="ada@example.com", code=WRONG_CODE, password=OTHER_PASSWORD
                )
    engine.reset(address="ada@example.com")
    with pytest.raises(CodeResting):
        engine.set_password(
            address="ada@example.com", code=inbox.last_code(), password=OTHER_PASSWORD
        )

    admin.reset(address="ada@example.com")

    engine.set_password(address="ada@example.com", code=inbox.last_code(), password=OTHER_PASSWORD)
    engine.log_in("local-userpass", username="ada@example.com", password=OTHER_PASSWORD)


def test_t2_the_code_of_one_user_opens_no_other(engine: Engine, inbox: Inbox) -> None:
    """Given two pending users, when the one's code is typed with the other's address, then it is
    wrong and both stay pending."""
    engine.register("ada@example.com", PASSWORD)
    code = inbox.last_code()
    engine.register("grace@example.com", PASSWORD)

    with pytest.raises(CodeWrong):
        engine.confirm(address="grace@example.com", code=code)

    assert 2 == engine.users.count("pending")


TYPED: dict[str, Callable[[PublicFace, str], object]] = {
    "confirm": lambda public, address: public.confirm(
        address=address, code=WRONG_CODE, password=PASSWORD
    ),
    "set_password": lambda public, address: public.set_password(
        address=address, code=WRONG_CODE, password=PASSWORD
    ),
}


@pytest.mark.parametrize("typed", TYPED.values(), ids=TYPED.keys())
def test_t2_strangers_tries_are_throttled_by_address(
    engine: Engine, typed: Callable[[PublicFace, str], object]
) -> None:
    """Given a stranger who tries codes for one address from many clients, when twenty were tried
    within ten minutes, then every further one has to wait – also for an address of nobody."""
    for address in ("ada@example.com", "nobody@example.com"):
        if address.startswith("ada"):
            engine.register(address, PASSWORD)
        for number in range(20):
            client = Client(address=f"203.0.113.{number}")
            public = engine.acting(Actor("user"), client=client).public
            with pytest.raises(CodeWrong):
                typed(public, address)

        with pytest.raises(TryLater):
            typed(engine.public, address)


@pytest.mark.parametrize("typed", TYPED.values(), ids=TYPED.keys())
def test_t2_strangers_tries_are_throttled_by_client(
    engine: Engine, typed: Callable[[PublicFace, str], object]
) -> None:
    """Given one client who tries codes for many addresses, when sixty were tried within ten
    minutes, then it has to wait, and another client has not."""
    one = engine.acting(Actor("user"), client=Client(address="203.0.113.1")).public
    other = engine.acting(Actor("user"), client=Client(address="203.0.113.2")).public
    for number in range(60):
        with pytest.raises(CodeWrong):
            typed(one, f"a{number}@example.com")

    with pytest.raises(TryLater):
        typed(one, "b@example.com")

    with pytest.raises(CodeWrong):
        typed(other, "b@example.com")


def test_t2_a_strangers_wrong_reset_codes_rest_while_the_link_works(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a reset mail, when a stranger has typed five wrong codes, then the right one is refused
    like a wrong one, and the link still sets the password."""
    engine.confirm_manually(engine.register("ada@example.com", PASSWORD))
    engine.reset(address="ada@example.com")
    for _ in range(5):
        with pytest.raises(CodeWrong):
            TYPED["set_password"](engine.public, "ada@example.com")

    with pytest.raises(CodeWrong):
        engine.public.set_password(
            address="ada@example.com", code=inbox.last_code(), password=OTHER_PASSWORD
        )
    engine.public.set_password(**inbox.last_link().credentials, password=OTHER_PASSWORD)

    engine.log_in("local-userpass", username="ada@example.com", password=OTHER_PASSWORD)
