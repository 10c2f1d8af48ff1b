"""Users whose password another provider keeps: they prove themselves as everybody does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from readers import Readers
from told_flow import ToldFlow

import admit
from admit import (
    Receipt,
    User,
)
from admit.errors import LogInRefused, NotAllowed, PluginFailed, WrongCredentials
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PIN = "71829364"
NEW_PIN = "93271846"


@pytest.fixture
def engine(
    store: MemoryStore, clock: SettableClock, inbox: Inbox, told: ToldFlow
) -> Iterator[admit.Engine]:
    """An engine with both kinds of users; `told` brings tokens to who has no address."""
    plugins = [Readers(), told]
    with open_engine(store, clock=clock, inbox=inbox, plugins=plugins) as engine:
        engine.settings.set("confirmation_flow", "told")
        engine.settings.set("reset_flow", "told")
        yield engine


@pytest.fixture
def reader(engine: admit.Engine) -> User:
    """A confirmed reader, who has no address."""
    return engine.confirm_manually(engine.register("4711", PIN, provider="reader"))


def opens(engine: admit.Engine, pin: str) -> bool:
    try:
        engine.log_in("reader", card="4711", pin=pin)
    except WrongCredentials:
        return False
    return True


def test_she_changes_her_password_herself(engine: admit.Engine, reader: User) -> None:
    """Named by her id, since she has no address; a wrong one is refused."""
    with pytest.raises(LogInRefused):
        engine.public.change_password(user=reader.id, current=NEW_PIN, new=NEW_PIN)

    engine.public.change_password(user=reader.id, current=PIN, new=NEW_PIN)

    assert (False, True) == (opens(engine, PIN), opens(engine, NEW_PIN))


def test_she_deletes_her_account_herself(engine: admit.Engine, reader: User) -> None:
    """Her PIN is the fresh proof."""
    with pytest.raises(LogInRefused):
        engine.public.delete(user=reader, password=NEW_PIN)

    assert Receipt() == engine.public.delete(user=reader, password=PIN)

    assert 0 == engine.users.count("confirmed")


def test_she_corrects_her_address_while_she_is_pending(
    engine: admit.Engine, told: ToldFlow
) -> None:
    """
    Given a reader who registered with a mistyped address,
    when she corrects it with her PIN, through either face,
    then messages go to the corrected one, and her login is the card as before.
    """
    data = {"address": "ada@exmaple.com"}
    ada = engine.register("4711", PIN, provider="reader", data=data)
    herself = engine.acting(admit.Actor("user", ada.id))
    with pytest.raises(WrongCredentials):
        herself.correct_address(ada, to="ada@example.org", password=NEW_PIN)
    assert "correct-address" == engine.users.timeline(ada)[-1].codes["asked"]
    herself.correct_address(ada, to="ada@example.org", password=PIN)

    engine.public.correct_address(address="ada@example.org", password=PIN, to="ada@example.com")
    engine.work_once()

    assert "ada@example.com" == told.entries[-1].username
    engine.confirm(**told.link)
    assert opens(engine, PIN)


def test_a_reset_sets_the_password_that_her_provider_keeps(
    engine: admit.Engine, reader: User, told: ToldFlow
) -> None:
    """The token was brought to her by the reset flow."""
    engine.reset(reader)

    engine.public.set_password(**told.link, password=NEW_PIN)

    assert (False, True) == (opens(engine, PIN), opens(engine, NEW_PIN))


def test_confirming_with_another_password_replaces_hers(
    engine: admit.Engine, told: ToldFlow
) -> None:
    """As for every user (security.md H7)."""
    engine.register("4711", PIN, provider="reader")

    engine.public.confirm(**told.link, password=NEW_PIN)

    assert (False, True) == (opens(engine, PIN), opens(engine, NEW_PIN))


def test_a_password_of_the_chosen_provider_comes_first(engine: admit.Engine) -> None:
    """The setting `password_provider` may name any that registers; addresses then lead to it."""
    engine.settings.set("password_provider", "reader")

    reader = engine.confirm_manually(engine.register("4711", PIN))

    engine.change_password(reader, current=PIN, new=NEW_PIN)
    assert opens(engine, NEW_PIN)


def test_a_process_that_lacks_her_provider_neither_asks_nor_changes_it(
    engine: admit.Engine, reader: User, store: MemoryStore, told: ToldFlow
) -> None:
    """As far as such a process knows, she has no password: right or wrong, it proves nothing."""
    with open_engine(store, plugins=[told], settings={"reset_flow": "told"}) as elsewhere:
        with pytest.raises(NotAllowed, match="does not have"):
            elsewhere.reset(reader)
        with pytest.raises(WrongCredentials):
            elsewhere.change_password(reader, current=PIN, new=NEW_PIN)
        with pytest.raises(LogInRefused):
            elsewhere.public.delete(user=reader, password=PIN)

        assert reader.identities == elsewhere.users.get(reader.id).identities


@pytest.mark.parametrize("missing", ["identify", "check", "new_identity", "verify_private"])
def test_a_provider_that_lacks_a_method_does_not_load(missing: str) -> None:
    """It is named when the engine opens, not when a user needs it."""
    provider = Readers()
    setattr(provider, missing, None)

    with pytest.raises(PluginFailed, match=f"'reader' has no method '{missing}'"):
        open_engine(plugins=[provider])
