"""P1, P2: what a password may be."""

from __future__ import annotations

import unicodedata
from datetime import timedelta

import pytest
from accounts import Commits

import admit
from admit import Engine, hookimpl
from admit.errors import (
    PasswordRefused,
    WrongCredentials,
)
from admit.testing import CHEAP_HASHING, KEY, Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
ADDRESS = "ada@example.com"


def hash_of(engine: Engine, address: str = ADDRESS) -> str:
    """What is kept of a user's password."""
    identity = engine.users.find(address).identity("local-userpass")
    assert identity is not None
    return identity.private["hash"]


def create(engine: Engine, password: str, address: str = ADDRESS) -> None:
    """Make a user who may log in with *password* at once."""
    engine.confirm_manually(engine.register(address, password))


# --- P1 ------------------------------------------------------------------------------------------


def test_p1_eight_characters_are_enough_and_seven_too_few(engine: Engine, commits: Commits) -> None:
    """Given the defaults, when a password has seven characters it is refused and nothing is
    written; with eight it is taken."""
    with commits.watched() as shapes, pytest.raises(PasswordRefused) as refused:
        engine.register(ADDRESS, "7 chars")

    assert "password" == refused.value.field
    assert [] == shapes
    create(engine, "8 chars.")
    engine.log_in("local-userpass", username=ADDRESS, password="8 chars.")


def test_p1_the_least_length_is_a_setting(engine: Engine) -> None:
    """Given an admin who asks for 15 characters, when a password has 14, then it is refused."""
    engine.settings.set("password_min_length", 15)

    with pytest.raises(PasswordRefused):
        engine.register(ADDRESS, "x" * 13 + "y")

    engine.register(ADDRESS, "x" * 14 + "y")


@pytest.mark.parametrize("length", [128, 1024])
def test_p1_long_passwords_are_taken_and_never_cut(engine: Engine, length: int) -> None:
    """Given a password as long as allowed, when all but its last character is given, then it opens
    nothing; all of it does."""
    password = "abcdefghijklmnopqrstuvwxyz012345" * (length // 32)
    create(engine, password)

    with pytest.raises(WrongCredentials):
        engine.log_in("local-userpass", username=ADDRESS, password=password[:-1])
    with pytest.raises(WrongCredentials):
        engine.log_in("local-userpass", username=ADDRESS, password=password + "x")
    engine.log_in("local-userpass", username=ADDRESS, password=password)


def test_p1_less_than_128_characters_cannot_be_made_the_most(engine: Engine) -> None:
    """Given an admin, when she would refuse passwords of 128 characters, then the setting is
    refused: the rule stands above the settings."""
    with pytest.raises(admit.AdmitError):
        engine.settings.set("password_max_length", 127)

    create(engine, "\u2603 " * 64)


def test_p1_one_character_too_many_is_refused_rather_than_cut(engine: Engine) -> None:
    """Given a password longer than the most, when somebody registers with it, then it is
    refused."""
    with pytest.raises(PasswordRefused):
        engine.register(ADDRESS, "x" * 1025)

    assert 0 == engine.users.count()


def test_p1_lowering_the_most_locks_nobody_out(
    engine: Engine, store: MemoryStore, inbox: Inbox
) -> None:
    """
    Given a user with a long password, and an admin who lowers the most characters below it,
    when she logs in or changes it – at once, or at an engine opened later with stronger hashing –,
    then the old one is known, while a new one as long is refused.
    """
    password = "long enough for everybody " * 20
    create(engine, password)
    engine.settings.set("password_max_length", 128)
    hashing = {**CHEAP_HASHING, "password_time_cost": 2}
    later = admit.open(store, key=KEY, plugins=[inbox], settings=hashing)

    for each in (engine, later):
        each.log_in("local-userpass", username=ADDRESS, password=password)
        with pytest.raises(PasswordRefused, match="more than 128"):
            each.change_password(address=ADDRESS, current=password, new="y" * 129)
    assert hash_of(later).startswith("$argon2id$v=19$m=8,t=2,p=1$")
    later.change_password(address=ADDRESS, current=password, new="y" * 128)


def test_p1_raising_the_most_counts_without_opening_again(engine: Engine) -> None:
    """Given a running engine, when an admin allows longer passwords, then they are taken."""
    engine.settings.set("password_max_length", 2000)
    create(engine, "z" * 2000)

    engine.log_in("local-userpass", username=ADDRESS, password="z" * 2000)


@pytest.mark.parametrize(
    "password",
    [
        "\u043f\u0430\u0440\u043e\u043b\u044c \u043f\u0430\u0440\u043e\u043b\u044c",
        "\u30d1\u30b9\u30ef\u30fc\u30c9\u3067\u3059\u3088",
        "\U0001f600\U0001f601\U0001f602\U0001f603\U0001f604\U0001f605\U0001f606\U0001f607",
        "        leading and trailing   ",
        "with\x00a\x01control\x7f\x1b",
        "\u200f\u202eright to left",
        "aaaaaaaaaaaaaaab",
    ],
    ids=["cyrillic", "kana", "emoji", "spaces", "controls", "bidi", "one-letter"],
)
def test_p1_any_unicode_is_a_password_and_no_composition_is_asked_for(
    engine: Engine, password: str
) -> None:
    """Given a password in any signs, when it was set, then it opens, and nothing else does."""
    create(engine, password)

    engine.log_in("local-userpass", username=ADDRESS, password=password)
    with pytest.raises(WrongCredentials):
        engine.log_in("local-userpass", username=ADDRESS, password=password.strip() + "?")


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_p1_every_way_to_type_the_same_characters_opens(engine: Engine, form: str) -> None:
    """Given a password set on one machine, when another types it in another normal form, then it
    opens."""
    password = "\u00e9l\u00e9phant \ufb01n de \u212bngstr\u00f6m"
    create(engine, password)

    typed = unicodedata.normalize(form, password)  # type: ignore[arg-type]  # one of the four
    engine.log_in("local-userpass", username=ADDRESS, password=typed)


def test_p1_a_password_never_grows_old(engine: Engine, clock: SettableClock) -> None:
    """Given a password set ten years ago, when its owner logs in, then she is not asked to change
    it."""
    create(engine, PASSWORD)
    clock.advance(timedelta(days=3650))

    engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)


# --- P2 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "password",
    ["password", "PASSWORD", "12345678", "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44"],
)
def test_p2_the_commonest_passwords_are_refused(engine: Engine, password: str) -> None:
    """Given a password of those that are tried first, in capitals or full width, when somebody
    registers with it, then it is refused."""
    with pytest.raises(PasswordRefused):
        engine.register(ADDRESS, password)

    assert 0 == engine.users.count()


@pytest.mark.parametrize("password", ["ada.lovelace@example.com", "ADA.LOVELACE", "ada.lovelace"])
def test_p2_the_address_itself_is_refused(engine: Engine, inbox: Inbox, password: str) -> None:
    """Given a password that is the address, or its name, then registration, reset and change all
    refuse it."""
    address = "Ada.Lovelace@example.com"
    with pytest.raises(PasswordRefused):
        engine.register(address, password)
    create(engine, PASSWORD, address)
    engine.reset(address=address)
    with pytest.raises(PasswordRefused):
        engine.set_password(**inbox.last_link().credentials, password=password)
    with pytest.raises(PasswordRefused):
        engine.change_password(address=address, current=PASSWORD, new=password)

    engine.log_in("local-userpass", username=address, password=PASSWORD)


def test_p2_a_plugin_may_refuse_a_password_everywhere_one_is_set(
    inbox: Inbox, store: MemoryStore
) -> None:
    """Given a plugin with a list of breached passwords, when one of them would be set in any way,
    then it is refused with the plugin's words, and nothing is set."""

    class Breached:
        @hookimpl
        def before_password(self, password: str) -> str | None:
            return "was found in a breach." if "breached" in password else None

    breached = "a breached password"
    with open_engine(store, inbox=inbox, plugins=[Breached()]) as engine:
        create(engine, PASSWORD)
        engine.reset(address=ADDRESS)
        link = inbox.last_link().credentials
        ways = (
            lambda: engine.register("grace@example.com", breached),
            lambda: engine.create("grace@example.com", breached),
            lambda: engine.set_password(**link, password=breached),
            lambda: engine.change_password(address=ADDRESS, current=PASSWORD, new=breached),
            lambda: engine.public.register("grace@example.com", breached),
            lambda: engine.public.set_password(**link, password=breached),
            lambda: engine.public.reset(address=ADDRESS, password=breached),
        )
        for way in ways:
            with pytest.raises(PasswordRefused, match="was found in a breach"):
                way()

        engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
        engine.set_password(**link, password="something else entirely")
