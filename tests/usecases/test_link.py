"""Link: a further identity for a user, by proof of both sides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from told_providers import ToldProvider, open_told, providers, told

import admit
from admit import LogIn, User
from admit.providers import Credentials, Provider
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
ADDRESS = "ada@example.com"


@pytest.fixture
def engine(store: MemoryStore, clock: SettableClock, inbox: Inbox) -> Iterator[admit.Engine]:
    """An engine with the providers `told`, `other` and `nobody`, in the flow `email`."""
    with open_told(store, clock, inbox) as opened:
        yield opened


class MovedIssuer:
    """A plugin that offers `moved`: of several issuers, each of which counts its people from 1."""

    @admit.hookimpl
    def register_providers(self) -> Iterable[Provider]:
        return [NumberedProvider("moved")]


class NumberedProvider(ToldProvider):
    """Takes any number of any issuer's; the number alone is the identity's id."""

    def identify(self, credentials: Credentials, services: admit.Services) -> admit.Claim:
        issuer, number = credentials["issuer"], credentials["number"]
        return admit.Claim(
            login_key=f"{issuer}#{number}",
            identity_id=number,
            proved=True,
            creates_users=True,
            data={"issuer": issuer, "seen": credentials.get("seen", 0)},
        )


@pytest.fixture
def moved(store: MemoryStore, clock: SettableClock, inbox: Inbox) -> Iterator[admit.Engine]:
    """An engine with the provider `moved`."""
    plugins = [MovedIssuer()]
    with open_engine(store, clock=clock, inbox=inbox, plugins=plugins) as opened:
        yield opened


def link(engine: admit.Engine, login: LogIn, provider: str, **credentials: object) -> User:
    return engine.public.identities.link(login.access_token, provider, **credentials)


# --- what is linked --------------------------------------------------------------------------


def test_a_user_can_have_identities_of_several_providers(engine: admit.Engine) -> None:
    """
    Given a user of one provider,
    when she links identities of two others,
    then each of the three logs her in, in the order of linking the first is the one she began with.
    """
    login = engine.log_in("told", **told("ada"))
    link(engine, login, "other", **told("countess"))

    user = link(engine, login, "other", **told("lovelace"))

    assert ["told", "other", "other"] == providers(user)
    for provider, who in (("told", "ada"), ("other", "countess"), ("other", "lovelace")):
        assert login.user.id == engine.log_in(provider, **told(who)).user.id
    assert 1 == engine.users.count()


def test_linking_the_same_again_changes_nothing(engine: admit.Engine, store: MemoryStore) -> None:
    """The answer is the user as she is (wire-contract.md, linking): no event, no new version."""
    login = engine.log_in("told", **told("ada"))
    once = link(engine, login, "other", **told("countess"))
    events = len(engine.users.timeline(once))

    assert once == link(engine, login, "other", **told("countess"))
    assert events == len(engine.users.timeline(once))


def test_an_anonymous_user_is_upgraded_in_place(engine: admit.Engine) -> None:
    """
    Given an anonymous user,
    when she links an identity,
    then she keeps her id, and her session goes on; the next log-in finds her.
    """
    login = engine.log_in("nobody")

    user = link(engine, login, "told", **told("ada", ADDRESS, True))

    assert login.user.id == user.id
    assert login.user.id == engine.verify(login.access_token).user_id
    assert login.user.id == engine.log_in("told", **told("ada")).user.id
    assert [ADDRESS] == [address.typed for address in user.addresses]


def test_a_registration_that_was_never_used_moves(engine: admit.Engine, inbox: Inbox) -> None:
    """
    Given an anonymous user and a confirmed registration that nobody has logged in to,
    when she links it by its password,
    then the login is hers, with its proof; its user is absorbed, and its id leads to her.
    """
    login = engine.log_in("nobody")
    registered = engine.register(ADDRESS, PASSWORD)
    engine.confirm(**inbox.last_link().credentials)

    user = link(engine, login, "local-userpass", username=ADDRESS, password=PASSWORD)

    assert (login.user.id, ["nobody", "local-userpass"]) == (user.id, providers(user))
    assert user.address is not None
    assert user.address.proved_at is not None
    assert user == engine.users.get(registered.id)
    assert user == engine.users.find(ADDRESS)
    again = engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
    assert user.id == again.user.id
    absorbed = engine.users.timeline(registered.id)[-1]
    assert ("absorb", "confirmed", "deleted") == (
        absorbed.trigger,
        absorbed.from_state,
        absorbed.to_state,
    )
    assert {"by": user.id, "cause": "link"} == absorbed.codes
    assert () == engine.events.verify().problems


def test_what_a_provider_says_of_an_address_is_kept_as_it_says(engine: admit.Engine) -> None:
    """A proved address is added; one that nobody vouches for only where there is no other."""
    login = engine.log_in("nobody")

    unproved = link(engine, login, "told", **told("ada", "first@example.com"))
    proved = link(engine, login, "other", **told("ada", "second@example.com", True))
    same = link(engine, login, "other", **told("countess", "third@example.com", "true"))

    assert [("first@example.com", False)] == addresses(unproved)
    assert [("first@example.com", False), ("second@example.com", True)] == addresses(proved)
    assert addresses(proved) == addresses(same)


def addresses(user: User) -> list[tuple[str, bool]]:
    return [(address.typed, address.proved_at is not None) for address in user.addresses]


def test_the_owner_of_the_address_is_told(engine: admit.Engine, inbox: Inbox) -> None:
    """A notice without a link goes to the address that she has."""
    login = engine.log_in("told", **told("ada", ADDRESS, True))

    link(engine, login, "other", **told("countess"))
    engine.work_once()

    assert ADDRESS == inbox.last().to
    assert "Another way to log in was added" in inbox.last().text


def test_the_event_says_which_provider_and_keeps_the_id_erasable(engine: admit.Engine) -> None:
    """An identity's id at a provider is a person's: it stands in the detail."""
    login = engine.log_in("told", **told("ada"))

    user = link(engine, login, "other", **told("countess"))

    event = next(e for e in engine.users.timeline(user) if e.trigger == "link")
    assert {"provider": "other"} == event.codes
    assert {"linked": [{"provider": "other", "id": "id-of-countess"}]} == event.detail


def test_the_application_links_without_a_session(engine: admit.Engine) -> None:
    """The trusted form takes the user, and needs no log-in."""
    ada = engine.create(ADDRESS, PASSWORD)

    user = engine.identities.link(ada, "told", **told("ada"))

    assert ["local-userpass", "told"] == providers(user)
    assert ada.id == engine.log_in("told", **told("ada")).user.id


# --- several identities that a provider calls alike ----------------------------------------------


def joined(engine: admit.Engine, way: str) -> User:
    """A user who is number 1 of an old issuer and of a new one."""
    login = engine.log_in("moved", issuer="old", number="1")
    if way == "link":
        return link(engine, login, "moved", issuer="new", number="1")
    other = engine.log_in("moved", issuer="new", number="1")
    return engine.identities.merge(login.user, other.user)


@pytest.mark.parametrize("way", ["link", "merge"])
def test_o1_who_is_called_alike_by_two_issuers_stays_two_identities(
    moved: admit.Engine, way: str
) -> None:
    """
    Given a user whom two issuers of one provider call by the same number,
    when she logs in by one of them, whose data has changed,
    then the other one is as before, and both log her in.
    """
    user = joined(moved, way)

    moved.log_in("moved", issuer="new", number="1", seen=2)

    keys = ["old#1", "new#1"]
    assert keys == [i.login_key for i in moved.users.get(user.id).identities]
    assert [0, 2] == [i.data["seen"] for i in moved.users.get(user.id).identities]
    assert {user.id} == {
        moved.log_in("moved", issuer=issuer, number="1").user.id for issuer in ("old", "new")
    }


@pytest.mark.parametrize("way", ["link", "merge"])
def test_o1_each_of_them_is_unlinked_by_its_own_id(moved: admit.Engine, way: str) -> None:
    """Given the same, then their ids differ, and one of them can be unlinked."""
    user = joined(moved, way)
    old, new = user.identities
    assert old.id != new.id

    user = moved.identities.unlink(user, provider="moved", identity=new.id)

    assert ["old#1"] == [identity.login_key for identity in user.identities]
