"""Event hooks: one plugin at a time, a veto fails closed, a notification changes nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

import admit
from admit.errors import PluginFailed, Vetoed

PASSWORD = "correct horse battery staple"

OpenWith = Callable[..., admit.Engine]


class Doorman:
    """Answers `before_register` with what it is told, raises it, or calls it."""

    def __init__(self, answer: object, asked: list[str] | None = None, name: str = "") -> None:
        self.answer = answer
        self.asked = [] if asked is None else asked
        self.name = name

    @admit.hookimpl
    def before_register(self) -> object:
        self.asked.append(self.name)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer() if callable(self.answer) else self.answer


class Listener:
    """Does something when somebody has registered."""

    def __init__(self, do: Callable[[admit.User], object]) -> None:
        self.do = do

    @admit.hookimpl
    def after_register(self, user: admit.User) -> object:
        return self.do(user)


def failures(engine: admit.Engine, plugin: str) -> int:
    """Return how many failures of a plugin were counted."""
    return next(info.failures for info in engine.plugins() if info.name == plugin)


def raising(user: admit.User) -> None:
    raise ConnectionError(f"no greeting for {user.identities[0].login_key}")


# Vetoes


def test_a_veto_by_message_names_the_plugin_and_changes_nothing(open_with: OpenWith) -> None:
    """
    Given a plugin that says no with a sentence,
    when somebody registers,
    then the caller reads it, and who decides; nothing was written.
    """
    engine = open_with(Doorman("We are full."))

    with pytest.raises(Vetoed) as raised:
        engine.register("ada@example.com", PASSWORD)

    assert ("We are full.", "Doorman") == (raised.value.sentence, raised.value.plugin)
    assert 0 == engine.users.count()
    assert 0 == failures(engine, "Doorman")


def test_an_empty_message_refuses_as_well(open_with: OpenWith) -> None:
    """
    Given a plugin that answers an empty text,
    when somebody registers,
    then that is a no: only None lets it pass.
    """
    with pytest.raises(Vetoed, match="This was refused"):
        open_with(Doorman("")).register("ada@example.com", PASSWORD)


def test_a4_a_veto_that_raises_fails_closed(
    open_with: OpenWith, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Given a plugin that raises,
    when somebody registers,
    then it is refused; the plugin is named, counted, and logged with the place but not the text.
    """
    engine = open_with(Doorman(ConnectionError("the password is swordfish")))

    with pytest.raises(PluginFailed, match="'Doorman' failed in before_register") as raised:
        engine.register("ada@example.com", PASSWORD)

    assert 0 == engine.users.count()
    assert 1 == failures(engine, "Doorman")
    assert "plugin Doorman failed in before_register: ConnectionError" in caplog.text
    assert "in before_register" in caplog.text
    assert "swordfish" not in caplog.text + str(raised.value)


@pytest.mark.parametrize("nonsense", [True, False, 0, ["no"], {"status": "success"}, b"no"])
def test_a4_a_veto_that_answers_nonsense_fails_closed(
    open_with: OpenWith, nonsense: object
) -> None:
    """
    Given a plugin that answers neither None nor text,
    when somebody registers,
    then it is refused, and told what it must answer.
    """
    engine = open_with(Doorman(nonsense))

    with pytest.raises(PluginFailed, match="must answer None or text"):
        engine.register("ada@example.com", PASSWORD)

    assert 0 == engine.users.count()


def test_a_veto_cannot_pose_as_somebody_elses(open_with: OpenWith) -> None:
    """
    Given a plugin that raises one of the engine's own errors,
    when somebody registers,
    then the caller is told that this plugin failed.
    """
    with pytest.raises(PluginFailed, match="'Doorman'"):
        open_with(Doorman(Vetoed("somebody else", "no"))).register("ada@example.com", PASSWORD)


def test_plugins_are_asked_one_by_one_the_last_loaded_first(open_with: OpenWith) -> None:
    """
    Given three plugins, of which the middle one says no,
    when somebody registers,
    then the last loaded is asked first, then the middle one, and then no other.
    """
    asked: list[str] = []
    engine = open_with(
        Doorman(None, asked, "first"),
        Doorman("No.", asked, "second"),
        Doorman(None, asked, "third"),
    )

    with pytest.raises(Vetoed) as raised:
        engine.register("ada@example.com", PASSWORD)

    assert ["third", "second"] == asked
    assert "Doorman 2" == raised.value.plugin


def test_no_lock_is_held_while_a_veto_is_asked(open_with: OpenWith) -> None:
    """
    Given a plugin that uses the engine itself,
    when it is asked,
    then nothing is locked, and the user it looks for is found.
    """
    found: list[int] = []
    engine: admit.Engine = open_with(Doorman(lambda: found.append(engine.users.count())))

    engine.register("ada@example.com", PASSWORD)
    engine.register("grace@example.com", PASSWORD)

    assert [0, 1] == found


def test_hooks_run_on_the_callers_thread(open_with: OpenWith) -> None:
    """
    Given a caller in a thread of its own,
    when hooks are called,
    then they run there.
    """
    threads: list[int] = []
    here: Callable[..., None] = lambda *_: threads.append(threading.get_ident())  # noqa: E731
    engine = open_with(Doorman(here), Listener(here))

    with ThreadPoolExecutor(1) as pool:
        caller = pool.submit(threading.get_ident).result()
        pool.submit(engine.register, "ada@example.com", PASSWORD).result()

    assert [caller, caller] == threads


# Notifications


def test_a_notification_that_raises_is_logged_and_counted_and_harmless(
    open_with: OpenWith, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Given a plugin that raises after a registration, and another one,
    when somebody registers,
    then the caller has the user, the other plugin is told, and the failure is logged without its
    text and counted.
    """
    told: list[admit.User] = []
    engine = open_with(Listener(told.append), Listener(raising))

    ada = engine.register("ada@example.com", PASSWORD)

    assert ("confirmed", [ada]) == (ada.state, told)
    assert (0, 1) == (failures(engine, "Listener"), failures(engine, "Listener 2"))
    assert "plugin Listener 2 failed in after_register: ConnectionError" in caplog.text
    assert "ada@example.com" not in caplog.text


def test_what_a_notification_answers_is_ignored(open_with: OpenWith) -> None:
    """
    Given a plugin that answers something after the fact,
    when somebody registers,
    then nothing changes.
    """
    engine = open_with(Listener(lambda user: "I object."))

    assert "confirmed" == engine.register("ada@example.com", PASSWORD).state


def test_a_notification_comes_after_the_commit(open_with: OpenWith) -> None:
    """
    Given a plugin that looks the user up when it is told,
    when somebody registers,
    then it finds what the caller gets.
    """
    found: list[admit.User] = []
    engine = open_with(Listener(lambda user: found.append(engine.users.get(user.id))))

    assert [engine.register("ada@example.com", PASSWORD)] == found


def test_a_notification_may_use_the_engine(open_with: OpenWith) -> None:
    """
    Given a plugin that disables whoever registers,
    when somebody registers,
    then that is done, and the caller is not held up.
    """
    engine: admit.Engine = open_with(Listener(lambda user: engine.disable(user)))

    ada = engine.register("ada@example.com", PASSWORD)

    assert engine.users.get(ada.id).disabled


# Both


@pytest.mark.parametrize("hook", ["before_register", "after_register"])
def test_a_slow_hook_is_named_in_the_log_and_not_cut(
    open_with: OpenWith, caplog: pytest.LogCaptureFixture, hook: str
) -> None:
    """
    Given a plugin that holds its caller up for more than 50 ms,
    when it is called,
    then the log names plugin, hook and time, and all goes on.
    """
    never = threading.Event()
    slow = Doorman(lambda: None) if hook == "before_register" else Listener(lambda user: None)

    def dawdle(*_: object) -> None:
        never.wait(0.06)

    if isinstance(slow, Doorman):
        slow.answer = dawdle
    else:
        slow.do = dawdle
    engine = open_with(slow)

    with caplog.at_level(logging.WARNING, "admit.plugins"):
        ada = engine.register("ada@example.com", PASSWORD)

    assert "confirmed" == ada.state
    (line,) = [r.getMessage() for r in caplog.records if hook in r.getMessage()]
    assert line.startswith(f"plugin {type(slow).__name__} took ")
    assert line.endswith(f" ms in {hook}")


def test_a_plugin_takes_only_the_arguments_that_it_needs(open_with: OpenWith) -> None:
    """
    Given plugins that take all, some and none of a hook's arguments, in any order,
    when the hook is called,
    then each gets what it asked for, by name.
    """
    got: list[object] = []

    class All:
        @admit.hookimpl
        def before_log_in(
            self, client: admit.Client | None, provider: str, user: admit.User
        ) -> None:
            got.append((client, provider, user.state))

    class Some:
        @admit.hookimpl
        def before_log_in(self, provider: str) -> None:
            got.append(provider)

    class None_:
        @admit.hookimpl
        def before_log_in(self) -> None:
            got.append("nothing")

    engine = open_with(All(), Some(), None_())
    engine.register("ada@example.com", PASSWORD)

    engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)

    assert ["nothing", "local-userpass", (None, "local-userpass", "confirmed")] == got
