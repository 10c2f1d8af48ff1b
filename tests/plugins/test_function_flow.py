"""The flows `function`: what a function is called with, and that its answer is passed on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
from plugin_services import MakeServices

from admit.errors import NotConfigured, UnknownName
from admit.flows import Answer, Entry, Outcome
from admit.masked import Secret
from admit.plugins.function import (
    FunctionCall,
    FunctionConfirmation,
    FunctionReset,
    ResetCall,
    register_confirmation_flows,
    register_reset_flows,
)
from admit.services import Services

ServicesWith = Callable[[Callable[..., Any]], Services]

CALL = {
    "username": "Ada@example.com",
    "token": "0123456789abcdef" * 8,
    "token_id": "64f0aa64f0aa64f0aa64f0aa",
    "code": "K7QM-3XRP",
    "expires_at": "2026-03-04T05:36:07.890Z",
    "user_id": "64f0bb64f0bb64f0bb64f0bb",
    "purpose": "confirm",
    "reason": "register",
    "attempt": 1,
    "idempotency_key": "64f0aa64f0aa64f0aa64f0aa-1",
    "locale": None,
}


@pytest.fixture
def flow() -> FunctionConfirmation:
    (flow,) = register_confirmation_flows()
    assert isinstance(flow, FunctionConfirmation)
    return flow


@pytest.fixture
def reset_flow() -> FunctionReset:
    (flow,) = register_reset_flows()
    assert isinstance(flow, FunctionReset)
    return flow


@pytest.fixture
def services_with(make_services: MakeServices) -> ServicesWith:
    """Make services in which both flows call this function."""

    def make(function: Callable[..., Any]) -> Services:
        return make_services(
            {"function.confirmation": "mine", "function.reset": "mine"},
            functions={"mine": function},
        )

    return make


def test_a_confirmation_function_is_called_with_one_dict(
    flow: FunctionConfirmation, entry: Entry, services_with: ServicesWith
) -> None:
    """
    Given a confirmation function,
    when a pending user enters the flow,
    then the function gets one dict that can be sent on as JSON.
    """
    calls = []

    flow.begin(entry, services_with(lambda *call: calls.append(call)))

    assert [(CALL,)] == calls
    assert CALL == json.loads(json.dumps(calls[0][0]))


def test_n5_a_reset_function_gets_the_new_password_and_the_callers_arguments(
    reset_flow: FunctionReset, entry: Entry, services_with: ServicesWith
) -> None:
    """
    Given a reset function,
    when a reset is asked for with a new password and arguments,
    then it gets one dict with the password and whether the current one was right, then the
    arguments one by one.
    """
    calls = []

    reset_flow.begin(
        attrs.evolve(
            entry,
            purpose="reset",
            password=Secret("a new password"),
            current_password_valid=True,
            arguments=("blue", {"pet": "Byron"}),
        ),
        services_with(lambda *call: calls.append(call)),
    )

    expected = CALL | {
        "purpose": "reset",
        "password": "a new password",
        "current_password_valid": True,
    }
    assert [(expected, "blue", {"pet": "Byron"})] == calls


def test_a_reset_without_a_password_says_so(
    reset_flow: FunctionReset, entry: Entry, services_with: ServicesWith
) -> None:
    """
    Given a reset asked for by address alone,
    when the function is called,
    then password and current_password_valid are None.
    """
    calls: list[ResetCall] = []

    reset_flow.begin(entry, services_with(calls.append))

    (call,) = calls
    assert (None, None) == (call["password"], call["current_password_valid"])


@pytest.mark.parametrize("answer", [Outcome.pending(), {"status": "fail"}, None, "nonsense"])
def test_an_answer_is_passed_on_as_it_is(
    flow: FunctionConfirmation,
    reset_flow: FunctionReset,
    entry: Entry,
    services_with: ServicesWith,
    answer: object,
) -> None:
    """
    Given a function that answers an outcome, a mapping or nonsense,
    when it has answered,
    then the engine gets that very answer, and judges it.
    """
    for each in (flow, reset_flow):
        assert answer is each.begin(entry, services_with(lambda call: answer))


def test_a_function_may_be_async(
    flow: FunctionConfirmation, entry: Entry, services_with: ServicesWith
) -> None:
    """
    Given an async function,
    when the flow is entered,
    then the engine gets what it can await.
    """

    async def mine(call: FunctionCall) -> Outcome:
        await asyncio.sleep(0)
        return Outcome.success(proved=call["attempt"] == 1)

    answer = flow.begin(entry, services_with(mine))

    assert Outcome.success(proved=True) == asyncio.run(_awaited(answer))


async def _awaited(answer: Answer | Awaitable[Answer]) -> Answer:
    assert isinstance(answer, Awaitable)
    return await answer


def test_what_a_function_raises_passes(
    flow: FunctionConfirmation, entry: Entry, services_with: ServicesWith
) -> None:
    """
    Given a function that raises,
    when the flow is entered,
    then that error reaches the engine, which keeps the user.
    """

    def mine(call: FunctionCall) -> Outcome:
        raise LookupError("no such customer")

    with pytest.raises(LookupError):
        flow.begin(entry, services_with(mine))


def test_a_function_that_is_not_set_is_named(
    flow: FunctionConfirmation, reset_flow: FunctionReset, entry: Entry, make_services: MakeServices
) -> None:
    """
    Given no function,
    when the flows are checked or entered,
    then the setting is named.
    """
    for each, setting in ((flow, "function.confirmation"), (reset_flow, "function.reset")):
        with pytest.raises(NotConfigured) as raised:
            each.check(make_services())
        assert (setting,) == raised.value.settings
        with pytest.raises(NotConfigured):
            each.begin(entry, make_services())


def test_n6_a_setting_cannot_name_code_that_was_not_registered(
    flow: FunctionConfirmation, reset_flow: FunctionReset, make_services: MakeServices
) -> None:
    """
    Given a setting that names a function of the standard library,
    when the flows are checked,
    then there is no such function: only registered names count.
    """
    services = make_services(
        {"function.confirmation": "os:system", "function.reset": "os:system"},
        functions={"greet": print},
    )

    for each in (flow, reset_flow):
        with pytest.raises(UnknownName) as raised:
            each.check(services)
        assert ("greet",) == raised.value.known


def test_a_registered_function_passes_the_check(
    flow: FunctionConfirmation, reset_flow: FunctionReset, services_with: ServicesWith
) -> None:
    """
    Given a registered function,
    when the flows are checked,
    then they are content, and nothing was called.
    """
    for each in (flow, reset_flow):
        assert each.check(services_with(pytest.fail)) is None


def test_the_flow_says_what_it_is(
    flow: FunctionConfirmation, reset_flow: FunctionReset, make_services: MakeServices
) -> None:
    """
    Given the two flows,
    when the engine looks at them,
    then they run under `function.time_limit`, send nothing again, and prove nothing by a token.
    """
    for each in (flow, reset_flow):
        assert "function" == each.name
        assert 30.0 == each.limit_seconds(make_services())
        assert 90.0 == each.limit_seconds(make_services({"function.time_limit": "90s"}))
        for flag in ("inline", "resends", "proves_address"):
            assert not getattr(each, flag, False)
