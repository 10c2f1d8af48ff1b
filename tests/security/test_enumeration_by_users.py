"""E1, E2: what a user learns of other users by asking for their addresses – nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from told_providers import open_told, told

from admit import Actor, Client, Engine, LogIn
from admit.errors import (
    DeliveryFailed,
    RedirectInvalid,
    SessionInvalid,
    TokenSuperseded,
    TryLater,
)
from admit.public import PublicFace
from admit.testing import Inbox, MemoryStore, SettableClock

PASSWORD = "correct horse battery staple"
TAKEN, FREE = "taken@example.com", "other@example.com"
HOLDER = "TaKen@Example.com"
LATER = timedelta(minutes=2)
"""Longer than the cool-down between two messages, shorter than a log-in stays fresh."""

Ask = Callable[[Engine, LogIn, str], object]


def change_address(engine: Engine, login: LogIn, to: str) -> object:
    return engine.public.identities.change_address(access_token=login.access_token, to=to)


def add_login(engine: Engine, login: LogIn, to: str) -> object:
    return engine.public.identities.add_login(
        access_token=login.access_token, login=to, password=PASSWORD
    )


@pytest.fixture(params=[change_address, add_login], ids=["change_address", "add_login"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """How a user asks for an address."""
    found: Ask = request.param
    return found


@pytest.fixture
def engine(store: MemoryStore, clock: SettableClock, inbox: Inbox) -> Iterator[Engine]:
    """An engine in which somebody logs in with an address that she typed in her own way."""
    with open_told(store, clock, inbox) as opened:
        opened.confirm_manually(opened.register(HOLDER, PASSWORD))
        yield opened


def asking(engine: Engine, ask: Ask, who: str) -> LogIn:
    """The log-in of a user who may ask: with a login of her own, or without."""
    if ask is add_login:
        return engine.log_in("told", **told(who))
    engine.confirm_manually(engine.register(f"{who}@example.org", PASSWORD))
    return engine.log_in("local-userpass", username=f"{who}@example.org", password=PASSWORD)


def kept(engine: Engine, login: LogIn, to: str) -> str:
    """What a user reads of her runs and events, but for ids and the address."""
    told = engine.public.export(access_token=login.access_token)
    runs, events = told["runs"], told["events"]
    assert to in json.dumps(runs), "her request stands there as she made it"
    return re.sub("[0-9a-f]{24}", "an id", json.dumps([runs, events]).replace(to, "the address"))


@pytest.mark.parametrize("mail", ["arrives", "is deferred", "is refused"])
def test_e1_what_a_user_reads_of_her_request_tells_nothing_of_the_holder(
    ask: Ask, mail: str
) -> None:
    """
    Given an address that a confirmed user logs in with, and one of nobody,
    when a user asks for each, before and after the messages went out – or did not –,
    then her export says the same of both.
    """

    def seen(to: str) -> list[str]:
        inbox = Inbox()
        with open_told(MemoryStore(), SettableClock(), inbox) as engine:
            engine.confirm_manually(engine.register(HOLDER, PASSWORD))
            login = asking(engine, ask, "mallory")
            if mail != "arrives":
                inbox.refuse_mail(temporary=mail == "is deferred")
            receipt = ask(engine, login, to)
            before = kept(engine, login, to)
            while engine.work_once():
                pass
            return [repr(receipt), before, kept(engine, login, to)]

    assert seen(FREE) == seen(TAKEN)


def test_e1_a_taken_address_replaces_an_older_request_like_a_free_one(
    engine: Engine, clock: SettableClock, inbox: Inbox, ask: Ask
) -> None:
    """
    Given a link that went to an address of the user's own,
    when she asks for another one afterwards, taken or free,
    then the older link is dead in either case.
    """
    for who, to in (("ada", TAKEN), ("grace", FREE)):
        login = asking(engine, ask, who)
        mine = f"{who}@example.net"
        ask(engine, login, mine)
        engine.work_once()
        link = inbox.last_link(mine).credentials
        clock.advance(LATER)
        ask(engine, login, to)
        engine.work_once()

        with pytest.raises(TokenSuperseded):
            engine.public.identities.confirm_address(access_token=login.access_token, **link)


def test_e1_the_holder_is_told_at_her_address_as_she_typed_it_and_nobody_gets_a_token(
    engine: Engine, inbox: Inbox, ask: Ask
) -> None:
    """Given an address that somebody typed in her own way, when a user asks for it in another,
    then a notice goes to the stored form, without a link, and the user never reads that form."""
    login = asking(engine, ask, "mallory")
    inbox.messages.clear()
    ask(engine, login, TAKEN)

    engine.work_once()

    assert [HOLDER] == [m.to for m in inbox.messages if m.to.lower() == TAKEN]
    assert "you already have an account" in inbox.last(HOLDER).text
    assert "token=" not in inbox.last(HOLDER).text
    assert HOLDER not in json.dumps(engine.public.export(access_token=login.access_token))


def test_e1_whose_the_address_is_counts_when_the_message_goes_out(
    engine: Engine, clock: SettableClock, inbox: Inbox, ask: Ask
) -> None:
    """
    Given a request for an address of somebody, whose notice was deferred,
    when she is gone by the time it is sent again,
    then the message with the link goes out.
    """
    login = asking(engine, ask, "ada")

    def defer(message: object) -> None:
        raise DeliveryFailed("451 later", temporary=True)

    inbox.before_mail(defer)
    ask(engine, login, TAKEN)
    engine.work_once()
    inbox.before_mail(None)
    engine.delete(address=TAKEN)
    clock.advance(LATER)
    engine.work_once()

    link = inbox.last_link(TAKEN).credentials
    user = engine.public.identities.confirm_address(access_token=login.access_token, **link)
    assert TAKEN in [address.typed for address in user.addresses]


def test_e1_an_application_without_notices_answers_alike(
    engine: Engine, inbox: Inbox, ask: Ask
) -> None:
    """Nobody can be told then; the user who asked reads what she would read of a free one."""
    engine.settings.set("notice_flow", "function")
    login = asking(engine, ask, "mallory")
    ask(engine, login, TAKEN)

    engine.work_once()

    run = engine.users.get(login.user.id).last_run
    assert run is not None
    assert (None, None) == (run.result, run.error)
    assert run.dispatched_at is not None


COUNTED: dict[str, Callable[[PublicFace, str], object]] = {
    "link": lambda public, token: public.identities.link(token, "told", **told("x")),
    "unlink": lambda public, token: public.identities.unlink(access_token=token, provider="told"),
    "add_login": lambda public, token: public.identities.add_login(
        access_token=token, login=FREE, password=PASSWORD
    ),
    "change_address": lambda public, token: public.identities.change_address(
        access_token=token, to=FREE
    ),
    "confirm_address": lambda public, token: public.identities.confirm_address(
        access_token=token, code="AAAA-2222"
    ),
    "plan_merge": lambda public, token: public.identities.plan_merge(
        access_token=token, absorbed_access_token=token
    ),
    "merge": lambda public, token: public.identities.merge(
        access_token=token, absorbed_access_token=token
    ),
    "sessions.end": lambda public, token: public.sessions.end("0" * 24, access_token=token),
    "sessions.end_others": lambda public, token: public.sessions.end_others(token),
    "sessions.prove_again": lambda public, token: public.sessions.prove_again(
        token, "told", **told("x")
    ),
    "export": lambda public, token: public.export(access_token=token),
    "delete": lambda public, token: public.delete(access_token=token),
    "redirects.look": lambda public, token: public.redirects.look({"state": token}),
}


@pytest.mark.parametrize("verb", COUNTED.values(), ids=COUNTED.keys())
def test_e2_each_verb_is_counted_before_anything_is_looked_up(
    engine: Engine, verb: Callable[[PublicFace, str], object]
) -> None:
    """
    Given a client that tries tokens which open nothing,
    when it has made as many requests as one may,
    then it has to wait, and not even the token is looked at.
    """
    engine.settings.set("requests_per_client", 10)
    public = engine.acting(Actor("user"), client=Client(address="203.0.113.7")).public
    for _ in range(10):
        with pytest.raises((SessionInvalid, RedirectInvalid)):
            verb(public, "no token at all")

    with pytest.raises(TryLater):
        verb(public, "no token at all")
