"""Register: a new user, pending, in the flow that is active now."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from told_flow import ToldFlow

import admit
from admit import Outcome, Registration, Services, User, hookimpl
from admit.errors import (
    AddressTaken,
    FlowFailed,
    InvalidAddress,
    InvalidInput,
    NotAllowed,
    NotConfigured,
    PasswordRefused,
    PluginFailed,
    RegistrationRefused,
    UnknownName,
    UserNotFound,
    Vetoed,
)
from admit.providers import Credentials, Provider
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"


def test_who_registers_is_pending_and_has_mail(engine: admit.Engine, inbox: Inbox) -> None:
    """
    Given nobody,
    when somebody registers,
    then there is a pending user whose one run was dispatched, and one message.
    """
    ada = engine.register("Ada@Example.com", PASSWORD)

    assert ("pending", False) == (ada.state, ada.disabled)
    assert ada.last_run is not None
    assert ("confirm", "register") == (ada.last_run.purpose, ada.last_run.reason)
    assert ada.last_run.dispatched_at is not None
    assert ["Ada@Example.com"] == [message.to for message in inbox.messages]


def test_the_answer_is_the_user_that_is_kept(engine: admit.Engine) -> None:
    """What register returns is what a look-up finds."""
    ada = engine.register("ada@example.com", PASSWORD)

    assert ada == engine.users.get(ada.id)
    assert ada == engine.users.find("ada@example.com")


def test_nothing_is_proved_by_registering(engine: admit.Engine) -> None:
    """The address is kept as it was typed, comparable, and unproved."""
    ada = engine.register("Ada@Example.com", PASSWORD)

    assert ada.address is not None
    assert ("Ada@Example.com", "ada@example.com") == (ada.address.typed, ada.address.canonical)
    assert ada.address.proved_at is None


def test_a_pending_user_holds_the_address_in_every_spelling(engine: admit.Engine) -> None:
    """
    Given a pending user,
    when somebody registers the same mailbox in capitals,
    then it is taken, and the error says that its holder is pending and what helps.
    """
    engine.register("ada@example.com", PASSWORD)

    with pytest.raises(AddressTaken) as taken:
        engine.register("ADA@EXAMPLE.COM", PASSWORD)

    assert "pending" == taken.value.holder_state
    assert "rerun" in taken.value.next_step


def test_a_confirmed_holder_is_named_as_such(engine: admit.Engine) -> None:
    """Whoever holds the address already should log in."""
    engine.create("ada@example.com", PASSWORD)

    with pytest.raises(AddressTaken) as taken:
        engine.register("ada@example.com", PASSWORD)

    assert "confirmed" == taken.value.holder_state
    assert "Log in" in taken.value.next_step


@pytest.mark.parametrize("address", ["", "ada", "ada@", "@example.com", "ada @example.com", "a@b"])
def test_what_is_no_address_is_refused_before_anything_is_written(
    engine: admit.Engine, address: str
) -> None:
    """Nothing is written, and nobody is there."""
    with pytest.raises(InvalidAddress):
        engine.register(address, PASSWORD)

    assert 0 == engine.users.count()


def test_a_short_password_is_refused_before_anything_is_written(engine: admit.Engine) -> None:
    """The rule is named; nothing is written."""
    with pytest.raises(PasswordRefused, match="fewer than 8"):
        engine.register("ada@example.com", "short")

    assert 0 == engine.users.count()


@pytest.mark.parametrize(
    "data",
    [["a list"], {"not": {"JSON"}}, {"number": float("nan")}, {"long": "x" * 16_384}],
    ids=str,
)
def test_data_must_be_a_small_json_object(engine: admit.Engine, data: object) -> None:
    """What a store could not keep is refused, naming the field."""
    with pytest.raises(InvalidInput, match="data"):
        engine.register("ada@example.com", PASSWORD, data=data)  # type: ignore[arg-type]  # wrong

    assert 0 == engine.users.count()


def test_data_is_kept_with_the_identity(engine: admit.Engine) -> None:
    """What the application hands over stands beside the address."""
    ada = engine.register("ada@example.com", PASSWORD, data={"plan": "free"})

    identity = ada.identity("local-userpass")
    assert identity is not None
    assert "free" == identity.data["plan"]


def test_data_is_copied(engine: admit.Engine) -> None:
    """Changing the mapping afterwards changes nothing that is kept."""
    data = {"tags": ["a"]}
    ada = engine.register("ada@example.com", PASSWORD, data=data)
    data["tags"].append("b")

    identity = engine.users.get(ada.id).identity("local-userpass")
    assert identity is not None
    assert ["a"] == identity.data["tags"]


def test_an_unknown_provider_is_refused_with_the_known_ones(engine: admit.Engine) -> None:
    """The error lists those that register: no others could be meant."""
    with pytest.raises(UnknownName) as unknown:
        engine.register("ada@example.com", PASSWORD, provider="carrier-pigeon")

    assert ("local-userpass",) == unknown.value.known


@pytest.mark.parametrize("missing", ["transport", "email.sender", "email.link_base"])
def test_a_flow_that_lacks_settings_is_named_before_anything_is_written(
    engine: admit.Engine, missing: str
) -> None:
    """The settings that are missing are named; nothing is written."""
    engine.settings.unset(missing)

    with pytest.raises(NotConfigured) as problem:
        engine.register("ada@example.com", PASSWORD)

    assert (missing,) == problem.value.settings
    assert 0 == engine.users.count()


def test_a_flow_that_is_not_loaded_is_named_before_anything_is_written() -> None:
    """A process that lacks the active flow says so."""
    with open_engine(
        plugins=["admit.plugins.password", "admit.plugins.auto"], discover=False
    ) as engine:
        with pytest.raises(UnknownName) as unknown:
            engine.register("ada@example.com", PASSWORD)

        assert ("email", ("auto",)) == (unknown.value.name, unknown.value.known)
        assert 0 == engine.users.count()


class Doorkeeper:
    """A plugin that answers `before_register` as it is told."""

    def __init__(self, answer: Callable[[Registration], str | None]) -> None:
        self.answer = answer

    @hookimpl
    def before_register(self, request: Registration) -> str | None:
        return self.answer(request)


def test_a_veto_is_read_by_the_caller_and_writes_nothing() -> None:
    """
    Given a plugin that admits one domain only,
    when somebody else registers,
    then the plugin's sentence is what the caller reads, and nobody is there.
    """
    keeper = Doorkeeper(
        lambda r: None if str(r.address).endswith("@example.com") else "Staff only."
    )
    with open_engine(plugins=[keeper]) as engine:
        engine.register("ada@example.com", PASSWORD)
        with pytest.raises(Vetoed, match=r"Staff only\.") as veto:
            engine.register("ada@example.org", PASSWORD)

        assert "Doorkeeper" == veto.value.plugin
        assert 1 == engine.users.count()


def test_a_hook_that_breaks_refuses_and_is_named() -> None:
    """A failing guard lets nobody in."""

    def breaks(request: Registration) -> str | None:
        raise RuntimeError("out of order")

    with open_engine(plugins=[Doorkeeper(breaks)]) as engine:
        with pytest.raises(PluginFailed) as failed:
            engine.register("ada@example.com", PASSWORD)

        assert ("Doorkeeper", "before_register") == (failed.value.plugin, failed.value.hook)
        assert 0 == engine.users.count()


def test_after_hooks_come_after_the_commit_and_cannot_undo_it() -> None:
    """
    Given a plugin whose *after* hook breaks,
    when somebody registers,
    then she is registered, and the failure is counted under the plugin's name.
    """

    class Breaking:
        seen: list[User] = []

        @hookimpl
        def after_register(self, user: User) -> None:
            self.seen.append(user)
            raise RuntimeError("too late")

    breaking = Breaking()
    with open_engine(plugins=[breaking]) as engine:
        ada = engine.register("ada@example.com", PASSWORD)

        assert [ada] == breaking.seen
        assert ada == engine.users.get(ada.id)
        [plugin] = [plugin for plugin in engine.plugins() if plugin.name == "Breaking"]
        assert 1 == plugin.failures


def test_auto_confirms_at_once_and_proves_nothing(engine: admit.Engine, inbox: Inbox) -> None:
    """
    Given the flow `auto`,
    when somebody registers,
    then she is confirmed without a message, and her address is not proved.
    """
    engine.settings.set("confirmation_flow", "auto")

    ada = engine.register("ada@example.com", PASSWORD)

    assert "confirmed" == ada.state
    assert ada.address is not None
    assert ada.address.proved_at is None
    assert [] == inbox.messages


@pytest.mark.parametrize("proved", [True, False])
def test_a_function_proves_the_address_only_if_it_says_so(proved: bool) -> None:
    """Confirmed is not proved."""
    functions = {"check": lambda call: Outcome.success(proved=proved)}
    with open_engine(functions=functions) as engine:
        engine.settings.set("function.confirmation", "check")
        engine.settings.set("confirmation_flow", "function")

        ada = engine.register("ada@example.com", PASSWORD)

        assert "confirmed" == ada.state
        assert ada.address is not None
        assert proved == (ada.address.proved_at is not None)


def test_who_is_refused_by_the_flow_leaves_the_address_free() -> None:
    """
    Given a function that refuses,
    when somebody registers,
    then the caller reads the function's sentence, no account is left, only its events, and the
    address can be registered again.
    """
    answers = [Outcome.fail("Not on the guest list."), Outcome.pending()]
    with open_engine(functions={"ask": lambda call: answers.pop(0)}) as engine:
        engine.settings.set("function.confirmation", "ask")
        engine.settings.set("confirmation_flow", "function")

        with pytest.raises(RegistrationRefused, match=r"Not on the guest list\."):
            engine.register("ada@example.com", PASSWORD)

        with pytest.raises(UserNotFound):
            engine.users.find("ada@example.com")
        assert "pending" == engine.register("ada@example.com", PASSWORD).state


def test_a_permanent_refusal_of_the_mail_is_told_and_keeps_the_user(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """
    Given a mail server that refuses the recipient for good,
    when somebody registers,
    then the caller is told, with the user, who is pending in the list of failed runs.
    """
    inbox.refuse_mail()

    with pytest.raises(FlowFailed) as failed:
        engine.register("ada@example.com", PASSWORD)

    assert "pending" == failed.value.user.state
    assert (failed.value.user,) == engine.users.page("pending/run-failed").items


def test_a_temporary_refusal_is_no_failure(engine: admit.Engine, inbox: Inbox) -> None:
    """
    Given a mail server that is busy,
    when somebody registers,
    then the caller gets the user, whose run is queued to be tried again.
    """
    inbox.refuse_mail(temporary=True)

    ada = engine.register("ada@example.com", PASSWORD)

    assert "pending" == ada.state
    assert ada.last_run is not None
    assert ada.last_run.due_at is not None
    assert 0 == engine.users.count("pending/run-failed")


def test_the_lost_answer_of_a_commit_is_looked_up(store: MemoryStore, engine: admit.Engine) -> None:
    """
    Given a store that keeps a commit and loses its answer,
    when somebody registers,
    then the commit is found by its event, and nothing is done twice.
    """
    store.lose_answer()

    ada = engine.register("ada@example.com", PASSWORD)

    assert 1 == engine.users.count()
    assert ["register", "dispatched"] == [e.trigger for e in engine.users.timeline(ada)]


def test_a_secret_is_as_good_as_a_text(engine: admit.Engine, inbox: Inbox) -> None:
    """A password may be handed over masked."""
    engine.register("ada@example.com", admit.Secret(PASSWORD))
    engine.confirm(**inbox.last_link().credentials)

    log_in = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)

    assert "confirmed" == log_in.user.state


def test_a_provider_that_registers_nobody_is_refused_with_those_that_do() -> None:
    """
    Given a provider that makes its users at their first log-in,
    when somebody would register with it,
    then that is refused, and those that register are named.
    """

    class Badges:
        name = "badge"

        @hookimpl
        def register_providers(self) -> Iterable[Provider]:
            return [self]

        def identify(self, credentials: Credentials, services: admit.Services) -> admit.Claim:
            return admit.Claim(login_key="7-42", proved=True, creates_users=True)

        def check(
            self, credentials: Credentials, identity: admit.Identity | None, services: Services
        ) -> admit.Check:
            return admit.Check(accepted=False)

    with open_engine(plugins=[Badges()]) as opened:
        with pytest.raises(UnknownName, match="provider that registers users") as refused:
            opened.register("7-42", provider="badge")
        holder = opened.log_in("badge", number="7-42").user
        with pytest.raises(NotAllowed, match="password"):
            opened.reset(holder)

    assert ("local-userpass",) == tuple(refused.value.known)


def test_the_callers_language_reaches_the_flow_also_when_it_is_tried_again(
    clock: SettableClock, told: ToldFlow
) -> None:
    """
    Given a caller who speaks German,
    when she registers through a queue, and a worker enters the flow later,
    then the flow is told the language.
    """
    with open_engine(clock=clock, plugins=[told], settings={"confirmation_flow": "told"}) as opened:
        caller = opened.acting(admit.Actor("user"), client=admit.Client(locale="de"))
        caller.register("ada@example.com", PASSWORD)
        caller.public.register("grace@example.com", PASSWORD)
        opened.work_once()

    assert ["de", "de"] == [entry.locale for entry in told.entries]
