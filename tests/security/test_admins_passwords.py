"""P6: an admin starts a reset; a password that an admin gave must be changed."""

from __future__ import annotations

import pytest

from admit import Actor, Engine, hookimpl
from admit.errors import (
    ConfirmationRequired,
    LogInRefused,
    PasswordMustChange,
    PluginFailed,
    WrongCredentials,
)
from admit.testing import Inbox
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
ADDRESS = "ada@example.com"


def create(engine: Engine, password: str, address: str = ADDRESS) -> None:
    """Make a user who may log in with *password* at once."""
    engine.confirm_manually(engine.register(address, password))


def test_p6_a_password_that_an_admin_gave_must_be_changed_first(engine: Engine) -> None:
    """
    Given a user created with a password by an admin,
    when she logs in with it, she is told to change it; when she has, the new one opens.
    """
    engine.acting(Actor("admin", "support-1")).create(ADDRESS, PASSWORD)

    with pytest.raises(PasswordMustChange):
        engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
    engine.change_password(address=ADDRESS, current=PASSWORD, new="my own long password")

    engine.log_in("local-userpass", username=ADDRESS, password="my own long password")


def test_p6_the_mark_is_told_only_to_who_has_the_password(engine: Engine) -> None:
    """Given a user with an admin's password, when a stranger guesses, then she learns nothing of
    the mark; the right password learns it."""
    engine.create(ADDRESS, PASSWORD)

    with pytest.raises(LogInRefused) as guessed:
        engine.public.log_in("local-userpass", username=ADDRESS, password="a wrong password")
    with pytest.raises(LogInRefused) as known:
        engine.public.log_in("local-userpass", username=ADDRESS, password=PASSWORD)

    assert (None, "must-change") == (guessed.value.because, known.value.because)


def test_p6_the_owner_may_change_it_by_herself(engine: Engine) -> None:
    """Given an admin's password, when its owner changes it from a web page, then hers opens."""
    engine.create(ADDRESS, PASSWORD)

    engine.public.change_password(address=ADDRESS, current=PASSWORD, new="my own long password")

    engine.public.log_in("local-userpass", username=ADDRESS, password="my own long password")


def test_p6_a_reset_takes_the_mark_away(engine: Engine, inbox: Inbox) -> None:
    """Given an admin's password, when its owner sets another by a reset link, then hers opens."""
    engine.create(ADDRESS, PASSWORD)
    engine.reset(address=ADDRESS)

    engine.set_password(**inbox.last_link().credentials, password="my own long password")

    engine.log_in("local-userpass", username=ADDRESS, password="my own long password")


def test_p6_a_setting_lets_an_admins_password_open(engine: Engine) -> None:
    """Given the setting is off, when the user logs in with the admin's password, then it opens and
    the mark is still there for the application to see."""
    engine.settings.set("must_change_is_enforced", False)
    engine.create(ADDRESS, PASSWORD)

    user = engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD).user

    assert "admin" == user.identities[0].private["password_set_by"]


def test_p6_an_admin_starts_a_reset_and_chooses_no_password(engine: Engine, inbox: Inbox) -> None:
    """
    Given a confirmed user,
    when an admin resets her password,
    then the old one still opens until she used the link, and the admin has no way around it.
    """
    create(engine, PASSWORD)
    admin = engine.acting(Actor("admin", "support-1"))

    admin.reset(address=ADDRESS, password="chosen by an admin")
    with pytest.raises(WrongCredentials):
        admin.change_password(address=ADDRESS, current="a guess", new="chosen by an admin")

    with pytest.raises(WrongCredentials):
        engine.log_in("local-userpass", username=ADDRESS, password="chosen by an admin")
    engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
    assert ADDRESS == inbox.last().to


def test_p6_a_user_created_without_a_password_cannot_log_in_until_a_reset(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a user created without a password, then no password opens – the empty one neither –
    until she has set one."""
    engine.create(ADDRESS)
    for password in ("", PASSWORD):
        with pytest.raises(WrongCredentials):
            engine.log_in("local-userpass", username=ADDRESS, password=password)
    engine.reset(address=ADDRESS)

    engine.set_password(**inbox.last_link().credentials, password=PASSWORD)

    engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)


def test_p6_a_broken_password_hook_refuses(inbox: Inbox) -> None:
    """Given a password check that breaks, when somebody registers, then she is refused: a check
    that cannot be made was not passed."""

    class Broken:
        @hookimpl
        def before_password(self) -> str | None:
            raise LookupError("the breach list is not there")

    with open_engine(inbox=inbox, plugins=[Broken()]) as engine:
        with pytest.raises(PluginFailed):
            engine.register(ADDRESS, PASSWORD)

        assert 0 == engine.users.count()


def test_p6_confirmation_comes_before_every_password(engine: Engine) -> None:
    """Given a pending user, when she logs in with the right password, then she is told to
    confirm."""
    engine.register(ADDRESS, PASSWORD)

    with pytest.raises(ConfirmationRequired):
        engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
