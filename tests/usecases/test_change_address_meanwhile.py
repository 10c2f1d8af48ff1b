"""A change of address while something else happens: a merge, a deletion, a crash."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from changed_addresses import NEW, OLD, PASSWORD, ask, log_in, press
from races import meanwhile, records
from told_flow import ToldFlow
from told_providers import open_told, told

import admit
from admit import LogIn
from admit.errors import CodeWrong, TokenUnknown, UserNotFound
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine


class Crash(BaseException):
    """The process ends here."""


@pytest.fixture(params=["reserve", "first-proof"])
def engine(
    request: pytest.FixtureRequest, store: MemoryStore, clock: SettableClock, inbox: Inbox
) -> Iterator[admit.Engine]:
    """An engine under either address policy, with the providers `told`, `other` and `nobody`."""
    with open_told(store, clock, inbox, address_policy=request.param) as opened:
        yield opened


@pytest.fixture
def ada(engine: admit.Engine, inbox: Inbox) -> LogIn:
    """A log-in of Ada, whose address is proved."""
    engine.register(OLD, PASSWORD)
    engine.confirm(**inbox.last_link().credentials)
    return log_in(engine, OLD)


def test_an_absorbed_users_change_is_dead(
    engine: admit.Engine, ada: LogIn, inbox: Inbox, store: MemoryStore
) -> None:
    """Tokens never follow, also where the merge came just before the commit (T4)."""
    survivor = engine.log_in("told", **told("survivor")).user
    ask(engine, ada)
    change = inbox.last_link(NEW).credentials
    meanwhile(store, lambda: engine.identities.merge(survivor, ada.user))

    with pytest.raises(TokenUnknown):
        engine.identities.confirm_address(**change)
    with pytest.raises(TokenUnknown):
        engine.identities.confirm_address(**change)


def test_t4_a_code_that_died_in_this_moment_changes_nothing(
    engine: admit.Engine, ada: LogIn, inbox: Inbox, store: MemoryStore
) -> None:
    """Given a right code, when a reset cancels the change just before the commit, then it is
    wrong."""
    ask(engine, ada)
    code = inbox.last_code(NEW)
    engine.reset(ada.user)
    reset = inbox.last_link(OLD).credentials
    meanwhile(store, lambda: engine.set_password(**reset, password="another good horse"))

    with pytest.raises(CodeWrong):
        engine.identities.confirm_address(ada.user, code=code)


def test_who_is_deleted_while_the_message_goes_out_is_not_found(
    clock: SettableClock, told: ToldFlow
) -> None:
    """The caller is not told that it worked."""
    settings = {"reset_flow": "told", "confirmation_flow": "auto"}
    with open_engine(clock=clock, plugins=[told], settings=settings) as engine:
        ada = engine.register(OLD, PASSWORD)

        def deleting(entry: admit.Entry) -> admit.Outcome:
            engine.delete(ada)
            return admit.Outcome.pending()

        told.act = deleting
        with pytest.raises(UserNotFound):
            engine.identities.change_address(ada, to=NEW)


def test_a_crash_while_the_message_goes_out_is_taken_up_by_a_worker(
    store: MemoryStore, clock: SettableClock, told: ToldFlow
) -> None:
    """
    Given a process that ended between the message and the commit of its answer,
    when a worker comes by after the lease,
    then a new message goes out, either link makes the change, and it is made once.
    """
    settings = {"reset_flow": "told", "confirmation_flow": "auto"}
    told.proves_address = True

    def crash(entry: admit.Entry) -> admit.Outcome:
        store.fail_next_commit(Crash())
        return admit.Outcome.pending()

    engine = open_engine(store, clock=clock, plugins=[told], settings=settings)
    ada = engine.register(OLD, PASSWORD)
    told.act = crash
    with pytest.raises(Crash):
        engine.identities.change_address(ada, to=NEW)
    first = told.link
    told.act = lambda entry: admit.Outcome.pending()
    clock.advance(timedelta(seconds=60))

    with open_engine(store, clock=clock, plugins=[told], settings=settings) as again:
        again.work_once()
        assert [(NEW, 1), (NEW, 2)] == [
            (e.username, e.attempt) for e in told.entries if e.purpose == "change-address"
        ]
        user = again.identities.confirm_address(**first)
        assert [NEW] == [address.typed for address in user.addresses]
        with pytest.raises(TokenUnknown):
            again.identities.confirm_address(token_id=first["token_id"], token="0" * 128)


@pytest.mark.parametrize("before", ["reject", "address-changed"])
def test_a_crash_between_the_squatters_end_and_the_change_leaves_the_link_good(
    engine: admit.Engine, ada: LogIn, inbox: Inbox, store: MemoryStore, before: str
) -> None:
    """
    Given a press that takes an address from who only waits with it, in two commits,
    when the process ends before either,
    then pressing again makes the change.
    """
    engine.register(NEW, "the squatter's own password")
    ask(engine, ada)
    how = inbox.last_link(NEW).credentials

    def crash() -> None:
        raise Crash

    meanwhile(store, crash, before=records(before))
    try:
        press(engine, ada, **how)
        crashed = False
    except Crash:
        crashed = True
    store.before_commit = None

    user = press(engine, ada, **how)

    assert crashed or before == "reject"  # under `first-proof` the worker rejects, later
    assert [NEW] == [address.typed for address in user.addresses]
    assert () == engine.events.verify().problems
