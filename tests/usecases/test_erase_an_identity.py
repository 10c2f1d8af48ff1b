"""An identity that is unlinked: the erase steps that ask for it are called, as at a deletion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from told_providers import ToldProvider, ToldProviders, told

import admit
from admit import Engine, Left, User, care, hookimpl
from admit.errors import UserNotFound
from admit.providers import Credentials
from admit.testing import KEY, MemoryStore, SettableClock
from admit.testing import open as open_engine

ADDRESS = "ada@example.com"
PASSWORD = "correct horse battery staple"


class Partner(ToldProvider):
    """A provider that gives a token of each of its users, and wants it back."""

    def __init__(self) -> None:
        super().__init__("partner")
        self.broken = False
        self.revoked: list[str] = []
        self.left: list[Left] = []
        self.deleted: list[str] = []

    @hookimpl
    def register_providers(self) -> list[Any]:
        return [self]

    @hookimpl
    def register_erase_steps(self) -> Mapping[str, Any]:
        return {"partner-revocation": Revocation(self), "shop": self.forget}

    def identify(self, credentials: Credentials, services: admit.Services) -> admit.Claim:
        who = credentials["who"]
        return admit.Claim(
            login_key=who, proved=True, creates_users=True, private={"token": f"token of {who}"}
        )

    def forget(self, user: User) -> None:
        self.deleted.append(user.id)


class Revocation:
    """The step that gives it back."""

    private_of = ("partner",)
    needs_private = True
    also_of_unlinked = True

    def __init__(self, partner: Partner) -> None:
        self._partner = partner

    def erase(self, left: Left, services: admit.Services) -> None:
        self._partner.left.append(left)
        if self._partner.broken:
            raise ConnectionError
        for identity in left.user.identities:
            if "token" in identity.private:
                self._partner.revoked.append(identity.private["token"])


@pytest.fixture
def partner() -> Partner:
    return Partner()


@pytest.fixture
def engine(partner: Partner, store: MemoryStore, clock: SettableClock) -> Iterator[Engine]:
    """An engine with that partner, and providers that want nothing back."""
    with open_engine(store, clock=clock, plugins=[partner, ToldProviders()]) as opened:
        yield opened


@pytest.fixture
def ada(engine: Engine) -> User:
    """A user with a password and two identities at the partner."""
    user = engine.create(ADDRESS, PASSWORD)
    engine.custom_data.set(user, {"customer": "c-42"})
    engine.identities.link(user, "partner", **told("ada"))
    return engine.identities.link(user, "partner", **told("countess"))


def unlink(engine: Engine, user: User, who: str) -> User:
    [identity] = [i for i in engine.users.get(user.id).identities if i.login_key == who]
    return engine.identities.unlink(user, provider="partner", identity=identity.id)


def work(engine: Engine) -> None:
    while engine.work_once():
        pass


def steps_of(engine: Engine, user: User) -> list[tuple[str, str | None, int]]:
    return [(s.name, s.ended, s.tries) for s in engine.users.erasure(user).steps]


def test_what_an_unlinked_identity_left_elsewhere_is_erased(
    engine: Engine, store: MemoryStore, partner: Partner, ada: User
) -> None:
    """
    Given a user with two identities whose tokens a step gives back,
    when one of them is unlinked,
    then the worker has that token given back, no other; the step sees that identity and no more;
    nothing of it is left, and the user is as she was: her data, her address, her other identity.
    """
    unlink(engine, ada, "ada")
    work(engine)

    assert (["token of ada"], []) == (partner.revoked, partner.deleted)
    [left] = partner.left
    assert (ada.id, ["ada"], (), {}) == (
        left.user.id,
        [identity.login_key for identity in left.user.identities],
        left.user.addresses,
        left.custom_data,
    )
    assert store.get("erasure", ada.id) is None
    kept = engine.users.get(ada.id)
    assert (None, ["local-userpass", "partner"]) == (
        kept.chore_at,
        [identity.provider for identity in kept.identities],
    )
    assert {"customer": "c-42"} == engine.custom_data.get(ada).data
    events = [e.codes for e in engine.users.timeline(ada) if e.trigger == "erase-step"]
    assert [{"step": "partner-revocation", "attempt": "1", "result": "done"}] == events


def test_an_identity_that_left_nothing_starts_no_step(
    engine: Engine, store: MemoryStore, partner: Partner, ada: User
) -> None:
    """Neither one of another provider, nor a password."""
    engine.identities.link(ada, "told", **told("ada"))

    engine.identities.unlink(ada, provider="told")
    engine.identities.unlink(ada, provider="local-userpass")

    assert store.get("erasure", ada.id) is None
    work(engine)
    assert [] == partner.left


def test_a_step_that_does_not_ask_for_unlinked_ones_is_called_for_the_deleted_alone(
    engine: Engine, partner: Partner, store: MemoryStore, clock: SettableClock, ada: User
) -> None:
    """Such a step may erase all that the other side has of the user, who is still there."""
    Revocation.also_of_unlinked = False
    try:
        unlink(engine, ada, "ada")
        work(engine)
        assert [] == partner.left
    finally:
        Revocation.also_of_unlinked = True


def test_a_step_that_fails_is_tried_again_and_listed(
    engine: Engine, partner: Partner, clock: SettableClock, ada: User
) -> None:
    """
    Given a partner that cannot be asked,
    when an identity was unlinked, and another a minute later,
    then both are given back once it can, and until then the list of erasures has the user, who is
    not deleted.
    """
    partner.broken = True
    unlink(engine, ada, "ada")
    work(engine)
    assert [("partner-revocation", None, 1)] == steps_of(engine, ada)
    [listed] = engine.users.erasures().items
    assert (ada.id, None, False) == (listed.user, listed.deleted_at, listed.finished)
    clock.advance(timedelta(seconds=30))
    unlink(engine, ada, "countess")
    partner.broken = False

    work(engine)

    assert ["token of ada", "token of countess"] == sorted(partner.revoked)
    assert () == engine.users.erasures().items
    with pytest.raises(UserNotFound):
        engine.users.erasure(ada)


def test_a_user_who_is_deleted_meanwhile_takes_what_waits_along(
    engine: Engine, store: MemoryStore, partner: Partner, clock: SettableClock, ada: User
) -> None:
    """
    Given an unlinked identity whose step has failed,
    when its user is deleted,
    then all of hers is erased, our own data and both tokens, and every step is called.
    """
    partner.broken = True
    unlink(engine, ada, "ada")
    work(engine)
    partner.broken = False

    engine.delete(ada)
    work(engine)

    assert ["token of ada", "token of countess"] == sorted(partner.revoked)
    assert [ada.id] == partner.deleted
    assert store.get("custom-data", ada.id) is None
    assert store.get("erasure", ada.id) is None
    assert engine.users.erasure(ada).finished


def test_a_user_who_is_absorbed_meanwhile_loses_nothing_that_waits(
    engine: Engine, store: MemoryStore, partner: Partner, clock: SettableClock, ada: User
) -> None:
    """Given the same, when another absorbs her, then the token is given back all the same, the one
    that moved is not, and her own traces go."""
    partner.broken = True
    unlink(engine, ada, "ada")
    work(engine)
    partner.broken = False
    survivor = engine.log_in("told", **told("grace")).user

    engine.identities.merge(survivor, ada)
    work(engine)
    clock.advance(timedelta(minutes=1))
    work(engine)

    assert ["token of ada"] == partner.revoked
    assert [] == partner.deleted
    assert store.get("erasure", ada.id) is None


def test_what_a_merge_drops_is_erased_as_well(engine: Engine, partner: Partner, ada: User) -> None:
    """Given a merge whose plan leaves an identity of either user behind, then those left nothing
    elsewhere, and what moves is not touched."""
    grace = engine.log_in("partner", who="grace").user
    plan = engine.identities.plan_merge(grace, ada)
    for identity in plan.all_identities:
        if identity.login_key in ("grace", "countess"):
            plan = plan.leaving(identity)

    engine.identities.merge(grace, ada, plan=plan)
    work(engine)

    assert ["token of countess", "token of grace"] == sorted(partner.revoked)


def test_a_step_that_was_given_up_is_told_until_the_next_unlink(
    engine: Engine, store: MemoryStore, partner: Partner, clock: SettableClock, ada: User
) -> None:
    """
    Given a partner that is gone for longer than steps are tried,
    when the time is up, then the step is given up, and listed without the person;
    when it is back, and another identity is unlinked, then that one is given back.
    """
    partner.broken = True
    unlink(engine, ada, "ada")
    for _ in range(3):
        work(engine)
        clock.advance(timedelta(days=16))
    work(engine)
    [listed] = engine.users.erasures().items
    assert (("partner-revocation",), True) == (listed.gave_up, listed.finished)
    record = store.get("erasure", ada.id)
    assert record is not None
    assert "user" not in record.body
    partner.broken = False

    unlink(engine, ada, "countess")
    work(engine)

    assert ["token of countess"] == partner.revoked
    assert () == engine.users.erasures().items


def test_a_try_that_was_under_way_counts_not_for_the_identity_that_came_after(
    engine: Engine, partner: Partner, clock: SettableClock, ada: User
) -> None:
    """
    Given a step that is called for an identity,
    when another one is unlinked before it answers,
    then its answer is not taken for both: it is called again.
    """
    erase = Revocation.erase

    def meanwhile(self: Revocation, left: Left, services: admit.Services) -> None:
        Revocation.erase = erase  # type: ignore[method-assign]
        unlink(engine, ada, "countess")
        erase(self, left, services)

    Revocation.erase = meanwhile  # type: ignore[method-assign]
    unlink(engine, ada, "ada")
    work(engine)

    assert "token of countess" in partner.revoked
    assert () == engine.users.erasures().items


def test_the_store_is_sound_while_a_step_waits(
    engine: Engine, store: MemoryStore, partner: Partner, ada: User
) -> None:
    """What `admit store check` looks at."""
    partner.broken = True
    unlink(engine, ada, "ada")
    work(engine)

    assert [] == list(care.check(store, care.keys_of(store, KEY)))


def test_a_user_who_is_deleted_while_the_last_step_answers_is_erased_whole(
    engine: Engine, store: MemoryStore, partner: Partner, ada: User
) -> None:
    """
    Given a step for an unlinked identity, and nothing else that any step wants of its user,
    when she is deleted while it is under way,
    then her own data goes all the same.
    """
    unlink(engine, ada, "ada")
    unlink(engine, ada, "countess")
    erase = Revocation.erase

    def meanwhile(self: Revocation, left: Left, services: admit.Services) -> None:
        Revocation.erase = erase  # type: ignore[method-assign]
        engine.delete(ada)
        erase(self, left, services)

    Revocation.erase = meanwhile  # type: ignore[method-assign]
    work(engine)

    assert {"token of ada", "token of countess"} == set(partner.revoked)
    assert store.get("custom-data", ada.id) is None
    assert store.get("erasure", ada.id) is None
    assert engine.users.erasure(ada).finished
