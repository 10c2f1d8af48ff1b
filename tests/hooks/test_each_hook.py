"""Each registering hook once, filled by a stranger's plugin: called once, for what it offers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

import admit
from admit.claims import TokenClaims
from admit.cli import main
from admit.flows import ConfirmationFlow, ResetFlow
from admit.hashes import HashFormat
from admit.providers import Credentials, Provider
from admit.records import Identity
from admit.transports import Transport

PASSWORD = "correct horse battery staple"


OpenWith = Callable[..., admit.Engine]


MakeModule = Callable[[str], str]


@attrs.frozen
class DeskSettings:
    floor: int = admit.setting(0, "Where the desk is.", minimum=0, maximum=40)


class Desk:
    """A flow of both kinds that keeps what it was entered with."""

    name = "desk"
    inline = True
    resends = True

    def __init__(self) -> None:
        self.entries: list[admit.Entry] = []
        self.floors: list[int] = []

    @property
    def token(self) -> dict[str, str]:
        """The keyword arguments of `confirm` and `set_password` for the newest entry."""
        return {"token_id": self.entries[-1].token_id, "token": self.entries[-1].token.reveal()}

    @admit.hookimpl
    def register_settings(self) -> Mapping[str, type]:
        return {"desk": DeskSettings}

    @admit.hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        return [self]

    @admit.hookimpl
    def register_reset_flows(self) -> Iterable[ResetFlow]:
        return [self]

    def begin(self, entry: admit.Entry, services: admit.Services) -> admit.Outcome:
        self.entries.append(entry)
        self.floors.append(services.settings(DeskSettings).floor)
        return admit.Outcome.pending()


def test_hook_register_settings(open_with: OpenWith) -> None:
    """
    Given a plugin with a section of settings,
    when one is set while the engine runs,
    then it is checked, explained, and what the plugin reads.
    """
    desk = Desk()
    engine = open_with(desk, flow="desk")

    engine.settings.set("desk.floor", "7")
    engine.register("ada@example.com", PASSWORD)

    assert [7] == desk.floors
    assert "Where the desk is." == engine.settings.info("desk.floor").about.help
    with pytest.raises(admit.AdmitError, match=r"desk\.floor: must be at most 40"):
        engine.settings.set("desk.floor", 41)


def test_hook_register_functions(open_with: OpenWith) -> None:
    """
    Given a plugin that offers a function,
    when a setting names it,
    then the flow `function` calls it.
    """

    class Functions:
        @admit.hookimpl
        def register_functions(self) -> Mapping[str, Callable[..., object]]:
            return {"greet": lambda call: {"status": "success"}}

    engine = open_with(Functions(), flow="function", settings={"function.confirmation": "greet"})

    assert "confirmed" == engine.register("ada@example.com", PASSWORD).state


def test_hook_register_confirmation_flows(open_with: OpenWith) -> None:
    """
    Given a plugin's flow is active,
    when somebody registers,
    then it is entered, and the token of the entry confirms.
    """
    desk = Desk()
    engine = open_with(desk, flow="desk")

    engine.register("Ada@example.com", PASSWORD)

    (entry,) = desk.entries
    assert ("Ada@example.com", "confirm", "register") == (
        entry.username,
        entry.purpose,
        entry.reason,
    )
    assert "confirmed" == engine.confirm(**desk.token).state


def test_hook_register_reset_flows(open_with: OpenWith) -> None:
    """
    Given a plugin's reset flow is active,
    when a reset is asked for,
    then it is entered, and the token of the entry sets a password.
    """
    desk = Desk()
    engine = open_with(desk, settings={"reset_flow": "desk"})
    ada = engine.register("ada@example.com", PASSWORD)

    engine.reset(ada)

    (entry,) = desk.entries
    assert "reset" == entry.purpose
    engine.set_password(token_id=entry.token_id, token=entry.token, password="a staple of horses")
    engine.log_in("local-userpass", username="ada@example.com", password="a staple of horses")


def test_hook_register_providers(open_with: OpenWith) -> None:
    """
    Given a plugin's provider that proves its own users,
    when somebody logs in by its name,
    then a user is made with the data of the claim.
    """

    class Badges:
        name = "badge"

        @admit.hookimpl
        def register_providers(self) -> Iterable[Provider]:
            return [self]

        def identify(self, credentials: Credentials, services: admit.Services) -> admit.Claim:
            return admit.Claim(
                login_key=credentials["number"],
                proved=True,
                creates_users=True,
                data={"gate": "north"},
            )

        def check(
            self, credentials: Credentials, identity: Identity | None, services: admit.Services
        ) -> admit.Check:
            raise AssertionError("the claim is proved")

    user = open_with(Badges()).log_in("badge", number="7-42").user

    (identity,) = user.identities
    assert ("confirmed", "7-42", {"gate": "north"}) == (
        user.state,
        identity.login_key,
        dict(identity.data),
    )


def test_hook_register_hash_formats(open_with: OpenWith) -> None:
    """
    Given a plugin that knows the hashes of an older system,
    when a user brings one along, it lets her in, and what is kept is the engine's own.
    """

    class Backwards:
        name = "backwards"

        @admit.hookimpl
        def register_hash_formats(self) -> Iterable[HashFormat]:
            return [self]

        def fits(self, hashed: str) -> bool:
            return hashed.startswith("rev:")

        def check(self, hashed: str, services: admit.Services) -> None:
            pass

        def verify(self, password: bytes, hashed: str, services: admit.Services) -> bool:
            return password.decode()[::-1] == hashed.removeprefix("rev:")

    engine = open_with(Backwards())
    engine.create("ada@example.com", password_hash=f"rev:{PASSWORD[::-1]}")

    login = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)

    assert login.user.identities[0].private["hash"].startswith("$argon2id$")


def test_hook_register_claims(open_with: OpenWith) -> None:
    """
    Given a plugin that offers claims,
    when a user logs in, and when the session is refreshed,
    then the access token says them, as they are at that moment.
    """

    class Floors:
        name = "floors"
        floor = 3

        @admit.hookimpl
        def register_claims(self) -> Iterable[TokenClaims]:
            return [self]

        async def claims(
            self, user: admit.User, session: admit.Session, services: admit.Services
        ) -> Mapping[str, object]:
            return {"floor": self.floor, "who": user.id, "through": session.provider, "room": None}

    floors = Floors()
    engine = open_with(floors)
    ada = engine.register("ada@example.com", PASSWORD)
    login = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    floors.floor = 4
    again = engine.refresh(login.refresh_token)

    first, second = (engine.verify(one.access_token).claims for one in (login, again))
    assert (3, 4) == (first["floor"], second["floor"])
    assert (ada.id, "local-userpass") == (first["who"], first["through"])
    assert "room" not in first


def test_hook_register_transports(open_with: OpenWith) -> None:
    """
    Given a plugin's transport is active,
    when a message is sent,
    then it carries it.
    """

    class Pigeon:
        name = "pigeon"

        def __init__(self) -> None:
            self.carried: list[admit.Message] = []

        @admit.hookimpl
        def register_transports(self) -> Iterable[Transport]:
            return [self]

        async def send(self, message: admit.Message, services: admit.Services) -> None:
            self.carried.append(message)

    pigeon = Pigeon()
    engine = open_with(pigeon, flow="email", settings={"transport": "pigeon"})

    engine.register("ada@example.com", PASSWORD)

    assert ["ada@example.com"] == [message.to for message in pigeon.carried]


class Shop:
    """A plugin with orders to erase; the erasing can fail."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.erased: list[admit.User] = []

    @admit.hookimpl
    def register_erase_steps(self) -> Mapping[str, Callable[[admit.User], None]]:
        return {"orders": self.erase}

    def erase(self, user: admit.User) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.erased.append(user)


def test_hook_register_erase_steps(open_with: OpenWith) -> None:
    """
    Given a plugin that keeps data of users elsewhere,
    when a user was deleted and the worker came by,
    then its step was called once, with the user as it was.
    """
    shop = Shop()
    engine = open_with(shop)
    ada = engine.register("ada@example.com", PASSWORD)

    engine.delete(ada)
    assert [] == shop.erased
    engine.work_once()
    engine.work_once()

    (erased,) = shop.erased
    assert (ada.id, "confirmed", "ada@example.com") == (
        erased.id,
        erased.state,
        erased.identities[0].login_key,
    )


def test_an_erase_step_is_repeated_until_it_succeeds(
    open_with: OpenWith, clock: admit.testing.SettableClock
) -> None:
    """
    Given an erase step whose other side is down for a while,
    when the worker comes by again and again,
    then the step is left alone for some minutes each time, and repeated until it succeeds.
    """
    shop = Shop(ConnectionError("down"), ConnectionError("still down"))
    engine = open_with(shop, clock=clock)
    engine.delete(engine.register("ada@example.com", PASSWORD))

    left = []
    for _ in range(3):
        engine.work_once()
        assert not engine.work_once().runs, "a worker that has nothing to do can rest"
        left.append(len(shop.failures))
        clock.advance(timedelta(minutes=5))

    assert [1, 0, 0] == left
    assert 1 == len(shop.erased)
    assert [2] == [plugin.failures for plugin in engine.plugins() if plugin.name == "Shop"]


def test_hook_register_commands(make_module: MakeModule, tmp_path: Path) -> None:
    """
    Given a plugin with a command, named in the configuration file,
    when the command line is asked for it,
    then it runs; and an engine does not even ask for it.
    """
    name = make_module(
        """
        import admit
        import click

        @click.command("greet")
        @click.argument("who")
        def greet(who):
            click.echo(f"Hello {who}")

        @admit.hookimpl
        def register_commands():
            return [greet]
        """
    )
    config = tmp_path / "admit.toml"
    config.write_text(f'plugins = ["{name}"]\n', "utf-8")

    called = CliRunner().invoke(main, ["--store", str(tmp_path / "users.json"), "greet", "Ada"])

    assert ("Hello Ada\n", 0) == (called.output, called.exit_code)
