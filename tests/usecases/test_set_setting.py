"""Settings: five sources, one order; changed while the engine runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

import admit
from admit import hookimpl, setting
from admit.errors import InvalidSetting, PasswordRefused, UnknownName
from admit.testing import CHEAP_HASHING, KEY, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration file that sets one setting."""
    file = tmp_path / "admit.toml"
    file.write_text('password_min_length = 10\n[email]\nsubject = "From the file"\n')
    return file


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """What the environment says; taken back after the test."""
    added: dict[str, str] = {}
    yield added
    for name in added:
        os.environ.pop(name, None)


def opened(
    store: MemoryStore,
    *,
    config: Path | None = None,
    settings: Mapping[str, object] | None = None,
) -> admit.Engine:
    """Open an engine as an application does."""
    given = {**CHEAP_HASHING, **(settings or {})}
    return admit.open(store, key=KEY, config=config, settings=given, worker=False)


def test_what_is_set_nowhere_has_its_default(engine: admit.Engine) -> None:
    """And says so."""
    info = engine.settings.info("password_min_length")

    assert (8, "default", ()) == (info.value, info.source, info.hides)


def test_each_source_hides_the_weaker_ones(
    store: MemoryStore, config: Path, environment: dict[str, str]
) -> None:
    """
    Given a setting in the file, the store, the environment and the code,
    when it is looked at,
    then the code's value is in force, and the three that it hides are shown, weakest first.
    """
    opened(store, config=config).settings.set("password_min_length", 11)
    environment["ADMIT_PASSWORD_MIN_LENGTH"] = "12"
    os.environ.update(environment)

    engine = opened(store, config=config, settings={"password_min_length": 13})

    info = engine.settings.info("password_min_length")
    assert (13, "code") == (info.value, info.source)
    assert (("file", 10), ("store", 11), ("environment", 12)) == info.hides


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ([], 8),
        (["file"], 10),
        (["file", "store"], 11),
        (["file", "store", "environment"], 12),
        (["file", "store", "environment", "code"], 13),
        (["store", "code"], 13),
        (["file", "environment"], 12),
    ],
    ids=lambda value: "+".join(value) or "nothing" if isinstance(value, list) else str(value),
)
def test_the_strongest_source_decides(
    store: MemoryStore,
    config: Path,
    environment: dict[str, str],
    present: list[str],
    expected: int,
) -> None:
    """default < file < store < environment < code."""
    if "store" in present:
        opened(store).settings.set("password_min_length", 11)
    if "environment" in present:
        environment["ADMIT_PASSWORD_MIN_LENGTH"] = "12"
        os.environ.update(environment)

    engine = opened(
        store,
        config=config if "file" in present else None,
        settings={"password_min_length": 13} if "code" in present else {},
    )

    assert expected == engine.settings.get("password_min_length")


def test_a_setting_takes_effect_at_once(engine: admit.Engine) -> None:
    """The next call sees it."""
    engine.settings.set("password_min_length", 40)

    with pytest.raises(PasswordRefused, match="fewer than 40"):
        engine.register("ada@example.com", PASSWORD)


def test_another_engine_on_the_store_sees_it(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock
) -> None:
    """
    Given two processes on one store,
    when an admin chooses another flow in one of them and takes it back,
    then the other one shows it, and enters it.
    """
    other = open_engine(store, clock=clock)
    engine.settings.set("confirmation_flow", "auto")

    assert "auto" == other.settings.get("confirmation_flow")
    assert "confirmed" == other.register("ada@example.com", PASSWORD).state

    engine.settings.unset("confirmation_flow")
    assert "email" == other.settings.get("confirmation_flow")


def test_what_was_unset_shows_what_is_weaker(store: MemoryStore, config: Path) -> None:
    """The file's value again; unsetting twice is let pass."""
    engine = opened(store, config=config)
    engine.settings.set("password_min_length", 11)

    engine.settings.unset("password_min_length")
    engine.settings.unset("password_min_length")

    assert 10 == engine.settings.get("password_min_length")


def test_writing_what_something_stronger_hides_is_refused_and_names_it(
    store: MemoryStore, environment: dict[str, str]
) -> None:
    """It would look as if it had worked."""
    environment["ADMIT_EMAIL_SUBJECT"] = "From the environment"
    os.environ.update(environment)
    engine = opened(store, settings={"password_min_length": 13})

    with pytest.raises(InvalidSetting, match="set by code"):
        engine.settings.set("password_min_length", 9)
    with pytest.raises(InvalidSetting, match="set by environment"):
        engine.settings.set("email.subject", "From the store")


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("password_min_length", 5, "at least 6"),
        ("password_min_length", 65, "at most 64"),
        ("password_min_length", "many", "whole number"),
        ("password_min_length", True, "whole number"),
        ("token_lifetime", timedelta(hours=25), "at most 1 day"),
        ("token_lifetime", "soon", "duration"),
        ("reset_token_lifetime", "61 minutes", "at most 1 hour"),
        ("address_policy", "whoever shouts", "one of reserve, first-proof"),
        ("confirmation_flow", None, "must have a value"),
        ("must_change_is_enforced", "perhaps", "true or false"),
        ("transport", 7, "must be text"),
        ("transport", "inbox \ud83d", "must be Unicode text"),
        ("transport", "x" * 100_000, "must be Unicode text of at most"),
        ("cool_down", float("nan"), "longer than time goes"),
    ],
    ids=str,
)
def test_a_value_out_of_bounds_is_refused_with_the_rule(
    engine: admit.Engine, name: str, value: object, rule: str
) -> None:
    """The value in force stays."""
    before = engine.settings.get(name)

    with pytest.raises(InvalidSetting, match=rule):
        engine.settings.set(name, value)

    assert before == engine.settings.get(name)


def test_a_value_out_of_bounds_in_the_code_keeps_the_engine_from_opening(
    store: MemoryStore,
) -> None:
    """Lifetimes are checked when the configuration loads (T5)."""
    with pytest.raises(InvalidSetting, match="at most 1 day"):
        opened(store, settings={"token_lifetime": timedelta(days=2)})


@pytest.mark.parametrize("name", ["password_time_cost", "templates", "hashes_at_once"])
def test_what_an_admin_must_not_change_is_refused(engine: admit.Engine, name: str) -> None:
    """The error says where it may be set."""
    with pytest.raises(InvalidSetting, match="cannot be set by store") as refused:
        engine.settings.set(name, 1)

    assert "code" in refused.value.next_step


def test_what_only_code_may_set_ignores_the_environment(
    store: MemoryStore, environment: dict[str, str]
) -> None:
    """Nobody weakens the hashing by a variable."""
    environment["ADMIT_PASSWORD_TIME_COST"] = "99"
    os.environ.update(environment)

    assert 1 == opened(store).settings.get("password_time_cost")


@pytest.mark.parametrize("name", ["password_min_lenght", "email.sbject", "nonsense"])
def test_an_unknown_setting_is_refused_with_the_known_ones(engine: admit.Engine, name: str) -> None:
    """Setting, reading and taking back alike."""
    for ask in (engine.settings.get, engine.settings.unset):
        with pytest.raises(UnknownName) as unknown:
            ask(name)
        assert "password_min_length" in unknown.value.known
    with pytest.raises(UnknownName):
        engine.settings.set(name, 1)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("confirmation_flow", "email"),
        ("reset_flow", "email"),
        ("transport", "inbox"),
        ("password_provider", "local-userpass"),
    ],
)
def test_naming_what_is_not_loaded_is_refused_with_what_is(
    engine: admit.Engine, name: str, known: str
) -> None:
    """A slip of the finger must not leave an engine without a flow."""
    with pytest.raises(UnknownName) as unknown:
        engine.settings.set(name, "carrier-pigeon")

    assert known in unknown.value.known


def test_a_stored_value_that_is_out_of_bounds_is_ignored_and_named(store: MemoryStore) -> None:
    """
    Given a value that a plugin's older version allowed,
    when its newer version is stricter,
    then the default is in force, and the problem is shown.
    """

    @attrs.frozen
    class Loose:
        size: int = setting(1, "How large.", maximum=100)

    @attrs.frozen
    class Strict:
        size: int = setting(1, "How large.", maximum=10)

    open_engine(store, plugins=[Sized(Loose)]).settings.set("sized.size", 50)

    info = open_engine(store, plugins=[Sized(Strict)]).settings.info("sized.size")

    assert (1, "default") == (info.value, info.source)
    assert info.problem is not None
    assert "at most 10" in info.problem


class Sized:
    """A plugin with a section of settings."""

    def __init__(self, section: type) -> None:
        self.section = section

    @hookimpl
    def register_settings(self) -> dict[str, type]:
        return {"sized": self.section}


def test_a_change_is_recorded_without_its_value(engine: admit.Engine) -> None:
    """Who changed which setting; not to what: it may be anything."""
    engine.acting(admit.Actor("admin", "grace")).settings.set("email.subject", "Welcome")
    engine.settings.unset("email.subject")

    changed, unset = engine.events.unsealed(limit=100)[-2:]

    assert ("setting-set", "grace") == (changed.trigger, changed.actor.id)
    assert {"setting": "email.subject"} == changed.codes == unset.codes
    assert "setting-unset" == unset.trigger


def test_every_setting_is_listed_with_its_help(engine: admit.Engine) -> None:
    """By name, those of plugins too."""
    names = [info.name for info in engine.settings.all()]

    assert sorted(names) == names
    assert {"token_lifetime", "email.subject", "function.time_limit"} <= set(names)
    assert all(info.about.help for info in engine.settings.all())


@attrs.frozen
class Dials:
    """A stranger's section, with a setting of each type."""

    factor: float = setting(1.0, "A number.", minimum=0.5, maximum=9.5)
    loud: bool = setting(False, "A switch.")
    place: Path = setting(Path(), "A folder.")
    word: admit.Secret | None = setting(None, "A secret.")


class Dial:
    """The plugin of that section."""

    @hookimpl
    def register_settings(self) -> Mapping[str, type]:
        return {"dial": Dials}


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("dial.factor", "2.5", 2.5),
        ("dial.factor", 2, 2.0),
        ("dial.loud", "Yes", True),
        ("dial.loud", "off", False),
        ("dial.loud", True, True),
        ("dial.place", "/srv/mail", Path("/srv/mail")),
    ],
)
def test_a_setting_of_a_plugin_is_read_as_its_type(name: str, value: object, read: object) -> None:
    """As people type it, or as a program says it."""
    with open_engine(plugins=[Dial()]) as engine:
        engine.settings.set(name, value)

        assert read == engine.settings.get(name)
        assert type(read) is type(engine.settings.get(name))


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("much", "must be a number"),
        (True, "must be text"),
        (0.25, "at least 0.5"),
        (10, "at most 9.5"),
        ("nan", "must be a number"),
        (float("inf"), "must be a number"),
    ],
)
def test_a_number_that_is_none_is_refused(value: object, rule: str) -> None:
    """Also the two that a computer has and nobody means."""
    with open_engine(plugins=[Dial()]) as engine:
        with pytest.raises(InvalidSetting, match=rule):
            engine.settings.set("dial.factor", value)

        assert 1.0 == engine.settings.get("dial.factor")


def test_what_code_sets_may_have_its_type_already(store: MemoryStore) -> None:
    """A path, a secret."""
    given = {**CHEAP_HASHING, "dial.place": Path("/srv"), "dial.word": admit.Secret("sesame")}
    with admit.open(store, key=KEY, plugins=[Dial()], settings=given) as engine:
        assert Path("/srv") == engine.settings.get("dial.place")
        assert "sesame" not in repr(engine.settings.all())


def test_t3_a_secret_is_not_kept_in_the_store() -> None:
    """Though its section does not forbid it: the store keeps no secret in plain text."""
    with open_engine(plugins=[Dial()]) as engine:
        with pytest.raises(InvalidSetting, match="a secret, which the store does not keep"):
            engine.settings.set("dial.word", "sesame")

        assert engine.settings.get("dial.word") is None


def test_a_secret_that_is_no_text_is_refused(store: MemoryStore) -> None:
    """And not quoted."""
    with pytest.raises(InvalidSetting, match="must be text") as refused:
        admit.open(store, key=KEY, plugins=[Dial()], settings={"dial.word": 12345678})

    assert "12345678" not in str(refused.value)


def test_a_mistyped_setting_is_answered_with_the_nearest(engine: admit.Engine) -> None:
    """There are more than anybody reads; all of them stand in `known`."""
    with pytest.raises(UnknownName, match=r"Nearest: token_lifetime,") as raised:
        engine.settings.set("token_lifetme", "1 hour")

    assert "email.subject" in raised.value.known
