"""E1, E2, E4: what a stranger can learn about accounts – nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from accounts import ACCOUNTS, Commits, Shape
from strangers import ADDRESS, PASSWORD, REQUESTS, WRONG, Request

from admit import (
    Actor,
    Client,
    Engine,
    Receipt,
)
from admit.errors import AdmitError, CodeWrong, LogInRefused, TokenUnknown
from admit.public import PublicFace
from admit.records import UserId
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine


def answer(request: Request, public: PublicFace) -> object:
    """What a stranger is told: the Receipt, or an error's class and sentence."""
    try:
        return request(public)
    except AdmitError as refused:
        return type(refused), str(refused)


def seen(
    request: Request, account: Callable[[Engine, str], None], settings: Mapping[str, object]
) -> tuple[object, list[Shape]]:
    """What a stranger is told about one account, and what it costs in commits."""
    store = MemoryStore()
    with open_engine(store, settings=settings) as engine:
        account(engine, ADDRESS)
        stranger = engine.acting(Actor("user"), client=Client(address="203.0.113.7"))
        with Commits(store).watched() as shapes:
            told = answer(request, stranger.public)
    return told, shapes


@pytest.mark.parametrize("policy", ["reserve", "first-proof"])
@pytest.mark.parametrize("request_made", REQUESTS.values(), ids=REQUESTS.keys())
def test_e1_every_state_of_an_account_answers_a_stranger_alike_at_equal_cost(
    request_made: Request, policy: str
) -> None:
    """
    Given an account that is unknown, pending, confirmed, disabled or deleted,
    when a stranger asks for anything by its address, or with a wrong secret,
    then the answer is equal to the last letter, and so are the number and the shape of commits.
    """
    answers = {
        name: seen(request_made, account, {"address_policy": policy})
        for name, account in ACCOUNTS.items()
    }

    assert dict.fromkeys(answers, answers["unknown"]) == answers


BY_ID: Mapping[str, Callable[[PublicFace, UserId], object]] = {
    "resend": lambda public, who: public.resend(user=who),
    "rerun": lambda public, who: public.rerun(user=who),
    "delete": lambda public, who: public.delete(user=who, password=WRONG),
    "change_password": lambda public, who: public.change_password(
        user=who, current=WRONG, new="my own long password"
    ),
    "correct_address": lambda public, who: public.correct_address(
        user=who, password=WRONG, to="grace@example.com"
    ),
}


@pytest.mark.parametrize("request_made", BY_ID.values(), ids=BY_ID.keys())
def test_e1_an_id_tells_as_little_as_an_address(
    request_made: Callable[[PublicFace, UserId], object],
) -> None:
    """Given an account in any state whose id a stranger knows, when she names it by that, then the
    answer and its cost are the same as for an id of nobody."""

    def told(account: Callable[[Engine, str], None]) -> tuple[object, list[Shape]]:
        store = MemoryStore()
        with open_engine(store) as engine:
            account(engine, ADDRESS)
            ids = [event.user for event in engine.events.unsealed(limit=50) if event.user]
            user_id = ids[0] if ids else UserId("64f0aa64f0aa64f0aa64f0aa")
            with Commits(store).watched() as shapes:
                answered = answer(lambda public: request_made(public, user_id), engine.public)
        return answered, shapes

    answers = {name: told(account) for name, account in ACCOUNTS.items()}

    assert dict.fromkeys(answers, answers["unknown"]) == answers


@pytest.mark.parametrize("flow", ["auto", "function"])
@pytest.mark.parametrize(
    "request_made",
    [REQUESTS["register"], REQUESTS["resend"], REQUESTS["rerun"], REQUESTS["reset"]],
    ids=["register", "resend", "rerun", "reset"],
)
def test_e1_the_answer_is_alike_in_every_flow(request_made: Request, flow: str) -> None:
    """Given a flow that sends no messages, when a stranger asks, then no state of an account
    answers otherwise than another."""

    def function_told(
        account: Callable[[Engine, str], None],
    ) -> tuple[object, list[Shape]]:
        store = MemoryStore()
        functions = {"decide": lambda call: {"status": "pending"}}
        with open_engine(store, functions=functions) as engine:
            account(engine, ADDRESS)
            engine.settings.set("function.confirmation", "decide")
            engine.settings.set("confirmation_flow", flow)
            with Commits(store).watched() as shapes:
                told = answer(request_made, engine.public)
        return told, shapes

    answers = {name: function_told(account) for name, account in ACCOUNTS.items()}

    assert dict.fromkeys(answers, answers["unknown"]) == answers


@pytest.mark.parametrize("named", ["resend", "rerun", "reset", "register"])
def test_e1_what_is_asked_for_is_always_the_same_receipt(
    engine: Engine, account: Callable[[Engine, str], None], named: str
) -> None:
    """Given any account, when a stranger asks for a message, then she gets the one Receipt."""
    account(engine, ADDRESS)

    assert Receipt() == REQUESTS[named](engine.public)


def test_e1_a_wrong_password_is_one_error_without_a_reason(
    engine: Engine, account: Callable[[Engine, str], None]
) -> None:
    """Given any account, when a stranger logs in with a wrong password, then it is LogInRefused
    itself, and says nothing about the state."""
    account(engine, ADDRESS)

    with pytest.raises(LogInRefused) as refused:
        engine.public.log_in("local-userpass", username=ADDRESS, password=WRONG)

    assert LogInRefused is type(refused.value)
    assert refused.value.because is None


@pytest.mark.parametrize(
    ("state", "because"),
    [("pending", "pending"), ("disabled", "disabled"), ("disabled-pending", "disabled")],
)
def test_e1_the_state_is_told_only_after_the_right_password(
    engine: Engine, state: str, because: str
) -> None:
    """Given an account that may not log in, when its owner gives the right password, then she is
    told why."""
    ACCOUNTS[state](engine, ADDRESS)

    with pytest.raises(LogInRefused) as refused:
        engine.public.log_in("local-userpass", username=ADDRESS, password=PASSWORD)

    assert because == refused.value.because


def test_e1_the_owner_alone_learns_what_was_asked(engine: Engine, inbox: Inbox) -> None:
    """
    Given a confirmed user,
    when a stranger registers her address,
    then the stranger gets the Receipt of a new registration, and she a notice without a token.
    """
    engine.confirm_manually(engine.register(ADDRESS, PASSWORD))

    receipt = engine.public.register(ADDRESS, "my own long password")
    engine.work_once()

    assert Receipt() == receipt
    assert ADDRESS == inbox.last().to
    assert "already have an account" in inbox.last().text
    assert "token" not in inbox.last().text


def test_e1_an_unknown_address_gets_no_mail(engine: Engine, inbox: Inbox) -> None:
    """Given an address of nobody, when a stranger asks for messages to it, then none is sent: we
    are no relay for spam."""
    engine.public.resend(address="nobody@example.com")
    engine.public.reset(address="somebody@example.com")
    engine.work_once()

    assert [] == inbox.messages


@pytest.mark.parametrize("state", sorted(ACCOUNTS))
def test_e1_correcting_an_address_does_not_tell_whose_the_new_one_is(
    engine: Engine, commits: Commits, state: str
) -> None:
    """
    Given a pending user of one's own and any account at another address,
    when one corrects one's address to the other,
    then the Receipt is the same, whether anybody is there or not.
    """
    ACCOUNTS[state](engine, ADDRESS)
    engine.register("mallory@example.com", PASSWORD)

    receipt = engine.public.correct_address(
        address="mallory@example.com", password=PASSWORD, to=ADDRESS
    )

    assert Receipt() == receipt


def test_e1_registering_and_resending_does_not_tell_whether_the_address_was_new(
    clock: SettableClock,
) -> None:
    """
    Given an address that is free, and one that somebody holds,
    when a stranger registers it and asks at once for the message again with that password,
    then both answer alike: no cool-down shows that a registration was the first.
    """
    told = []
    for holder in ("unknown", "pending", "confirmed"):
        with open_engine(clock=clock) as engine:
            ACCOUNTS[holder](engine, ADDRESS)
            public = engine.acting(Actor("user")).public
            public.register(ADDRESS, WRONG)
            told.append(answer(lambda face: face.resend(address=ADDRESS, password=WRONG), public))

    assert [Receipt()] * 3 == told


def test_e1_a_made_up_token_tells_nothing_of_the_user_it_names(
    engine: Engine, account: Callable[[Engine, str], None], commits: Commits
) -> None:
    """
    Given any account whose id a stranger knows,
    when she presses a made-up token of it with a password that no policy would take,
    then it is unknown: neither the password nor the account is looked at.
    """
    account(engine, ADDRESS)
    ids = [event.user for event in engine.events.unsealed(limit=50) if event.user]
    user_id = ids[0] if ids else "64f0aa64f0aa64f0aa64f0aa"

    with commits.watched() as shapes, pytest.raises(TokenUnknown):
        engine.public.confirm(token_id="0" * 24, token=user_id + "0" * 104, password="password")

    assert [] == shapes


@pytest.mark.parametrize("purpose", ["confirm", "reset"])
def test_e1_a_code_that_rests_looks_like_a_wrong_one(engine: Engine, purpose: str) -> None:
    """Given a user whose code rests after five wrong tries, when a stranger types another, then it
    is wrong, as for an address of nobody: only somebody's code can rest."""
    engine.register(ADDRESS, PASSWORD)
    engine.reset(address=ADDRESS)
    verb = engine.public.confirm if purpose == "confirm" else engine.public.set_password

    for address in (ADDRESS, "nobody@example.com"):
        for _ in range(10):
            with pytest.raises(CodeWrong):
                verb(address=address, code="AAAA-2222", password=PASSWORD)
