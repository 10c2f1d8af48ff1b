"""Contention and unknown fates: re-decided five times at most, never repeated blindly."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from told_flow import ToldFlow

import admit
from admit import Outcome, User
from admit.errors import FateUnknown, FlowFailed, StoreError, TryLater
from admit.stores import Change, Record
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
NEW_PASSWORD = "another password altogether"

Verb = Callable[[admit.Engine, User, dict[str, str]], object]

VERBS: dict[str, Verb] = {
    "confirm": lambda engine, user, link: engine.confirm(**link),
    "confirm_manually": lambda engine, user, link: engine.confirm_manually(user),
    "rerun": lambda engine, user, link: engine.rerun(user),
    "resend": lambda engine, user, link: engine.resend(user),
    "correct_address": lambda engine, user, link: engine.correct_address(
        user, to="grace@example.com"
    ),
    "disable": lambda engine, user, link: engine.disable(user),
    "delete": lambda engine, user, link: engine.delete(user),
    "reset": lambda engine, user, link: engine.reset(user),
    "change_password": lambda engine, user, link: engine.change_password(
        user, current=PASSWORD, new=NEW_PASSWORD
    ),
    "log_out_all": lambda engine, user, link: engine.log_out_all(user),
}


class Rivals:
    """Other writers who move a user just before this engine's commits."""

    def __init__(self, store: MemoryStore, engine: admit.Engine, user: User, times: int) -> None:
        self.engine, self.user, self.times = engine, user, times
        self.writing = False
        store.before_commit = self.move

    def move(self, change: Change) -> None:
        touches = any((put.kind, put.id) == ("user", self.user.id) for put in change.put)
        if self.writing or not touches or self.times == 0:
            return
        self.times -= 1
        self.writing = True
        self.engine.log_out_all(self.user)
        self.writing = False


class Failing(MemoryStore):
    """A store that loses the answer to a commit, as one does whose server fails over."""

    def __init__(self) -> None:
        super().__init__()
        self.loses, self.is_away = False, False
        self.calls: list[str] = []

    def get(self, kind: str, id: str) -> Record | None:
        self.calls.append(f"get {kind}")
        if self.is_away:
            raise StoreError("The store is out of reach.")
        return super().get(kind, id)

    def commit(self, change: Change, *, settle: bool = True) -> None:
        super().commit(change, settle=settle)
        if self.loses:
            self.calls.clear()
            self.loses = False
            raise FateUnknown

    def settle(self) -> None:
        self.calls.append("settle")
        super().settle()


@pytest.fixture
def ada(engine: admit.Engine) -> User:
    """A pending user with a good link in her mailbox."""
    return engine.register("ada@example.com", PASSWORD)


@pytest.mark.parametrize("verb", VERBS)
def test_a_version_that_moved_four_times_is_no_matter(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox, ada: User, verb: str
) -> None:
    """
    Given others who change the user four times just before this commit,
    when a verb is called,
    then it decides again each time, and succeeds.
    """
    link = inbox.last_link().credentials
    rivals = Rivals(store, engine, ada, 4)

    VERBS[verb](engine, ada, link)

    assert 0 == rivals.times


@pytest.mark.parametrize("verb", VERBS)
def test_a_version_that_moved_five_times_is_try_later(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox, ada: User, verb: str
) -> None:
    """
    Given others who change the user five times just before this commit,
    when a verb is called,
    then it gives up with "try later", and has changed nothing; the same call succeeds afterwards.
    """
    link = inbox.last_link().credentials
    Rivals(store, engine, ada, 5)

    with pytest.raises(TryLater):
        VERBS[verb](engine, ada, link)

    triggers = {event.trigger for event in engine.users.timeline(ada)}
    assert {"register", "dispatched", "log-out-all"} == triggers - {"refused"}
    VERBS[verb](engine, ada, link)


def test_the_flow_is_never_entered_twice_for_contention(
    store: MemoryStore, clock: SettableClock, told: ToldFlow
) -> None:
    """
    Given others who keep changing the user while a flow's answer is written,
    when that is given up,
    then the caller gets the user – "nothing was changed, try later" would be a lie –, the flow was
    entered once, and its message works: the lease will run out.
    """
    with open_engine(
        store, clock=clock, plugins=[told], settings={"confirmation_flow": "told"}
    ) as engine:

        def compete(entry: admit.Entry) -> Outcome:
            Rivals(store, engine, engine.users.get(entry.user_id), 5)
            return Outcome.pending()

        told.act = compete
        with pytest.raises(FlowFailed, match="could not be written") as failed:
            engine.register("ada@example.com", PASSWORD)

        assert "answer-lost" == failed.value.error_code
        assert failed.value.user.id == engine.users.find("ada@example.com").id
        assert 1 == len(told.entries)
        assert "confirmed" == engine.confirm(**told.link).state


@pytest.mark.parametrize("verb", VERBS)
def test_a_lost_answer_is_looked_up_by_the_event(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox, ada: User, verb: str
) -> None:
    """
    Given a store that keeps a commit and loses its answer,
    when a verb is called,
    then the commit is found to have happened, and nothing is done twice.
    """
    link = inbox.last_link().credentials
    version = ada.version
    store.lose_answer()

    VERBS[verb](engine, ada, link)

    events = engine.users.timeline(ada)
    assert len(events) == len({event.id for event in events})
    versions = [event.version for event in events if event.previous is not None]
    assert list(range(version + 1, (versions[-1] or 0) + 1)) == sorted(
        {number for number in versions if number is not None and number > version}
    )


@pytest.mark.parametrize("verb", VERBS)
def test_a_commit_that_is_not_found_is_of_unknown_fate(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox, ada: User, verb: str
) -> None:
    """
    Given a store whose commit fails with its fate unknown, and that was not kept,
    when a verb is called,
    then the caller is told so, and the engine has not repeated it.
    """
    link = inbox.last_link().credentials
    store.fail_next_commit(FateUnknown())

    with pytest.raises(FateUnknown):
        VERBS[verb](engine, ada, link)

    assert ada == engine.users.get(ada.id)


def test_a_fate_that_cannot_be_looked_up_is_unknown() -> None:
    """
    Given a store that loses the answer to a commit and is out of reach from then on,
    when a user is confirmed,
    then the caller is told that nobody knows, not that the store failed: it may be there.
    """
    with open_engine(store := Failing()) as engine:
        ada = engine.register("ada@example.com", PASSWORD)
        store.loses = True
        store.before_commit = lambda change: setattr(store, "is_away", True)

        with pytest.raises(FateUnknown):
            engine.confirm_manually(ada)

        store.is_away = False
        assert "confirmed" == engine.users.get(ada.id).state


def test_a_commit_that_is_found_is_settled_before_it_is_acknowledged() -> None:
    """
    Given a store that loses the answer to a commit, which is there but need not be durable,
    when a user is confirmed,
    then the engine looks it up, and lets the store settle before it answers.
    """
    with open_engine(store := Failing()) as engine:
        ada = engine.register("ada@example.com", PASSWORD)
        store.loses = True

        engine.confirm_manually(ada)

        assert ["get event", "settle"] == store.calls[:2]


def test_a_registration_of_unknown_fate_is_told(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox
) -> None:
    """Nobody is registered, no message is sent."""
    store.fail_next_commit(FateUnknown())

    with pytest.raises(FateUnknown):
        engine.register("ada@example.com", PASSWORD)

    assert (0, []) == (engine.users.count(), inbox.messages)


def test_a_log_in_whose_answer_was_lost_is_good(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox, ada: User
) -> None:
    """One session, and its tokens open."""
    engine.confirm(**inbox.last_link().credentials)
    store.lose_answer()

    login = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)

    assert (login.session,) == engine.sessions.of(ada)
    engine.verify(login.access_token)
