"""Who links, merges or moves at the same time, and who is killed: one identity, one user."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import merging_process
import pytest
from nursery import Nursery, nursery
from races import meanwhile
from sql_opener import open_url
from told_providers import ToldProviders, told

import admit
from admit import User
from admit.errors import (
    AddressTaken,
    AdmitError,
    IdentityTaken,
    InvalidInput,
    SessionInvalid,
    UserNotFound,
)
from admit.testing import CHEAP_HASHING, KEY, Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
LIMIT_SECONDS = 30
ROUNDS = 5


def everybody(engine: admit.Engine) -> list[User]:
    """All users that are not deleted."""
    users: list[User] = []
    after = None
    while True:
        page = engine.users.page("all", after=after, limit=200)
        users += page.items
        after = page.next
        if after is None:
            return users


def check_one_identity_one_user(engine: admit.Engine) -> dict[str, str]:
    """Each login key has one owner, and leads to it; the trail of events holds. Returns who owns
    which."""
    owners: dict[str, str] = {}
    for user in everybody(engine):
        for identity in user.identities:
            assert identity.key is not None
            assert identity.key not in owners, "one identity, one user"
            owners[identity.key] = user.id
            found = engine.users.find_login(identity.provider, identity.login_key or "")
            assert user.id == found.id
    assert () == engine.events.verify().problems
    return owners


# --- races -------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "tinydb", "sqlite"])
def engine(request: pytest.FixtureRequest, tmp_path: Path, inbox: Inbox) -> Iterator[admit.Engine]:
    """An engine on a store of each kind."""
    store: object = {
        "memory": MemoryStore(),
        "tinydb": tmp_path / "users.json",
        "sqlite": f"sqlite:///{tmp_path}/users.db",
    }[request.param]
    with admit.open(
        store,  # type: ignore[arg-type]  # a store, a path or a URL
        key=[KEY],
        plugins=[ToldProviders(), inbox],
        settings={
            **CHEAP_HASHING,
            "transport": "inbox",
            "email.sender": "hello@example.com",
            "email.link_base": "https://example.com/confirm",
        },
        worker=False,
    ) as opened:
        yield opened


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Do them in threads that start together; return what each gave, or raised."""
    gate = threading.Barrier(len(acts))
    results: list[object] = [None] * len(acts)

    def run(place: int, act: Callable[[], object]) -> None:
        gate.wait(LIMIT_SECONDS)
        try:
            results[place] = act()
        except Exception as problem:
            results[place] = problem

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_SECONDS)
    return results


def test_two_who_link_the_same_identity_at_once_do_not_both_get_it(engine: admit.Engine) -> None:
    """
    Given two users who can both prove an identity of nobody,
    when they link it in the same moment,
    then one has it, and the other is told that it is taken.
    """
    for number in range(ROUNDS):
        one, other = (engine.log_in("told", **told(f"{w}{number}")).user for w in ("ada", "grace"))

        results = at_once(
            partial(engine.identities.link, one, "other", **told(f"both{number}")),
            partial(engine.identities.link, other, "other", **told(f"both{number}")),
        )

        assert 1 == sum(isinstance(result, User) for result in results)
        assert 1 == sum(isinstance(result, IdentityTaken) for result in results)
    check_one_identity_one_user(engine)


def test_one_who_links_the_same_twice_at_once_has_it_once(engine: admit.Engine) -> None:
    """A double click is no conflict."""
    for number in range(ROUNDS):
        ada = engine.log_in("told", **told(f"ada{number}")).user

        results = at_once(
            *[partial(engine.identities.link, ada, "other", **told(f"same{number}"))] * 2
        )

        assert [ada.id] * 2 == [r.id for r in results if isinstance(r, User)]
        assert 2 == len(engine.users.get(ada.id).identities)
    check_one_identity_one_user(engine)


def test_two_who_absorb_each_other_leave_one(engine: admit.Engine) -> None:
    """
    Given two users,
    when each is merged into the other in the same moment,
    then one is left, with both identities, and both ids lead to it.
    """
    for number in range(ROUNDS):
        one, other = (engine.log_in("told", **told(f"{w}{number}")).user for w in ("ada", "grace"))

        results = at_once(
            partial(engine.identities.merge, one, other),
            partial(engine.identities.merge, other, one),
        )

        [winner] = [result for result in results if isinstance(result, User)]
        [loser] = [result for result in results if not isinstance(result, User)]
        assert isinstance(loser, UserNotFound | InvalidInput)
        assert {winner.id} == {engine.users.get(user.id).id for user in (one, other)}
        assert 2 == len(winner.identities)
    check_one_identity_one_user(engine)


def test_who_was_absorbed_the_other_way_meanwhile_absorbs_nobody(
    tmp_path: Path, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Given a merge that has read both users and looks for whose ids lead to the one that goes,
    when the other way round is quicker,
    then it finds one of them gone, and one is left with both identities.
    """
    store = open_url(f"sqlite:///{tmp_path}/users.db")
    look, quicker = store.page, list[Callable[[], object]]()

    def page(*arguments: Any, **named: Any) -> Any:
        if arguments[:2] == ("user", "absorbed-by") and quicker:
            quicker.pop()()
        return look(*arguments, **named)

    monkeypatch.setattr(store, "page", page)
    with open_engine(store, clock=clock, plugins=[ToldProviders()]) as engine:
        one, other = (engine.log_in("told", **told(who)).user for who in ("ada", "grace"))
        quicker.append(partial(engine.identities.merge, other, one))

        with pytest.raises(UserNotFound):
            engine.identities.merge(one, other)

        assert {other.id} == {engine.users.get(user.id).id for user in (one, other)}
        assert 2 == len(engine.users.get(other.id).identities)


def test_a_merge_and_a_log_in_at_once_open_one_account(engine: admit.Engine) -> None:
    """
    Given a user who logs in while another absorbs it,
    when both are done,
    then what the log-in got is the survivor's, or dead: never an account of its own.
    """
    for number in range(ROUNDS):
        one, other = (engine.log_in("told", **told(f"{w}{number}")).user for w in ("ada", "grace"))

        results = at_once(
            partial(engine.identities.merge, one, other),
            partial(engine.log_in, "told", **told(f"grace{number}")),
        )

        assert isinstance(results[0], User)
        login = results[1]
        assert isinstance(login, admit.LogIn)
        assert opened_by(engine, login) in {one.id, None}
        assert one.id == engine.log_in("told", **told(f"grace{number}")).user.id
    check_one_identity_one_user(engine)


def opened_by(engine: admit.Engine, login: admit.LogIn) -> str | None:
    """Whose account a log-in opens now; None: nobody's, it has ended."""
    try:
        return engine.verify(login.access_token).user_id
    except SessionInvalid:
        return None


def test_two_who_prove_the_same_address_at_once_do_not_both_get_it(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """
    Given two users who both wait for a new address, and somebody who registers it,
    when all three press in the same moment,
    then one of them has it.
    """
    for number in range(3):
        to = f"wanted{number}@example.org"
        people = []
        for who in ("ada", "grace"):
            address = f"{who}{number}@example.com"
            people.append(engine.confirm_manually(engine.register(address, PASSWORD)))
        changes = []
        for user in people:
            engine.identities.change_address(user, to=to)
            changes.append(inbox.last_link(to).credentials)
        third = engine.register(to, PASSWORD)
        confirmation = inbox.last_link(to).credentials

        results = at_once(
            partial(engine.identities.confirm_address, **changes[0]),
            partial(engine.identities.confirm_address, **changes[1]),
            partial(engine.confirm, **confirmation),
        )

        won = [result for result in results if isinstance(result, User)]
        owner = engine.users.find(to)
        assert [owner.id] == [user.id for user in won]
        assert owner.id in {third.id, *(user.id for user in people)}
        assert {"address-taken", "token-unknown"} >= {
            result.code for result in results if isinstance(result, AdmitError)
        }
    check_one_identity_one_user(engine)


def test_an_unlink_does_not_take_the_last_of_two_that_go_at_once(engine: admit.Engine) -> None:
    """O5 holds also where each looked like one of two."""
    for number in range(ROUNDS):
        ada = engine.log_in("told", **told(f"ada{number}")).user
        engine.identities.link(ada, "other", **told(f"ada{number}"))

        at_once(
            partial(engine.identities.unlink, ada, provider="told"),
            partial(engine.identities.unlink, ada, provider="other"),
        )

        assert 1 == len(engine.identities.usable(ada))
    check_one_identity_one_user(engine)


# --- between reading and committing --------------------------------------------------------------


@pytest.fixture
def memory(store: MemoryStore, clock: SettableClock, inbox: Inbox) -> Iterator[admit.Engine]:
    """An engine on a store into whose commits somebody can be let."""
    with open_engine(store, clock=clock, inbox=inbox, plugins=[ToldProviders()]) as opened:
        yield opened


def test_who_loses_the_last_moment_hears_whose_it_is_now(
    memory: admit.Engine, store: MemoryStore
) -> None:
    """Given an identity of nobody, when another user takes it just before the commit, then the
    error is the same as if it had been so all the time."""
    ada, grace = (memory.log_in("told", **told(who)).user for who in ("ada", "grace"))
    meanwhile(store, lambda: memory.identities.link(grace, "other", **told("wanted")))

    with pytest.raises(IdentityTaken):
        memory.identities.link(ada, "other", **told("wanted"))

    assert grace.id == memory.log_in("other", **told("wanted")).user.id


def test_a_registration_that_is_used_meanwhile_is_not_absorbed(
    memory: admit.Engine, store: MemoryStore
) -> None:
    """Given a registration that was never used, when its owner logs in just before it is linked,
    then it stays hers."""
    login = memory.log_in("nobody")
    grace = memory.confirm_manually(memory.register("grace@example.com", PASSWORD))
    proof = {"username": "grace@example.com", "password": PASSWORD}
    meanwhile(store, lambda: memory.log_in("local-userpass", **proof))

    with pytest.raises(IdentityTaken):
        memory.identities.link(login.user, "local-userpass", **proof)

    assert grace.id == memory.users.find("grace@example.com").id


def test_an_address_that_is_taken_while_it_is_asked_for_is_refused_at_the_press(
    memory: admit.Engine, inbox: Inbox
) -> None:
    """Given a change that was begun, when another user is made with that address, then the press
    is refused."""
    ada = memory.confirm_manually(memory.register("ada@example.com", PASSWORD))
    memory.identities.change_address(ada, to="new@example.com")
    memory.create("new@example.com", PASSWORD)

    with pytest.raises(AddressTaken):
        memory.identities.confirm_address(**inbox.last_link("new@example.com").credentials)

    assert "ada@example.com" == memory.users.get(ada.id).addresses[0].typed


# --- kills -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def forks() -> Iterator[Nursery]:
    with nursery(merging_process.MODULE) as forks:
        yield forks


@pytest.mark.parametrize("kind", ["tinydb", "sqlite"])
def test_a_kill_leaves_no_link_or_merge_half_done(
    kind: str,
    forks: Nursery,
    tmp_path: Path,
    count: Callable[[str, int], None],
    request: pytest.FixtureRequest,
) -> None:
    """
    Given two processes that link, unlink, merge and move users all the time,
    when both are killed somewhere, again and again,
    then what they said was done is there, each identity has one owner, an absorbed id leads to its
    survivor, and each user's chain of events holds.
    """
    location = f"sqlite:///{tmp_path}/users.db" if kind == "sqlite" else f"{tmp_path}/users.json"
    chance = random.Random()  # noqa: S311  # where a kill lands is no secret
    said: list[str] = []
    kills = 60 if request.config.getoption("--full") else 8
    merging_process.opened(location).close()  # so that they do not race to make it
    for seed in range(0, kills, 2):
        writers = [forks.fork("live", location=location, seed=seed + n) for n in range(2)]
        for writer in writers:
            said += writer.hear(chance.randrange(1, 40))
        for writer in writers:
            writer.kill()
        for writer in writers:
            said += writer.last_words()
        count("kills -9 of engines that link and merge", len(writers))

    assert [] == [line for line in said if line.startswith("failed")]
    with merging_process.opened(location) as engine:
        owners = check_one_identity_one_user(engine)
        for line in said:
            what, *about = line.split()
            if what in ("made", "linked"):
                key, id = about
                assert engine.users.get(id).id == owners[key], "lost, or somebody else's"
            elif what == "unlinked":
                assert about[0] not in owners
            elif what == "merged":
                absorbed, into = about
                assert engine.users.get(into).id == engine.users.get(absorbed).id
    count("acknowledged acts checked", len(said))
