"""Grace: a deletion that waits for its day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from leaving_users import ADDRESS, GRACE, PASSWORD, Watching, log_in

import admit
from admit import Actor, Receipt, User
from admit.errors import (
    AddressTaken,
    Leaving,
    NotAllowed,
    SessionInvalid,
    TokenUnknown,
    UserNotFound,
    Vetoed,
)
from admit.stores import Change, Label, Put
from admit.testing import CHEAP_HASHING, KEY, Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine


@pytest.fixture
def watching() -> Watching:
    return Watching()


@pytest.fixture
def engine(
    store: MemoryStore, clock: SettableClock, inbox: Inbox, watching: Watching
) -> Iterator[admit.Engine]:
    """An engine that gives deleted users thirty days."""
    with open_engine(
        store,
        clock=clock,
        inbox=inbox,
        plugins=[watching],
        settings={"deletion_grace": GRACE},
    ) as opened:
        yield opened


@pytest.fixture
def ada(engine: admit.Engine, inbox: Inbox) -> User:
    """A confirmed user who proved her address."""
    engine.register(ADDRESS, PASSWORD)
    return engine.confirm(**inbox.last_link().credentials)


def test_without_the_setting_there_is_none(clock: SettableClock) -> None:
    """Off by default: deleted is deleted."""
    with open_engine(clock=clock) as engine:
        ada = engine.create(ADDRESS, PASSWORD)

        assert ("deleted", None) == (engine.delete(ada).state, ada.delete_at)


def test_a_user_in_grace_is_blocked_and_keeps_her_key(
    engine: admit.Engine, ada: User, clock: SettableClock
) -> None:
    """
    Given a grace of thirty days,
    when a confirmed user is deleted,
    then she is there, confirmed, listed under the day it ends, and her address is nobody else's.
    """
    left = engine.delete(ada)

    assert ("confirmed", clock.now() + GRACE) == (left.state, left.delete_at)
    assert [left] == list(engine.users.page("grace").items)
    assert left == engine.users.find(ADDRESS)
    with pytest.raises(AddressTaken):
        engine.register(ADDRESS, PASSWORD)


def test_s3_while_grace_runs_nobody_gets_in(engine: admit.Engine, ada: User) -> None:
    """Sessions of before are dead at once, and a log-in opens none."""
    login = log_in_first(engine)
    engine.delete(ada)

    with pytest.raises(SessionInvalid):
        engine.verify(login.access_token)
    with pytest.raises(SessionInvalid):
        engine.refresh(login.refresh_token)
    with pytest.raises(Leaving):
        log_in(engine)
    assert () == engine.sessions.of(ada)


def log_in_first(engine: admit.Engine) -> admit.LogIn:
    """A log-in of before."""
    return log_in(engine)


def test_an_offer_of_who_was_absorbed_does_not_keep_the_survivor(engine: admit.Engine) -> None:
    """
    Given an offer to somebody who was restored by an admin and absorbed since,
    when the survivor leaves as often as she had left, and the offer is taken,
    then it restores nobody: tokens never follow.
    """
    ada, grace = engine.create(ADDRESS, PASSWORD), engine.create("grace@example.com", PASSWORD)
    engine.settings.set("must_change_is_enforced", False)
    engine.log_out_all(ada)  # as the merge will do with the survivor's sessions
    engine.delete(ada)
    with pytest.raises(Leaving) as caught:
        engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
    engine.restore(ada)
    engine.identities.merge(grace, ada)
    leaving = engine.delete(grace)

    with pytest.raises(TokenUnknown):
        engine.public.restore(token=caught.value.restore_token)
    assert engine.users.get(grace.id).delete_at == leaving.delete_at


def test_who_leaves_gets_no_new_key(engine: admit.Engine) -> None:
    """
    Given a user in her grace,
    when an admin makes an API key for her,
    then it is refused, for it would open what is blocked; once she is restored, she has keys again.
    """
    ada = engine.create(ADDRESS, PASSWORD)
    engine.delete(ada)

    with pytest.raises(NotAllowed, match="about to be deleted"):
        engine.api_keys.create(ada, name="backup")

    engine.restore(ada)
    new = engine.api_keys.create(ada, name="backup")
    engine.settings.set("api-key.enabled", True)
    assert engine.api_keys.verify(new.text).user == ada.id


def test_her_keys_are_dead_at_once_and_stay_dead(
    engine: admit.Engine, store: MemoryStore, ada: User
) -> None:
    """
    Given a user with an API key, and one that is made in the moment in which she is blocked,
    when she was deleted and restored,
    then neither of them is left.
    """

    def key(id: str) -> Put:
        return Put("api-key", id, {}, None, (), (Label(f"keys-of/{ada.id}", id),))

    store.commit(Change(put=(key("a" * 24),)))
    engine.delete(ada)
    assert store.get("api-key", "a" * 24) is None
    store.commit(Change(put=(key("b" * 24),)))

    engine.restore(ada)

    assert store.get("api-key", "b" * 24) is None


def test_when_grace_is_over_the_worker_deletes(
    engine: admit.Engine, ada: User, clock: SettableClock, watching: Watching
) -> None:
    """
    Given a user in grace,
    when the worker comes by a second too early, nothing happens; at the very instant, she is gone:
    by the system, and plugins are told then, not before; asked they were when it began.
    """
    engine.delete(ada)
    clock.advance(GRACE - timedelta(seconds=1))
    engine.work_once()
    assert engine.users.get(ada.id).delete_at
    assert [] == watching.told

    clock.advance(timedelta(seconds=1))
    assert 1 == engine.sweep().left

    with pytest.raises(UserNotFound):
        engine.users.get(ada.id)
    last = engine.users.timeline(ada)[-1]
    assert ("delete", Actor("system"), {"cause": "grace"}) == (last.trigger, last.actor, last.codes)
    assert ([ada.id], 1) == ([user.id for user in watching.told], watching.asked)
    assert "pending" == engine.register(ADDRESS, PASSWORD).state


def test_a_plugin_may_say_no_before_it_begins(
    engine: admit.Engine, ada: User, watching: Watching
) -> None:
    """Nobody is blocked then."""
    watching.answer = "There is an open invoice."

    with pytest.raises(Vetoed):
        engine.delete(ada)

    assert ada == engine.users.get(ada.id)


def test_deleting_once_more_changes_nothing(
    engine: admit.Engine, ada: User, clock: SettableClock
) -> None:
    """The day stays the one it was; at once does not wait for it."""
    first = engine.delete(ada)
    clock.advance(timedelta(days=1))

    assert first == engine.delete(ada)
    assert "deleted" == engine.delete(ada, at_once=True).state
    with pytest.raises(UserNotFound):
        engine.users.get(ada.id)


def test_who_could_never_come_back_is_deleted_at_once(engine: admit.Engine) -> None:
    """A registration that was never confirmed has nothing to restore."""
    pending = engine.register("grace@example.com", PASSWORD)

    assert "deleted" == engine.delete(pending).state


def test_the_owner_of_the_address_is_told(engine: admit.Engine, ada: User, inbox: Inbox) -> None:
    """
    Given a thief with her session,
    when he deletes her account,
    then a message tells her, without a link that anybody could press.
    """
    engine.delete(ada)
    engine.work_once()

    message = inbox.messages[-1]
    assert ADDRESS == message.to
    assert "is being deleted" in message.text
    assert "token" not in message.text


def test_nothing_that_could_tell_her_is_no_reason_to_keep_her() -> None:
    """An application without mail deletes all the same."""
    settings = {**CHEAP_HASHING, "deletion_grace": GRACE}
    with admit.open(MemoryStore(), key=KEY, settings=settings) as engine:
        left = engine.delete(engine.create(ADDRESS, PASSWORD))

    assert left.delete_at
    assert () == left.runs


def test_what_was_under_way_ends(engine: admit.Engine, ada: User, inbox: Inbox) -> None:
    """A reset link of before is dead; a new one may be asked for, to log in and stay."""
    engine.reset(ada)
    old = inbox.last_link()
    engine.delete(ada)
    with pytest.raises(admit.errors.TokenRefused):
        engine.set_password(password="another battery staple", **old.credentials)

    engine.reset(ada)
    engine.set_password(password="another battery staple", **inbox.last_link().credentials)

    with pytest.raises(Leaving):
        engine.log_in("local-userpass", username=ADDRESS, password="another battery staple")


def test_the_receipt_says_until_when(engine: admit.Engine, ada: User) -> None:
    """For what the application shows her."""
    receipt = engine.public.delete(address=ADDRESS, password=PASSWORD)

    assert Receipt(delete_at=engine.users.get(ada.id).delete_at) == receipt
    assert receipt.delete_at


def test_why_says_it(engine: admit.Engine, ada: User) -> None:
    """Where she stands, and what may be done."""
    engine.delete(ada)

    explained = engine.why(ada)

    assert "It is being deleted: nobody gets in, and its grace ends in 30 days." in (
        explained.sentence
    )
    assert "restore, or wait" == explained.suggestion


def test_two_workers_delete_once(
    engine: admit.Engine, ada: User, clock: SettableClock, store: MemoryStore, watching: Watching
) -> None:
    """
    Given two workers that find the same user whose grace is over,
    when one deletes her in the moment before the other does,
    then the other finds nothing to do, and plugins are told once.
    """
    engine.delete(ada)
    clock.advance(GRACE)
    commit = store.commit

    def other_first(change: Change, *, settle: bool = True) -> None:
        store.commit = commit  # type: ignore[method-assign]  # what another worker does in between
        assert 1 == engine.sweep().left
        commit(change, settle=settle)

    store.commit = other_first  # type: ignore[method-assign]

    assert 0 == engine.sweep().left
    assert 1 == len(watching.told)


def test_restored_in_the_last_moment_she_stays(
    engine: admit.Engine, ada: User, clock: SettableClock, store: MemoryStore
) -> None:
    """The worker decides from what it finds when it writes."""
    engine.delete(ada)
    clock.advance(GRACE)
    commit = store.commit

    def restored_first(change: Change, *, settle: bool = True) -> None:
        store.commit = commit  # type: ignore[method-assign]  # what an admin does in between
        engine.restore(ada)
        commit(change, settle=settle)

    store.commit = restored_first  # type: ignore[method-assign]

    assert 0 == engine.sweep().left
    assert engine.users.get(ada.id).delete_at is None
