"""Batches: prepared on any thread, decided on one, settled with one sync, finished each."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from meeting_flow import Meeting
from told_flow import ToldFlow

import admit
from admit import Outcome, Prepared, User, hookimpl
from admit.errors import (
    AddressTaken,
    FateUnknown,
    FlowFailed,
    InvalidAddress,
    InvalidInput,
    RegistrationRefused,
    TokenUnknown,
    UserNotFound,
    WrongCredentials,
)
from admit.stores import Change
from admit.testing import Inbox, MemoryStore
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"


class CountingStore(MemoryStore):
    """Counts what it is asked to make durable."""

    def __init__(self) -> None:
        super().__init__()
        self.settled: list[str] = []
        self.refuses_to_settle = False

    def commit(self, change: Change, *, settle: bool = True) -> None:
        super().commit(change, settle=settle)
        self.settled.append("commit" if settle else "later")

    def settle(self) -> None:
        if self.refuses_to_settle:
            raise FateUnknown
        super().settle()
        self.settled.append("settle")


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
def links(engine: admit.Engine, inbox: Inbox) -> list[dict[str, str]]:
    """The links of five pending users."""
    for number in range(5):
        engine.register(f"user{number}@example.com", PASSWORD)
    return [inbox.last_link(f"user{number}@example.com").credentials for number in range(5)]


def test_many_are_decided_in_order_and_answered_in_order(
    engine: admit.Engine, links: list[dict[str, str]]
) -> None:
    """One answer for each, in its place."""
    answers = engine.batch([engine.prepare.confirm(**link) for link in links])

    assert [f"user{number}@example.com" for number in range(5)] == [
        user.address.typed for user in answers
    ]
    assert {"confirmed"} == {user.state for user in answers}


def test_they_are_settled_once(
    engine: admit.Engine, store: CountingStore, links: list[dict[str, str]]
) -> None:
    """Atomic and visible one by one, durable together, before anything is answered."""
    store.settled.clear()

    engine.batch([engine.prepare.confirm(**link) for link in links])

    assert ["later"] * 5 + ["settle"] == store.settled


def test_one_that_fails_stops_none_of_the_others(
    engine: admit.Engine, links: list[dict[str, str]]
) -> None:
    """Its error is its answer."""
    dead = {"token_id": "0" * 24, "token": "0" * 128}

    first, refused, last = engine.batch(
        [engine.prepare.confirm(**link) for link in (links[0], dead, links[1])]
    )

    assert ("confirmed", "confirmed") == (first.state, last.state)
    assert isinstance(refused, TokenUnknown)


def test_different_verbs_go_together(engine: admit.Engine, links: list[dict[str, str]]) -> None:
    """A later one sees what an earlier one decided."""
    confirmed, taken, grace, pending = engine.batch(
        [
            engine.prepare.confirm(**links[0]),
            engine.prepare.register("user0@example.com", PASSWORD),
            engine.prepare.register("grace@example.com", PASSWORD),
            engine.prepare.rerun(address="user1@example.com"),
        ]
    )

    assert "confirmed" == confirmed.state
    assert isinstance(taken, AddressTaken)
    assert "confirmed" == taken.holder_state
    assert ("pending", "grace@example.com") == (grace.state, grace.address.typed)
    assert 2 == len(pending.runs)


def test_a_log_in_is_prepared_where_its_hash_may_take_long(engine: admit.Engine) -> None:
    """The password is compared in `prepare`, the session is made in the batch."""
    engine.settings.set("confirmation_flow", "auto")
    engine.register("ada@example.com", PASSWORD)
    with pytest.raises(WrongCredentials):
        engine.prepare.log_in("local-userpass", username="ada@example.com", password="wrong")

    prepared = engine.prepare.log_in(
        "local-userpass", username="ada@example.com", password=PASSWORD
    )
    [login] = engine.batch([prepared])

    assert login.user.id == engine.verify(login.access_token).user_id


def test_preparing_writes_nothing(engine: admit.Engine, store: CountingStore) -> None:
    """Not even a run that waits."""
    store.settled.clear()

    engine.prepare.register("ada@example.com", PASSWORD)

    assert ([], 0) == (store.settled, engine.users.count())


@pytest.mark.parametrize(
    ("prepare", "error"),
    [
        (lambda prepare: prepare.register("ada", PASSWORD), InvalidAddress),
        (lambda prepare: prepare.rerun(address="ada@example.com"), UserNotFound),
    ],
    ids=["register", "rerun"],
)
def test_what_can_be_known_before_is_said_before(
    engine: admit.Engine, prepare: Callable[[object], object], error: type[Exception]
) -> None:
    """A slip costs no place in a batch."""
    with pytest.raises(error):
        prepare(engine.prepare)


def test_nothing_is_answered_that_may_not_be_durable(
    engine: admit.Engine, store: CountingStore, links: list[dict[str, str]]
) -> None:
    """
    Given a store whose sync fails,
    when a batch is settled,
    then that is raised for all of them.
    """
    store.refuses_to_settle = True

    with pytest.raises(FateUnknown):
        engine.batch([engine.prepare.confirm(**link) for link in links])


def test_what_was_not_prepared_is_refused_before_anything_is_done(
    engine: admit.Engine, links: list[dict[str, str]]
) -> None:
    """A use case that was run already, say."""
    with pytest.raises(InvalidInput, match="prepare"):
        engine.batch([engine.prepare.confirm(**links[0]), engine.rerun])  # type: ignore[list-item]

    assert 5 == engine.users.count("pending")


def test_an_empty_batch_is_let_pass(engine: admit.Engine) -> None:
    """Nothing in, nothing out."""
    assert [] == engine.batch([])


def test_flows_are_entered_after_the_commits(store: CountingStore) -> None:
    """
    Given a batch of registrations,
    when their flows send the messages,
    then all commits of the batch are durable already.
    """
    inbox = Inbox()
    seen: list[list[str]] = []
    with open_engine(store, inbox=inbox) as engine:
        store.settled.clear()
        inbox.before_mail(lambda message: seen.append(list(store.settled)))

        engine.batch([engine.prepare.register(f"user{n}@example.com", PASSWORD) for n in range(2)])

    assert ["later", "later", "settle"] == seen[0]


def test_a_flow_that_does_not_get_through_is_an_answer_like_any_other(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """
    Given a batch of registrations while the mail server refuses,
    when they are finished,
    then each answer says so and carries its user, and none keeps the next from its own.
    """
    inbox.refuse_mail()

    first, second = engine.batch(
        [engine.prepare.register(f"{name}@example.com", PASSWORD) for name in ("ada", "grace")]
    )

    assert isinstance(first, FlowFailed)
    assert isinstance(second, FlowFailed)
    assert ("pending", "pending") == (first.user.state, second.user.state)


def test_flows_that_wait_wait_together(store: CountingStore) -> None:
    """
    Given a flow that answers only when sixteen users are in it,
    when thirty-two register in one batch,
    then all are answered, in their order, and the one that is refused stops nobody.
    """
    names = [f"user{number}@example.com" for number in range(31)]
    names.insert(5, "eve@example.com")
    with open_engine(
        store, plugins=[Meeting(16)], settings={"confirmation_flow": "meeting"}
    ) as engine:
        answers = engine.batch([engine.prepare.register(name) for name in names])

    refused = answers.pop(5)
    assert isinstance(refused, RegistrationRefused)
    assert [name for name in names if name[0] != "e"] == [
        user.addresses[0].typed for user in answers
    ]
    assert {"confirmed"} == {user.state for user in answers}


def test_flows_that_do_not_wait_are_finished_on_the_callers_thread(store: CountingStore) -> None:
    """A thread would cost more than the flow."""
    threads = []

    class Watching:
        @hookimpl
        def after_confirm(self, user: User) -> None:
            threads.append(threading.get_ident())

    with open_engine(store, plugins=[Watching()], settings={"confirmation_flow": "auto"}) as engine:
        engine.batch([engine.prepare.register(f"user{n}@example.com") for n in range(3)])

    assert [threading.get_ident()] * 3 == threads


def test_a_flow_that_refuses_at_once_is_an_answer_too(store: CountingStore, told: ToldFlow) -> None:
    """Also when it is entered on the caller's thread."""
    told.inline = True
    told.act = lambda entry: (
        Outcome.fail("no") if entry.username.startswith("eve") else Outcome.pending()
    )
    with open_engine(store, plugins=[told], settings={"confirmation_flow": "told"}) as engine:
        eve, ada = engine.batch(
            [engine.prepare.register(f"{name}@example.com") for name in ("eve", "ada")]
        )

    assert isinstance(eve, RegistrationRefused)
    assert "pending" == ada.state


def test_what_breaks_in_a_flows_thread_stands_in_its_place(store: CountingStore) -> None:
    """
    Given a store that breaks, as none should, when a flow's answer is written,
    when a batch is finished,
    then that is the answer of this one, and the other is finished.
    """
    inbox = Inbox()
    with open_engine(store, inbox=inbox) as engine:
        inbox.before_mail(lambda message: break_once())

        def break_once() -> None:
            if len(inbox.messages) == 0:
                store.fail_next_commit(ArithmeticError("no store does this"))

        answers = engine.batch([engine.prepare.register(f"user{n}@example.com") for n in range(2)])

        assert {ArithmeticError, User} == {type(answer) for answer in answers}
        assert 2 == len(inbox.messages)


@pytest.mark.parametrize("when", ["decided", "finished"])
def test_a_bug_in_one_does_not_reach_the_others(
    engine: admit.Engine, links: list[dict[str, str]], when: str
) -> None:
    """Given one that raises what is no error of ours, then it stands in its place, and the others
    have what they asked for: it was done."""

    def finish() -> None:
        raise ZeroDivisionError

    def decide(settle: bool) -> Callable[[], None]:
        if when == "decided":
            raise ZeroDivisionError
        return finish

    broken = Prepared(decide)
    confirmations = [engine.prepare.confirm(**link) for link in links[:2]]

    first, problem, second = engine.batch([confirmations[0], broken, confirmations[1]])

    assert isinstance(problem, ZeroDivisionError)
    assert ["confirmed", "confirmed"] == [first.state, second.state]
