"""The flow contract, on every built-in flow and on one of each answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

import admit
from admit.flows import ConfirmationFlow
from admit.testing import Inbox
from admit.testing.contracts import FlowContract


class TestEmail(FlowContract):
    flow = "email"
    sends_messages = True
    proves_address = True
    needs_settings = frozenset({"email.sender", "email.link_base", "transport"})

    @pytest.fixture
    def broken(self, admit_inbox: Inbox) -> Callable[[], None]:
        return admit_inbox.refuse_mail


class TestEmailWhoseServerIsBusy(TestEmail):
    @pytest.fixture
    def broken(self, admit_inbox: Inbox) -> Callable[[], None]:
        return lambda: admit_inbox.refuse_mail(temporary=True)


class TestFunction(FlowContract):
    flow = "function"
    needs_settings = frozenset({"function.confirmation"})
    status = "pending"

    @pytest.fixture
    def settings(self) -> Mapping[str, object]:
        return {"function.confirmation": "decide"}

    @pytest.fixture
    def faults(self) -> list[Exception]:
        """What the function raises, once there is something."""
        return []

    @pytest.fixture
    def functions(self, faults: list[Exception]) -> Mapping[str, Callable[..., Any]]:
        def decide(call: Mapping[str, object]) -> Mapping[str, str]:
            for fault in faults:
                raise fault
            return {"status": self.status}

        return {"decide": decide}

    @pytest.fixture
    def broken(self, faults: list[Exception]) -> Callable[[], None]:
        return lambda: faults.append(LookupError("no such customer"))


class TestFunctionThatConfirms(TestFunction):
    answers = "success"
    status = "success"


class TestFunctionThatRefuses(TestFunction):
    answers = "fail"
    status = "fail"


class TestAuto(FlowContract):
    flow = "auto"
    answers = "success"
    inline = True
    lacks = frozenset({"failure"})


class AsyncDesk:
    """A stranger's flow, `async`, handed over as an object."""

    name = "desk"

    def __init__(self) -> None:
        self.open = True

    @admit.hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        return [self]

    async def begin(self, entry: admit.Entry, services: admit.Services) -> admit.Outcome:
        if not self.open:
            raise RuntimeError("nobody is at the desk")
        return admit.Outcome.pending()


class TestAsyncFlow(FlowContract):
    flow = "desk"
    plugins = (AsyncDesk(),)

    @pytest.fixture(autouse=True)
    def opened_desk(self) -> None:
        (desk,) = self.plugins
        assert isinstance(desk, AsyncDesk)
        desk.open = True

    @pytest.fixture
    def broken(self) -> Callable[[], None]:
        (desk,) = self.plugins
        return lambda: setattr(desk, "open", False)
