"""The doctor: what is wrong or weak is found, each with its remedy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cli_calls import PASSWORD, engine_on
from mail_servers import MailServer

import admit
from admit.examining import examine
from admit.hookspecs import hookimpl
from admit.testing import CHEAP_HASHING, Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

SOUND: Mapping[str, object] = {
    "confirmation_flow": "auto",
    "reset_flow": "email",
    "email.sender": "shop@example.com",
    "email.link_base": "https://shop.example/confirm",
    "transport": "inbox",
    "password_memory_kibibytes": 65_536,
}


def found(engine: admit.Engine) -> list[tuple[str, str | None]]:
    return [(advice.code, advice.about) for advice in engine.doctor.examine()]


def test_a_sound_application_has_nothing_to_be_mended() -> None:
    """Given an application with nothing wrong or weak, then nothing is said."""
    with open_engine(settings=SOUND) as engine:
        assert [] == found(engine)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("password_memory_kibibytes", 8),
        ("password_min_length", 6),
        ("must_change_is_enforced", False),
        ("fresh_log_in_within", None),
        ("sessions_end_at_once", False),
        ("cool_down", timedelta(0)),
        ("wrong_passwords_an_account", 5000),
        ("email.link_base", "http://shop.example/confirm"),
        ("email.reset_link_base", "https://localhost/reset"),
    ],
)
def test_a_weak_setting_is_named_with_what_would_be_better(setting: str, value: object) -> None:
    """One at a time, so that none hides behind another."""
    with open_engine(settings={**SOUND, setting: value}) as engine:
        (advice,) = engine.doctor.examine()

    assert ("setting-weak", "weak", setting) == (advice.code, advice.severity, advice.about)
    assert advice.sentence.startswith(f"{setting}: ")
    assert advice.remedy


def test_a_flow_that_cannot_be_entered_is_wrong(store: MemoryStore) -> None:
    """
    Given an application that is not configured to send,
    when it is examined,
    then each flow that could not be entered is named once, with the settings that it lacks.
    """
    with open_engine(store, settings={**SOUND, "email.sender": None}) as engine:
        first = engine.doctor.examine()[0]

    assert ("not-configured", "wrong", "reset_flow") == (first.code, first.severity, first.about)
    assert "Set email.sender in admit.toml or the environment." == first.remedy


def test_a_provider_of_passwords_that_is_off_or_gone_is_told() -> None:
    """Nobody could register, and each registration would say so to a stranger only."""
    with open_engine(settings=SOUND) as engine:
        engine.settings.set("local-userpass.enabled", False)
        assert [("provider-disabled", "password_provider")] == found(engine)
    with open_engine(settings=SOUND, discover=["email", "auto"]) as engine:
        assert ("provider-missing", "password_provider") in found(engine)


def test_mails_that_nobody_gets_are_told(tmp_path: Path) -> None:
    """A folder is for development."""
    with open_engine(
        settings={**SOUND, "transport": "folder"}, fixed={"folder.path": tmp_path}
    ) as engine:
        assert [("transport-for-development", "transport")] == found(engine)


def smtp(port: int, **more: object) -> dict[str, Any]:
    return {"smtp.host": "127.0.0.1", "smtp.port": port, "smtp.tls": "off", **more}


def test_a_mail_server_that_takes_mail_is_asked_and_gets_none() -> None:
    """
    Given a real mail server,
    when the application is examined, then nothing is wrong, and no mail arrived;
    when it would log in where nobody can, or the server is gone, then that is told.
    """
    server = MailServer()
    right = smtp(server.port)
    wrong = {**right, "smtp.username": "shop", "smtp.password": "secret"}
    sound = {**SOUND, "transport": "smtp"}
    try:
        with open_engine(settings=sound, fixed=right) as engine:
            assert [] == found(engine)
        with open_engine(settings=sound, fixed=wrong) as engine:
            (refused,) = engine.doctor.examine()
    finally:
        server.close()
    with open_engine(settings=sound, fixed=right) as engine:
        (away,) = engine.doctor.examine()

    assert [] == server.received
    assert ("transport-unreachable", "wrong") == (refused.code, refused.severity)
    assert "lacks" in refused.sentence
    assert "could not be reached" in away.sentence
    assert "secret" not in f"{refused}{away}"


def test_a_queue_that_nobody_works_is_told(clock: SettableClock) -> None:
    """
    Given a stranger's registration that waits for a worker,
    when five minutes have gone by, then the queue stands still;
    when an hour has, then the trail is not sealed either;
    when a worker came by, then all is well.
    """
    with open_engine(clock=clock, settings={**SOUND, "confirmation_flow": "email"}) as engine:
        engine.public.register("ada@example.com", PASSWORD)
        assert [] == found(engine)

        clock.advance(timedelta(minutes=6))
        assert [("queue-stands-still", None)] == found(engine)
        clock.advance(timedelta(hours=1))
        assert [("queue-stands-still", None), ("trail-not-sealed", None)] == found(engine)

        for _ in range(3):
            engine.work_once()
        assert [] == found(engine)


def test_a_clock_that_is_behind_is_told(store: MemoryStore) -> None:
    """Given a store that has seen tomorrow, then this machine's clock is wrong."""
    ahead = SettableClock()
    ahead.advance(timedelta(days=1))
    with open_engine(store, clock=ahead, settings=SOUND) as engine:
        engine.create("ada@example.com")
        store.close = lambda: None  # type: ignore[method-assign]

    with open_engine(store, settings=SOUND) as engine:
        assert [("clock-behind", None)] == found(engine)


def test_a_stored_setting_that_is_ignored_is_told(store: MemoryStore) -> None:
    """A value that an older version let pass, say."""

    class Narrow:
        @hookimpl
        def register_settings(self) -> Mapping[str, type]:
            return {"shop": narrow}

    import attrs

    @attrs.frozen
    class wide:
        size: int = admit.setting(1, "The size.")

    @attrs.frozen
    class narrow:
        size: int = admit.setting(1, "The size.", maximum=10)

    class Wide:
        @hookimpl
        def register_settings(self) -> Mapping[str, type]:
            return {"shop": wide}

    with open_engine(store, settings=SOUND, plugins=[Wide()]) as engine:
        engine.settings.set("shop.size", 100)
        store.close = lambda: None  # type: ignore[method-assign]

    with open_engine(store, settings=SOUND, plugins=[Narrow()]) as engine:
        (advice,) = engine.doctor.examine()

    assert ("setting-ignored", "wrong", "shop.size") == (
        advice.code,
        advice.severity,
        advice.about,
    )
    assert "admit settings unset shop.size" in advice.remedy


def test_an_erasure_that_was_given_up_is_told(clock: SettableClock) -> None:
    """Something of a deleted user is left in another system, and nobody tries any more."""

    class Failing:
        @hookimpl
        def register_erase_steps(self) -> Mapping[str, object]:
            return {"crm": lambda left, services: 1 / 0}

    with open_engine(clock=clock, settings=SOUND, plugins=[Failing()]) as engine:
        engine.delete(engine.create("ada@example.com"))
        for _ in range(40):
            engine.work_once()
            clock.advance(timedelta(days=1))

        assert [("erasing-given-up", None)] == found(engine)


def test_files_that_others_may_read_are_told(json_path: Path) -> None:
    """Users, and the key that seals them."""
    with engine_on(json_path) as engine:
        engine.create("ada@example.com")
    Path(json_path).chmod(0o644)
    Path(f"{json_path}.key").chmod(0o602)

    with admit.open(json_path, dev=True, settings=CHEAP_HASHING, worker=False) as engine:
        told = {
            advice.about: advice.sentence
            for advice in engine.doctor.examine()
            if advice.code == "file-open-to-others"
        }

    assert {str(json_path), f"{json_path}.key"} == told.keys()
    assert "may read or change users.json.key" in told[f"{json_path}.key"]


def test_many_workers_on_a_tinydb_store_take_memory(json_path: Path) -> None:
    """Each process keeps all of it."""
    with admit.open(json_path, dev=True, settings={"server.workers": 4}, worker=False) as engine:
        assert ("setting-weak", "server.workers") in found(engine)


def test_an_application_that_does_not_open_is_examined_all_the_same(json_path: Path) -> None:
    """
    Given a configuration with a plugin that does not load,
    when the application is examined from outside,
    then the plugin is named; a wrong setting, a missing key likewise.
    """
    config = json_path.with_name("admit.toml")
    with engine_on(json_path):
        pass

    config.write_text('plugins = ["no_such_plugin"]\n')
    (plugin,) = examine(json_path, dev=True)
    config.write_text("token_lifetme = 5\n")
    (setting,) = examine(json_path, dev=True)
    config.write_text("= 5\n")
    (toml,) = examine(json_path, dev=True)
    config.unlink()
    Path(f"{json_path}.key").unlink()
    (key,) = examine(json_path, dev=True)

    assert "plugin no_such_plugin" == plugin.about
    assert "token_lifetme" in setting.sentence
    assert "configuration" == toml.about
    assert "wrong-key" == key.code
    assert {"wrong"} == {one.severity for one in (plugin, setting, toml, key)}


def test_inboxes_of_tests_are_not_asked() -> None:
    """A transport without a probe is taken at its word."""
    inbox = Inbox()
    with open_engine(settings=SOUND, inbox=inbox) as engine:
        engine.doctor.examine()
    assert [] == inbox.messages
