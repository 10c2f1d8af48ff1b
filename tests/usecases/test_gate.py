"""The gate: what an application lets in, provider by provider, whoever wrote the provider."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs
import pytest

import admit
from admit.errors import (
    DomainRefused,
    InvalidSetting,
    NewUsersRefused,
    PluginClash,
    ProviderDisabled,
    UnknownName,
    WrongCredentials,
)
from admit.providers import Credentials, Provider
from admit.records import Identity
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"


class House:
    """A provider that believes whatever it is told."""

    inline = True
    name = "house"

    @admit.hookimpl
    def register_providers(self) -> Iterable[Provider]:
        return [self]

    def identify(self, credentials: Credentials, services: admit.Services) -> admit.Claim:
        return admit.Claim(
            login_key=credentials["who"],
            proved=True,
            creates_users=True,
            address=credentials.get("address"),
            address_proved=bool(credentials.get("vouched", True)),
            data={"name": credentials["who"], "shoe_size": 38},
        )

    def check(
        self, credentials: Credentials, identity: Identity | None, services: admit.Services
    ) -> admit.Check:
        return admit.Check(accepted=False)


class ShyHouse(House):
    """The same, off until somebody wants it."""

    enabled_by_default = False


Open = Callable[..., admit.Engine]


@pytest.fixture
def open_house() -> Iterator[Open]:
    """Opens an engine on a house, with these of its settings; closed at the end."""
    opened: list[admit.Engine] = []

    def open_it(house: House | None = None, **settings: object) -> admit.Engine:
        given = {f"house.{name}": value for name, value in settings.items()}
        engine = open_engine(plugins=[house or House()], settings=given)
        opened.append(engine)
        return engine

    yield open_it
    for engine in opened:
        engine.close()


def refusals(engine: admit.Engine) -> list[tuple[str, str]]:
    """Return what was recorded as asked for and refused, and why."""
    events = engine.events.unsealed()
    return [(e.codes["asked"], e.codes["because"]) for e in events if e.trigger == "refused"]


def test_a_disabled_provider_lets_nobody_in(open_house: Open) -> None:
    """
    Given a user of a provider,
    when an admin disables the provider, she cannot log in, and a stranger hears the same,
    and when it is enabled again, she can.
    """
    engine = open_house()
    engine.log_in("house", who="ada")

    engine.settings.set("house.enabled", False)
    for face in (engine, engine.public):
        with pytest.raises(ProviderDisabled) as raised:
            face.log_in("house", who="ada")
        assert "house.enabled" in raised.value.next_step

    engine.settings.set("house.enabled", True)
    assert "ada" == engine.log_in("house", who="ada").user.identities[0].login_key


def test_nobody_registers_with_a_disabled_provider(open_house: Open) -> None:
    """
    Given the provider of passwords is disabled,
    when somebody registers, then that is refused; an admin still creates users.
    """
    engine = open_house()
    engine.settings.set("local-userpass.enabled", False)

    with pytest.raises(ProviderDisabled):
        engine.register("ada@example.com", PASSWORD)
    with pytest.raises(ProviderDisabled):
        engine.public.register("ada@example.com", PASSWORD)

    assert "confirmed" == engine.create("ada@example.com", PASSWORD).state


def test_a_provider_may_wait_to_be_enabled(open_house: Open) -> None:
    """A provider that says so is off until the application turns it on."""
    with pytest.raises(ProviderDisabled):
        open_house(ShyHouse()).log_in("house", who="ada")

    login = open_house(ShyHouse(), enabled=True).log_in("house", who="ada")
    assert "ada" == login.user.identities[0].login_key


def test_no_new_users_means_that_those_who_are_there_stay(open_house: Open) -> None:
    """
    Given a user of a provider,
    when new users are refused, then she still logs in, and nobody else does.
    """
    engine = open_house()
    ada = engine.log_in("house", who="ada").user
    engine.settings.set("house.allow_new_users", False)

    assert ada.id == engine.log_in("house", who="ada").user.id
    with pytest.raises(NewUsersRefused):
        engine.log_in("house", who="grace")

    assert 1 == engine.users.count()
    assert [("log-in", "new-users-refused")] == refusals(engine)


def test_no_new_users_means_no_registration(open_house: Open) -> None:
    """A stranger and the application hear the same; an admin still creates users."""
    engine = open_house()
    engine.settings.set("local-userpass.allow_new_users", False)

    with pytest.raises(NewUsersRefused):
        engine.register("ada@example.com", PASSWORD)
    with pytest.raises(NewUsersRefused):
        engine.public.register("ada@example.com", PASSWORD)

    assert "confirmed" == engine.create("ada@example.com", PASSWORD).state


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        ("ada@example.com", True),
        ("ADA@EXAMPLE.COM", True),
        ("ada@sub.example.com", False),
        ("ada@dept.example.org", True),
        ("ada@example.org", False),
        ("ada@bücher.example", True),
        ("ada@notexample.com", False),
        (None, False),
    ],
)
def test_only_allowed_domains_are_let_in(open_house: Open, address: str | None, fits: bool) -> None:
    """A domain is the whole domain; with `*.` before it, all that lie below."""
    engine = open_house(allowed_domains="Example.com, *.example.org, BÜCHER.example")

    if fits:
        assert engine.log_in("house", who="ada", address=address).user.address
    else:
        with pytest.raises(DomainRefused):
            engine.log_in("house", who="ada", address=address)
        assert [("log-in", "domain-refused")] == refusals(engine)


def test_h5_a_list_of_domains_needs_an_address_that_the_provider_vouches_for(
    open_house: Open,
) -> None:
    """Anybody can tell a provider that checks nothing an address of the right domain."""
    engine = open_house(allowed_domains="example.com")

    with pytest.raises(DomainRefused):
        engine.log_in("house", who="mallory", address="ceo@example.com", vouched=False)


def test_refused_domains_are_kept_out(open_house: Open) -> None:
    """Others, and who says no address, come in."""
    engine = open_house(refused_domains=["throwaway.example", "*.throwaway.example"])

    for address in ("a@throwaway.example", "a@x.throwaway.example"):
        with pytest.raises(DomainRefused):
            engine.log_in("house", who="mallory", address=address)

    engine.log_in("house", who="ada", address="ada@example.com")
    engine.log_in("house", who="grace")
    assert 2 == engine.users.count()


def test_the_domain_of_a_registration_is_looked_at(open_house: Open) -> None:
    """
    Given only one domain may register,
    when somebody registers with another, or corrects hers to another, it is refused;
    who is there already logs in.
    """
    engine = open_house()
    ada = engine.create("ada@example.org", PASSWORD)
    engine.settings.set("must_change_is_enforced", False)
    engine.settings.set("local-userpass.allowed_domains", "example.com")

    with pytest.raises(DomainRefused):
        engine.register("grace@example.org", PASSWORD)
    grace = engine.register("grace@example.com", PASSWORD)
    with pytest.raises(DomainRefused):
        engine.correct_address(grace, to="grace@example.org")

    login = engine.log_in("local-userpass", username="ada@example.org", password=PASSWORD)
    assert ada.id == login.user.id


def test_the_domain_of_a_further_login_is_looked_at(open_house: Open) -> None:
    """
    Given a list of allowed domains for passwords,
    when a user of another provider adds a login, then she may with an address of one of them – it
    is proved by the message that goes there –, and with no other.
    """
    engine = open_house()
    engine.settings.set("local-userpass.allowed_domains", "example.com")
    user = engine.log_in("house", who="ada").user

    with pytest.raises(DomainRefused):
        engine.identities.add_login(user, "ada@example.org", PASSWORD)
    added = engine.identities.add_login(user, "ada@example.com", PASSWORD)

    assert "ada@example.com" == added.runs[-1].address
    assert [("link", "domain-refused")] == refusals(engine)


def test_the_application_chooses_what_is_kept_of_a_person(open_house: Open) -> None:
    """
    Given the application wants names alone,
    when somebody logs in, then nothing else is kept;
    and when it wants less later, a log-in drops what was kept.
    """
    engine = open_house(metadata_fields="name, height")

    first = engine.log_in("house", who="ada").user
    engine.settings.set("house.metadata_fields", "none")
    second = engine.log_in("house", who="ada").user

    assert {"name": "ada"} == first.identities[0].data
    assert {} == second.identities[0].data


def test_everything_is_kept_unless_told_otherwise(open_house: Open) -> None:
    """The default keeps what the provider says."""
    user = open_house().log_in("house", who="ada").user

    assert {"name": "ada", "shoe_size": 38} == user.identities[0].data


def test_an_unknown_provider_is_told_from_a_disabled_one(open_house: Open) -> None:
    """The error of one that is not loaded lists those that are."""
    with pytest.raises(UnknownName) as raised:
        open_house().log_in("hotel", who="ada")

    assert {"house", "local-userpass"} <= set(raised.value.known)


def test_a_plugin_cannot_take_the_name_of_a_rule(open_house: Open) -> None:
    """
    Given a provider whose own section has a setting `enabled`,
    when the engine opens, then it does not: two of one name would be a gate that nobody shuts.
    """

    @attrs.frozen
    class Own:
        enabled: bool = admit.setting(True, "Mine.")

    class Clashing(House):
        @admit.hookimpl
        def register_settings(self) -> dict[str, type]:
            return {"house": Own}

    with pytest.raises(PluginClash, match=r"house\.enabled"):
        open_house(Clashing())


@pytest.mark.parametrize("value", [7, ["example.com", 7], "a\0b", ["a,b"], {"example.com": 1}])
def test_a_list_of_words_is_checked(open_house: Open, value: Any) -> None:
    """What is no list of words is refused by the setting's name."""
    engine = open_house()

    with pytest.raises(InvalidSetting, match=r"house\.allowed_domains"):
        engine.settings.set("house.allowed_domains", value)


class Ring(House):
    """A provider whose credentials belong to a user without being an identity of hers."""

    name = "ring"

    def __init__(self) -> None:
        self.worn_by: dict[str, admit.User] = {}
        self.asked = 0
        self.dies_after = 99

    def identify(self, credentials: Credentials, services: admit.Services) -> admit.Claim:
        self.asked += 1
        user = self.worn_by.get(credentials["ring"])
        if user is None or self.asked > self.dies_after:
            raise WrongCredentials
        return admit.Claim(
            login_key=credentials["ring"], identity_id="r-1", proved=True, user=user.id
        )


def test_credentials_may_belong_to_a_user_without_being_an_identity() -> None:
    """
    Given a ring that a user wears,
    when it is shown, then she is logged in, the session names the ring, and she is as she was.
    """
    ring = Ring()
    with open_engine(plugins=[ring], settings={"confirmation_flow": "auto"}) as engine:
        ada = ring.worn_by["one"] = engine.register("ada@example.com", PASSWORD)

        login = engine.log_in("ring", ring="one")

        assert (ada.id, "ring", "r-1") == (
            login.user.id,
            login.session.provider,
            login.session.identity,
        )
        assert ["local-userpass"] == [i.provider for i in login.user.identities]
        engine.delete(ada)
        with pytest.raises(WrongCredentials):
            engine.log_in("ring", ring="one")


def test_credentials_that_die_while_the_session_is_written_open_nothing() -> None:
    """
    Given a ring that is taken away between the look at it and the session,
    when it is shown, then it is refused, and no session is left.
    """
    ring = Ring()
    with open_engine(plugins=[ring], settings={"confirmation_flow": "auto"}) as engine:
        ada = ring.worn_by["one"] = engine.register("ada@example.com", PASSWORD)
        ring.dies_after = 1

        with pytest.raises(WrongCredentials):
            engine.log_in("ring", ring="one")

        assert () == engine.sessions.of(ada)
