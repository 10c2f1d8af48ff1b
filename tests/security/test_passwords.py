"""P1–P4, P6: which passwords are taken, how they are kept, and who may choose them."""

from __future__ import annotations

import threading
import unicodedata
from datetime import timedelta

import pytest
from accounts import Commits

import admit
from admit import Actor, Client, Engine, hookimpl
from admit.errors import (
    ConfirmationRequired,
    LogInRefused,
    PasswordMustChange,
    PasswordRefused,
    PluginFailed,
    TryLater,
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


# --- P3 ------------------------------------------------------------------------------------------


def test_p3_without_settings_a_password_is_hashed_with_rfc_9106s_low_memory_profile() -> None:
    """Given an engine as anybody opens it, then a hash is argon2id with 64 MiB, three passes and
    four lanes."""
    with admit.open(MemoryStore(), key=KEY, settings={"confirmation_flow": "auto"}) as engine:
        engine.register(ADDRESS, PASSWORD)

        assert hash_of(engine).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_p3_two_users_with_one_password_have_different_hashes(engine: Engine) -> None:
    """Each hash has a salt of its own."""
    create(engine, PASSWORD)
    create(engine, PASSWORD, "grace@example.com")

    assert hash_of(engine) != hash_of(engine, "grace@example.com")


def test_p3_a_log_in_hashes_again_when_the_parameters_rose(
    store: MemoryStore, inbox: Inbox
) -> None:
    """
    Given a user whose hash was made with small parameters,
    when she logs in at an engine with greater ones,
    then her hash has the greater ones, the password still opens, and a second log-in leaves it.
    """
    create(open_engine(store, inbox=inbox), PASSWORD)
    stronger = admit.open(
        store,
        key=KEY,
        plugins=[inbox],
        settings={**CHEAP_HASHING, "password_time_cost": 2, "password_memory_kibibytes": 16},
    )
    before = hash_of(stronger)

    stronger.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
    after = hash_of(stronger)
    stronger.log_in("local-userpass", username=ADDRESS, password=PASSWORD)

    assert before.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert after.startswith("$argon2id$v=19$m=16,t=2,p=1$")
    assert after == hash_of(stronger)


def test_p3_a_wrong_password_hashes_nothing_again(store: MemoryStore, inbox: Inbox) -> None:
    """Given a user with a small hash at an engine with greater parameters, when somebody logs in
    with a wrong password, then the hash stays."""
    create(open_engine(store, inbox=inbox), PASSWORD)
    stronger = admit.open(
        store, key=KEY, plugins=[inbox], settings={**CHEAP_HASHING, "password_time_cost": 2}
    )
    before = hash_of(stronger)

    with pytest.raises(WrongCredentials):
        stronger.log_in("local-userpass", username=ADDRESS, password="wrong password")

    assert before == hash_of(stronger)


def test_p3_hashing_again_keeps_the_mark_of_an_admins_password(
    store: MemoryStore, inbox: Inbox
) -> None:
    """Given a password that an admin chose, when its hash is made anew at a log-in that is let
    through, then it is still marked as the admin's."""
    open_engine(store, inbox=inbox).create(ADDRESS, PASSWORD)
    stronger = admit.open(
        store,
        key=KEY,
        plugins=[inbox],
        settings={**CHEAP_HASHING, "password_time_cost": 2, "must_change_is_enforced": False},
    )

    user = stronger.log_in("local-userpass", username=ADDRESS, password=PASSWORD).user

    assert "t=2" in hash_of(stronger)
    assert "admin" == user.identities[0].private["password_set_by"]


# --- P4 ------------------------------------------------------------------------------------------

ONE_AT_A_TIME = {
    "hashes_at_once": 1,
    "password_time_cost": 400,
    "password_memory_kibibytes": 1024,
    "password_parallelism": 1,
    "confirmation_flow": "auto",
}
"""Hashes of about 0.2 s, so that those which begin together meet."""


class Together:
    """Holds the first registrations just before their hash until all have come, then lets go."""

    def __init__(self, parties: int) -> None:
        self._barrier = threading.Barrier(parties)
        self._turns = iter(range(parties))

    @hookimpl
    def before_register(self) -> None:
        if next(self._turns, None) is not None:
            self._barrier.wait(30)


def register_together(engine: Engine, parties: int) -> list[BaseException | None]:
    """Let that many users register at the same moment; return the error of each, or None."""
    outcomes: list[BaseException | None] = []

    def register(number: int) -> None:
        try:
            engine.register(f"user{number}@example.com", PASSWORD)
        except admit.AdmitError as problem:
            outcomes.append(problem)
        else:
            outcomes.append(None)

    threads = [threading.Thread(target=register, args=(number,)) for number in range(parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


@pytest.mark.parametrize(("waiting", "parties"), [(0, 2), (1, 3), (2, 5)])
def test_p4_a_full_queue_answers_try_later(waiting: int, parties: int) -> None:
    """
    Given room for one hash at a time, and for some that wait,
    when more registrations come at the same moment,
    then one and those that may wait are hashed, each other is told to try later, and nothing is
    written for it.
    """
    with admit.open(
        MemoryStore(),
        key=KEY,
        settings={**ONE_AT_A_TIME, "hashes_waiting": waiting},
        plugins=[Together(parties)],
    ) as engine:
        outcomes = register_together(engine, parties)

        refused = [outcome for outcome in outcomes if outcome is not None]
        assert [TryLater] * (parties - 1 - waiting) == [type(problem) for problem in refused]
        assert 1 + waiting == engine.users.count()


def test_p4_hashes_that_had_to_wait_are_not_lost() -> None:
    """Given room for one hash at a time and for all others to wait, when eight users register at
    the same moment, then all are there and each may log in."""
    with admit.open(
        MemoryStore(),
        key=KEY,
        settings={**CHEAP_HASHING, "hashes_at_once": 1, "confirmation_flow": "auto"},
        plugins=[Together(8)],
    ) as engine:
        outcomes = register_together(engine, 8)

        assert [None] * 8 == outcomes
        for number in range(8):
            engine.log_in("local-userpass", username=f"user{number}@example.com", password=PASSWORD)


def test_p4_a_queue_that_was_full_is_open_again_afterwards() -> None:
    """Given an engine that told somebody to try later, when she tries later, then she is
    registered."""
    with admit.open(
        MemoryStore(),
        key=KEY,
        settings={**ONE_AT_A_TIME, "hashes_waiting": 0},
        plugins=[Together(2)],
    ) as engine:
        outcomes = register_together(engine, 2)
        assert 1 == sum(isinstance(outcome, TryLater) for outcome in outcomes)
        assert 1 == engine.users.count()

        engine.register("later@example.com", PASSWORD)

        assert 2 == engine.users.count()


ENDLESS_HASHING = {
    "password_time_cost": 10_000_000,
    "password_memory_kibibytes": 1024,
    "password_parallelism": 1,
    "confirmation_flow": "auto",
}
"""One hash would take hours: whoever comes back has not hashed."""


def test_p4_the_length_is_checked_before_hashing() -> None:
    """Given hashing that takes hours, when a password is too long or too short, then it is refused
    at once, on every way in."""
    with admit.open(MemoryStore(), key=KEY, settings=ENDLESS_HASHING) as engine:
        engine.register(ADDRESS)
        too_long = "x" * 1_000_000

        for password in (too_long, "short"):
            with pytest.raises(PasswordRefused):
                engine.register("grace@example.com", password)
            with pytest.raises(PasswordRefused):
                engine.public.register("grace@example.com", password)
        with pytest.raises(WrongCredentials):
            engine.log_in("local-userpass", username=ADDRESS, password=too_long)
        with pytest.raises(LogInRefused):
            engine.public.delete(address=ADDRESS, password=too_long)


def test_p4_a_client_who_asks_too_often_costs_no_hash() -> None:
    """Given hashing that takes hours, when a client that has used up its requests registers, then
    it has to wait, and no hash was begun."""
    with admit.open(MemoryStore(), key=KEY, settings=ENDLESS_HASHING) as engine:
        engine.settings.set("requests_per_client", 10)
        client = engine.acting(Actor("user"), client=Client(address="203.0.113.7"))
        for number in range(10):
            client.public.reset(address=f"a{number}@example.com")

        with pytest.raises(TryLater):
            client.public.register("grace@example.com", "a fine long password")


def test_p4_a_dead_token_costs_no_hash(inbox: Inbox) -> None:
    """Given hashing that takes hours, when a stranger uses made-up tokens to set a password or to
    confirm with one, then they are refused at once."""
    with admit.open(MemoryStore(), key=KEY, settings=ENDLESS_HASHING, plugins=[inbox]) as engine:
        user = engine.register(ADDRESS)
        token = user.id + "0" * 104

        for use in (engine.public.confirm, engine.public.set_password, engine.set_password):
            with pytest.raises(admit.errors.TokenRefused):
                use(token_id=user.runs[-1].id, token=token, password="my own long password")


# --- P6 ------------------------------------------------------------------------------------------


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
