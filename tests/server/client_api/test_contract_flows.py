"""wire-contract.md §5: each cell of its table – operation and mode against the user's state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from shop import ADA, PASSWORD, OpenShop, P, Shop, refused

from admit.flows import Outcome

State = str
Told = tuple[int, str | None, str]
STATES = ("unknown", "pending", "never logged in", "confirmed")


def answering(status: str) -> Callable[..., Mapping[str, str]]:
    """Return a function that gives this verdict; `wait` at the registration."""

    def decide(call: Mapping[str, Any], *arguments: object) -> Mapping[str, str]:
        at_first = call["reason"] == "register"
        return {"status": "pending" if at_first else status}

    return decide


def raising(call: Mapping[str, Any], *arguments: object) -> Mapping[str, str]:
    """A function that fails, except at a registration."""
    if call["reason"] == "register":
        return {"status": "pending"}
    raise ValueError("no connection")


FUNCTIONS = {
    "succeed": answering("success"),
    "wait": answering("pending"),
    "fail": answering("fail"),
    "raise": raising,
}


@pytest.fixture
def open_in(open_shop: OpenShop) -> Callable[[str, State], Shop]:
    """Return a function that opens a shop in a mode, in which Ada is in a state. `auto`, `email`
    and `none` are modes of confirming; `function: NAME` and `reset: NAME` name what is called."""

    def start(mode: str, state: State) -> Shop:
        kind, _, name = mode.partition(": ")
        settings: dict[str, object] = {}
        if kind == "function":
            settings = {"confirmation_flow": "function", "function.confirmation": name}
        elif kind == "reset":
            settings = {"reset_flow": "function", "function.reset": name}
        elif kind != "email":
            settings = {"confirmation_flow": kind}
        shop = open_shop(functions=FUNCTIONS)
        if state != "unknown":
            user = shop.registered()  # by mail: switching does not touch who waits already
            if state != "pending":
                shop.engine.confirm_manually(user)
            if state == "confirmed":
                shop.log_in()
        for setting, value in settings.items():
            shop.engine.settings.set(setting, value)
        return shop

    return start


UNKNOWN: Told = (404, "UserNotFound", "user not found")
ALREADY: Told = (400, "UserAlreadyConfirmed", "already confirmed")
BY_ITSELF: Told = (
    400, None, f"cannot run confirmation for {ADA}: automatic confirmation is enabled"
)  # fmt: skip
FAILED: Told = (400, "BadRequest", f'failed to confirm user "{ADA}"')
BY_FUNCTION: Told = (400, "BadRequest", "please use confirm via function")
BY_MAIL: Told = (400, "BadRequest", "please use resend confirmation email")
RESET_BY_FUNCTION: Told = (400, "BadRequest", "please use reset password via function")
RESET_BY_MAIL: Told = (400, "BadRequest", "please use reset password via email")
RESET_FAILED: Told = (400, "BadRequest", f'failed to reset password for user "{ADA}"')
TAKEN: Told = (409, "AccountNameInUse", "name already in use")
WRONG: Told = (401, "InvalidPassword", "invalid username/password")
WAITS: Told = (401, "AuthError", "confirmation required")
DONE = 200
CREATED = 201
RAISED: Told = (400, "FunctionExecutionError", "raised")
"""Its message is the engine's own sentence."""

REGISTER = ("register", {"email": ADA, "password": PASSWORD})
LOG_IN = ("login", {"username": ADA, "password": PASSWORD})
SEND = ("confirm/send", {"email": ADA})
CALL = ("confirm/call", {"email": ADA})
RESET_SEND = ("reset/send", {"email": ADA})
RESET_CALL = ("reset/call", {"email": ADA, "password": "another good one", "arguments": [1]})

# Operation, mode, and what is told of each state in order.
TABLE: list[tuple[tuple[str, dict[str, Any]], str, tuple[Told | int, ...]]] = [
    (REGISTER, "email", (CREATED, TAKEN, TAKEN, TAKEN)),
    (REGISTER, "auto", (CREATED, TAKEN, TAKEN, TAKEN)),
    (REGISTER, "function: succeed", (CREATED, TAKEN, TAKEN, TAKEN)),
    (REGISTER, "function: wait", (CREATED, TAKEN, TAKEN, TAKEN)),
    (LOG_IN, "email", (WRONG, WAITS, DONE, DONE)),
    (SEND, "email", (UNKNOWN, DONE, ALREADY, ALREADY)),
    (SEND, "function: wait", (UNKNOWN, BY_FUNCTION, ALREADY, ALREADY)),
    (SEND, "auto", (UNKNOWN, BY_ITSELF, ALREADY, ALREADY)),
    (CALL, "email", (UNKNOWN, BY_MAIL, ALREADY, ALREADY)),
    (CALL, "function: succeed", (UNKNOWN, DONE, ALREADY, ALREADY)),
    (CALL, "function: wait", (UNKNOWN, DONE, ALREADY, ALREADY)),
    (CALL, "function: fail", (UNKNOWN, FAILED, ALREADY, ALREADY)),
    (CALL, "function: raise", (UNKNOWN, RAISED, ALREADY, ALREADY)),
    (CALL, "auto", (BY_ITSELF, BY_ITSELF, BY_ITSELF, BY_ITSELF)),
    (RESET_SEND, "email", (UNKNOWN, DONE, DONE, DONE)),
    (RESET_SEND, "reset: wait", (RESET_BY_FUNCTION,) * 4),
    (RESET_CALL, "email", (RESET_BY_MAIL,) * 4),
    (RESET_CALL, "reset: succeed", (UNKNOWN, UNKNOWN, DONE, DONE)),
    (RESET_CALL, "reset: wait", (UNKNOWN, UNKNOWN, DONE, DONE)),
    (RESET_CALL, "reset: fail", (UNKNOWN, UNKNOWN, RESET_FAILED, RESET_FAILED)),
    (RESET_CALL, "reset: raise", (UNKNOWN, UNKNOWN, RAISED, RAISED)),
]
CELLS = [
    pytest.param(asked, mode, state, told, id=f"{asked[0]}, {mode}, {state}")
    for asked, mode, row in TABLE
    for state, told in zip(STATES, row, strict=True)
]


@pytest.mark.parametrize(("asked", "mode", "state", "told"), CELLS)
def test_each_cell_is_answered_as_the_contract_says(
    open_in: Callable[[str, State], Shop],
    asked: tuple[str, dict[str, Any]],
    mode: str,
    state: State,
    told: Told | int,
) -> None:
    """Given Ada in a state, when a client asks in a mode, then status, code and message fit."""
    answer = open_in(mode, state).post(f"{P}/{asked[0]}", asked[1])

    if isinstance(told, int):
        assert told == answer.status_code, answer.text
        if asked is not LOG_IN:
            assert {} == answer.json()
    elif told is RAISED:
        assert told[:2] == refused(answer)[:2]
    else:
        assert told == refused(answer)


@pytest.mark.parametrize("verdict", ["fail", "raise"])
def test_what_a_registrations_function_says_decides_whether_anybody_is_left(
    open_shop: OpenShop, verdict: str
) -> None:
    """Given a function that fails the registration, then no account is left and the client is told;
    given one that raises, then the user waits, never taken for refused."""

    def decide(call: Mapping[str, Any]) -> Mapping[str, str]:
        if verdict == "raise":
            raise ValueError("no connection")
        return {"status": "fail"}

    shop = open_shop(
        functions={"decide": decide},
        settings={"confirmation_flow": "function", "function.confirmation": "decide"},
    )

    told = refused(shop.post(f"{P}/register", REGISTER[1]))

    left = shop.engine.users.count("pending")
    if verdict == "fail":
        assert (0, FAILED) == (left, told)
    else:
        assert (1, 400, "FunctionExecutionError") == (left, *told[:2])


def test_a_function_that_is_too_slow_is_said_to_be(open_shop: OpenShop) -> None:
    """Given one that never answers within its time, then `ExecutionTimeLimitExceeded`."""

    async def sleep(call: Mapping[str, Any]) -> Mapping[str, str]:
        await asyncio.Event().wait()
        return {"status": "success"}

    shop = open_shop(
        functions={"sleep": sleep},
        settings={
            "confirmation_flow": "function",
            "function.confirmation": "sleep",
            "function.time_limit": "1s",
        },
    )

    told = refused(shop.post(f"{P}/register", REGISTER[1]))

    assert (400, "ExecutionTimeLimitExceeded") == told[:2]
    assert 1 == shop.engine.users.count("pending")


def test_the_function_decides_of_what_waits_since_another_mode(
    open_in: Callable[[str, State], Shop],
) -> None:
    """Given a registration by mail, when the mode is switched and the client calls, then the
    function confirms it, and the log-in succeeds (kt `retryCustomConfirmation`)."""
    shop = open_in("function: succeed", "pending")

    assert DONE == shop.post(f"{P}/confirm/call", {"email": ADA}).status_code

    assert shop.log_in().user


def test_a_used_confirmation_is_a_success_for_who_holds_it(shop: Shop) -> None:
    """Given a link that was pressed, when it is pressed again, then 200."""
    shop.registered()
    token = shop.token_of_last_mail()

    assert [200, 200] == [shop.post(f"{P}/confirm", token).status_code for _ in range(2)]


def test_a_new_message_replaces_the_one_before_when_it_is_out(shop: Shop) -> None:
    """T8: given a second message, then the first one's token is dead."""
    shop.registered()
    first = shop.token_of_last_mail()
    shop.post(f"{P}/confirm/send", {"email": ADA})

    dead = refused(shop.post(f"{P}/confirm", first))
    assert (400, "UserpassTokenInvalid") == dead[:2]
    assert 200 == shop.post(f"{P}/confirm", shop.token_of_last_mail()).status_code


def test_h7_a_reset_of_who_waits_sets_the_password_and_confirms(shop: Shop) -> None:
    """Given a pending user, when she replaces her password by mail, then she logs in with it, and
    the one of the registration is dead."""
    shop.registered()
    shop.post(f"{P}/reset/send", {"email": ADA})

    shop.post(f"{P}/reset", {**shop.token_of_last_mail(), "password": "another good one"})

    assert shop.log_in(password="another good one").user
    assert WRONG == refused(shop.post(f"{P}/login", LOG_IN[1]))


def test_a_mail_that_is_refused_for_good_is_told_and_the_user_waits(open_shop: OpenShop) -> None:
    """Given a transport that refuses the mail for good, then 400, registered and pending; given one
    that fails for a moment, then 201 (§5, `throws`)."""
    shop = open_shop()
    shop.inbox.refuse_mail()
    refused_for_good = shop.post(f"{P}/register", REGISTER[1])
    shop.inbox.refuse_mail(temporary=True)
    for_a_moment = shop.post(f"{P}/register", {**REGISTER[1], "email": "bob@example.com"})

    assert (400, "BadRequest") == refused(refused_for_good)[:2]
    assert 201 == for_a_moment.status_code
    assert 2 == shop.engine.users.count("pending")


# --- what a reset function sees and does -------------------------------------------------------


def test_arguments_of_a_reset_function_come_decoded_one_by_one(open_shop: OpenShop) -> None:
    """Given canonical Extended JSON, as realm-web writes it, then the function gets plain values,
    after the object with token, user and new password."""
    seen: list[object] = []

    def remember(call: Mapping[str, Any], *arguments: object) -> Mapping[str, str]:
        seen.extend([call["username"], call["password"], *arguments])
        return {"status": "pending"}

    shop = open_shop(
        functions={"remember": remember},
        settings={"reset_flow": "function", "function.reset": "remember"},
    )
    shop.confirmed()
    arguments = ["answer", {"$numberInt": "42"}, {"deep": [{"$numberDouble": "1.5"}]}]

    shop.post(f"{P}/reset/call", {**RESET_CALL[1], "arguments": arguments})

    assert [ADA, "another good one", "answer", 42, {"deep": [1.5]}] == seen


def test_n5_success_of_a_reset_function_changes_nobodys_password_without_proof(
    open_shop: OpenShop,
) -> None:
    """Given a careless function that always says `success`, when a stranger asks it to set Ada's
    password, then 200 as ever, and Ada's is the old one: it only waits for the token."""
    shop = open_shop(
        functions=FUNCTIONS, settings={"reset_flow": "function", "function.reset": "succeed"}
    )
    shop.confirmed()

    assert DONE == shop.post(f"{P}/reset/call", RESET_CALL[1]).status_code

    assert WRONG == refused(shop.post(f"{P}/login", {**LOG_IN[1], "password": "another good one"}))
    assert shop.log_in().user


def test_n5_a_reset_function_that_proved_the_user_sets_her_password_alone(
    open_shop: OpenShop,
) -> None:
    """Given a function that proved who asks, then her password is the new one, and that of any
    other user, whom its arguments name, is not."""

    def prove(call: Mapping[str, Any], *arguments: object) -> Outcome:
        return Outcome.success(proved=True)

    shop = open_shop(
        functions={"prove": prove},
        settings={"reset_flow": "function", "function.reset": "prove"},
    )
    shop.confirmed()
    bob = shop.confirmed("bob@example.com")

    assert DONE == shop.post(
        f"{P}/reset/call", {**RESET_CALL[1], "arguments": [bob.id, "bob@example.com"]}
    ).status_code  # fmt: skip

    assert shop.log_in(password="another good one").user
    assert WRONG == refused(shop.post(f"{P}/login", LOG_IN[1]))
    assert shop.log_in(username="bob@example.com").user == bob.id


def test_the_log_in_says_username_where_the_registration_says_email(shop: Shop) -> None:
    """Given `email` at a log-in, then 400: each has a name of its own."""
    wrong = {"email": ADA, "password": PASSWORD}

    assert (400, "BadRequest") == refused(shop.post(f"{P}/login", wrong))[:2]
