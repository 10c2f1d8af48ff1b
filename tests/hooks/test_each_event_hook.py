"""Each hook that is called at something that happens, once, filled by a stranger's plugin."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

import attrs
import pytest

import admit
from admit.errors import PasswordRefused, Vetoed
from admit.flows import ConfirmationFlow, ResetFlow

PASSWORD = "correct horse battery staple"


OpenWith = Callable[..., admit.Engine]


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


class Gate:
    """A plugin that fills every event hook, keeps what it was called with, and says no when told.

    Of each hook it takes all the arguments there are.
    """

    def __init__(self, **refusals: str) -> None:
        self.refusals = refusals
        self.calls: list[tuple[str, dict[str, object]]] = []

    def _called(self, hook: str, **arguments: object) -> str | None:
        self.calls.append((hook, arguments))
        return self.refusals.get(hook)

    def of(self, hook: str) -> list[dict[str, object]]:
        """Return the arguments of each call of this hook."""
        return [arguments for called, arguments in self.calls if called == hook]

    @admit.hookimpl
    def before_register(self, request: admit.Registration) -> str | None:
        return self._called("before_register", request=request)

    @admit.hookimpl
    def before_password(self, password: str, address: str | None) -> str | None:
        return self._called("before_password", password=password, address=address)

    @admit.hookimpl
    def before_confirm(self, user: admit.User, run: admit.Run | None) -> str | None:
        return self._called("before_confirm", user=user, run=run)

    @admit.hookimpl
    def before_admission(self, admission: admit.Admission) -> str | None:
        return self._called("before_admission", admission=admission)

    @admit.hookimpl
    def before_log_in(
        self, user: admit.User, provider: str, client: admit.Client | None
    ) -> str | None:
        return self._called("before_log_in", user=user, provider=provider, client=client)

    @admit.hookimpl
    def before_merge(self, plan: admit.MergePlan) -> str | None:
        return self._called("before_merge", plan=plan)

    @admit.hookimpl
    def before_delete(self, user: admit.User) -> str | None:
        return self._called("before_delete", user=user)

    @admit.hookimpl
    def after_register(self, user: admit.User) -> None:
        self._called("after_register", user=user)

    @admit.hookimpl
    def after_rerun(self, user: admit.User, run: admit.Run) -> None:
        self._called("after_rerun", user=user, run=run)

    @admit.hookimpl
    def after_confirm(self, user: admit.User) -> None:
        self._called("after_confirm", user=user)

    @admit.hookimpl
    def after_log_in(self, log_in: admit.LogIn) -> None:
        self._called("after_log_in", log_in=log_in)

    @admit.hookimpl
    def after_delete(self, user: admit.User) -> None:
        self._called("after_delete", user=user)


def test_hook_before_register(open_with: OpenWith) -> None:
    """
    Given a plugin that admits nobody,
    when somebody registers,
    then the caller reads the plugin's sentence, and no user is left.
    """
    gate = Gate(before_register="We are full.")
    engine = open_with(gate)
    client = admit.Client(address="192.0.2.1")
    stranger = engine.acting(admit.Actor("user"), client=client)

    with pytest.raises(Vetoed, match=r"We are full\.") as raised:
        stranger.register("Ada@example.com", PASSWORD, data={"age": 36})

    assert "Gate" == raised.value.plugin
    (call,) = gate.of("before_register")
    asked = call["request"]
    assert isinstance(asked, admit.Registration)
    assert ("local-userpass", "Ada@example.com", "Ada@example.com", 36, client) == (
        asked.provider,
        asked.login,
        asked.address,
        asked.data["age"],
        asked.client,
    )
    assert 0 == engine.users.count()


def test_hook_before_password(open_with: OpenWith) -> None:
    """
    Given a plugin with a rule for passwords,
    when one is about to be set that breaks it,
    then it is refused with that rule – at a registration and at a change alike.
    """
    gate = Gate()
    engine = open_with(gate)
    ada = engine.register("ada@example.com", PASSWORD)
    gate.refusals["before_password"] = "holds no number."

    with pytest.raises(PasswordRefused, match="holds no number"):
        engine.register("grace@example.com", PASSWORD)
    with pytest.raises(PasswordRefused, match="holds no number"):
        engine.change_password(ada, current=PASSWORD, new="a staple of horses")

    assert {"password": PASSWORD, "address": "ada@example.com"} == gate.of("before_password")[0]


@pytest.mark.parametrize("by", ["token", "admin", "flow"])
def test_hook_before_confirm(open_with: OpenWith, by: str) -> None:
    """
    Given a plugin that lets nobody be confirmed yet,
    when a token, an admin or a flow's success is about to confirm,
    then the caller reads its sentence, the user stays pending, and may be confirmed later.
    """
    desk = Desk()
    gate = Gate(before_confirm="Not before Monday.")
    engine = open_with(desk, gate, flow="desk")
    ada = engine.register("ada@example.com", PASSWORD)
    token = desk.token
    engine.settings.set("confirmation_flow", "auto")
    confirm: dict[str, Callable[[], admit.User]] = {
        "token": lambda: engine.confirm(**token),
        "admin": lambda: engine.confirm_manually(ada),
        "flow": lambda: engine.rerun(ada),
    }

    with pytest.raises(Vetoed, match="Not before Monday"):
        confirm[by]()

    assert "pending" == engine.users.get(ada.id).state
    (call,) = gate.of("before_confirm")
    assert (by == "admin") == (call["run"] is None)
    gate.refusals.clear()
    assert "confirmed" == engine.confirm(**token).state


def test_hook_before_admission(open_with: OpenWith) -> None:
    """
    Given a plugin that stands at every way in,
    when somebody registers, and logs in,
    then it is asked each time who comes which way, and its sentence refuses.
    """
    gate = Gate()
    engine = open_with(gate)
    ada = engine.register("Ada@example.com", PASSWORD)
    gate.refusals["before_admission"] = "We are closed."

    with pytest.raises(Vetoed, match=r"We are closed\."):
        engine.register("grace@example.com", PASSWORD)
    with pytest.raises(Vetoed, match=r"We are closed\."):
        engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)

    asked = [call["admission"] for call in gate.of("before_admission")]
    assert all(isinstance(one, admit.Admission) for one in asked)
    assert [
        ("register", "local-userpass", None, "Ada@example.com"),
        ("register", "local-userpass", None, "grace@example.com"),
        ("log-in", "local-userpass", ada.id, None),
    ] == [
        (one.way, one.provider, one.user and one.user.id, one.address)
        for one in asked
        if isinstance(one, admit.Admission)
    ]
    assert 1 == engine.users.count()


def test_hook_before_log_in(open_with: OpenWith) -> None:
    """
    Given a plugin that lets nobody in at night,
    when right credentials are used, it refuses with its sentence,
    and when wrong ones are used, it is not even asked.
    """
    gate = Gate(before_log_in="Come back in the morning.")
    engine = open_with(gate)
    ada = engine.register("ada@example.com", PASSWORD)

    with pytest.raises(admit.AdmitError):
        engine.log_in("local-userpass", username="ada@example.com", password="wrong horse")
    assert [] == gate.of("before_log_in")
    with pytest.raises(Vetoed, match=r"Come back in the morning\."):
        engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)

    (call,) = gate.of("before_log_in")
    user = call["user"]
    assert isinstance(user, admit.User)
    assert (ada.id, "local-userpass", None) == (user.id, call["provider"], call["client"])
    assert () == engine.sessions.of(ada)


def test_hook_before_merge(open_with: OpenWith) -> None:
    """
    Given a plugin that must keep a user apart,
    when she is to be merged into another,
    then the caller reads its sentence, and both are still there; it saw the plan.
    """
    gate = Gate(before_merge="This account has a subscription.")
    engine = open_with(gate)
    ada, old = engine.create("ada@example.com", PASSWORD), engine.create("countess@example.com")

    with pytest.raises(Vetoed, match=r"This account has a subscription\."):
        engine.identities.merge(ada, old)

    assert [ada.id, old.id] == [engine.users.get(user.id).id for user in (ada, old)]
    assert [{"plan": engine.identities.plan_merge(ada, old)}] == gate.of("before_merge")


def test_hook_before_delete(open_with: OpenWith) -> None:
    """
    Given a plugin that must keep a user,
    when she is deleted,
    then the caller reads its sentence, and she is still there.
    """
    gate = Gate(before_delete="An order is open.")
    engine = open_with(gate)
    ada = engine.register("ada@example.com", PASSWORD)

    with pytest.raises(Vetoed, match=r"An order is open\."):
        engine.delete(ada)

    assert ada.id == engine.users.get(ada.id).id
    assert [{"user": ada}] == gate.of("before_delete")


def test_hook_after_register(open_with: OpenWith) -> None:
    """
    Given a plugin that greets,
    when somebody registered,
    then it is told once, with the user as the flow left her.
    """
    gate = Gate()

    ada = open_with(gate).register("ada@example.com", PASSWORD)

    assert [{"user": ada}] == gate.of("after_register")


def test_hook_after_rerun(open_with: OpenWith) -> None:
    """
    Given a pending user,
    when she is re-run,
    then plugins are told once, with the new run.
    """
    gate = Gate()
    engine = open_with(Desk(), gate, flow="desk")
    ada = engine.register("ada@example.com", PASSWORD)

    again = engine.rerun(ada)

    (call,) = gate.of("after_rerun")
    run = call["run"]
    assert isinstance(run, admit.Run)
    assert again.last_run is not None
    assert (again, again.last_run.id, "rerun") == (call["user"], run.id, run.reason)


def test_hook_after_confirm(open_with: OpenWith) -> None:
    """
    Given a pending user,
    when she presses her link twice,
    then plugins are told once that she is confirmed.
    """
    desk, gate = Desk(), Gate()
    engine = open_with(desk, gate, flow="desk")
    engine.register("ada@example.com", PASSWORD)
    token = desk.token

    ada = engine.confirm(**token)
    engine.confirm(**token)

    assert [{"user": ada}] == gate.of("after_confirm")


def test_hook_after_log_in(open_with: OpenWith) -> None:
    """
    Given a user,
    when she logs in,
    then plugins are told once, with tokens that hide themselves.
    """
    gate = Gate()
    engine = open_with(gate)
    engine.register("ada@example.com", PASSWORD)

    login = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)

    assert [{"log_in": login}] == gate.of("after_log_in")
    assert login.access_token.reveal() not in repr(gate.calls)
    assert login.refresh_token.reveal() not in repr(gate.calls)


def test_hook_after_delete(open_with: OpenWith) -> None:
    """
    Given a user,
    when she is deleted, or a flow refuses her registration,
    then plugins are told, with the user as she was.
    """
    gate = Gate()
    engine = open_with(
        gate,
        functions={"refuse": lambda call: {"status": "fail"}},
        settings={"function.confirmation": "refuse"},
    )
    ada = engine.register("ada@example.com", PASSWORD)

    engine.delete(ada)
    engine.settings.set("confirmation_flow", "function")
    with pytest.raises(admit.AdmitError):
        engine.register("grace@example.com", PASSWORD)

    first, second = [call["user"] for call in gate.of("after_delete")]
    assert ada == first
    assert isinstance(second, admit.User)
    assert ("pending", "grace@example.com") == (second.state, second.identities[0].login_key)
    assert json.dumps(dict(second.identities[0].data))
