"""`functions/call`: registered callables and nothing else, as whom, and what can go wrong."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from shop import A, Answer, OpenShop, Shop, refused

from admit.errors import UnknownName
from admit.server.hosting import hosted
from admit.testing import open as open_engine

CALL = f"{A}/functions/call"


def total(*numbers: float) -> float:
    """Return a sum: `sumFunc` of the SDKs' tests."""
    return sum(numbers)


async def greeting(name: str, *, user: Mapping[str, Any]) -> dict[str, Any]:
    """Return what it knows of its caller."""
    await asyncio.sleep(0)
    return {"hello": name, "user": dict(user)}


def instant(at: datetime) -> str:
    """Return an instant that came as one."""
    return at.isoformat()


def breaks() -> None:
    """Raise, with something in it that nobody should read."""
    raise ValueError("the password is sesame")


def endless() -> object:
    """Return what JSON does not know."""
    return object()


HOLD = threading.Event()


def hangs() -> None:
    """Wait for what never comes."""
    HOLD.wait()


async def hangs_too() -> None:
    """Wait for what never comes, on the loop."""
    await asyncio.Event().wait()


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sumFunc": total,
    "greeting": greeting,
    "instant": instant,
    "breaks": breaks,
    "endless": endless,
    "hangs": hangs,
    "hangs_too": hangs_too,
}


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    """A shop with functions for its clients."""
    return open_shop(functions=FUNCTIONS, settings={"server.function_time": 0.2})


def call(shop: Shop, name: str, *arguments: object) -> Answer:
    """Return what an anonymous user's call is answered."""
    access = shop.log_in("anon-user").access
    return shop.post(CALL, {"name": name, "arguments": list(arguments)}, bearer=access)


def test_arguments_come_decoded_and_the_result_goes_out_bare(shop: Shop) -> None:
    """Given canonical Extended JSON and plain JSON, then the function gets numbers and an instant,
    and the answer is its result alone."""
    assert 6.5 == call(shop, "sumFunc", {"$numberInt": "1"}, {"$numberDouble": "2.5"}, 3).json()
    millisecond = {"$date": {"$numberLong": "1"}}
    first = datetime(1970, 1, 1, 0, 0, 0, 1000, UTC).isoformat()
    assert first == call(shop, "instant", millisecond).json()


def test_a_function_that_asks_for_it_gets_the_caller(open_shop: OpenShop) -> None:
    """Given a parameter `user` by keyword, then it is given the user object of §4, custom data
    included; no argument of the client's can stand in its place."""
    shop = open_shop(functions=FUNCTIONS)
    ada = shop.confirmed()
    shop.engine.custom_data.set(ada, {"colour": "blue"})
    access = shop.log_in().access

    said = shop.post(CALL, {"name": "greeting", "arguments": ["you"]}, bearer=access).json()

    user = said["user"]
    assert "you" == said["hello"]
    assert (ada.id, "normal", {"colour": "blue"}) == (user["id"], user["type"], user["custom_data"])
    assert [("local-userpass", {"email": "Ada@example.com"})] == [
        (one["provider_type"], one["data"]) for one in user["identities"]
    ]
    too_many = shop.post(CALL, {"name": "greeting", "arguments": ["you", {}]}, bearer=access)
    assert "FunctionExecutionError" == too_many.json()["error_code"]


@pytest.mark.parametrize("name", ["breaks", "endless"])
def test_a_function_that_fails_is_said_to_and_not_why(shop: Shop, name: str) -> None:
    """Given one that raises, or returns what JSON does not know, then 400, without what was in it
    and without a traceback."""
    told = refused(call(shop, name))

    assert (400, "FunctionExecutionError", f"the function '{name}' failed") == told


@pytest.mark.parametrize("name", ["hangs", "hangs_too"])
def test_a_function_that_hangs_is_left_and_others_are_served(shop: Shop, name: str) -> None:
    """Given one that never answers, then the client is told when its time is over, and others are
    served."""
    try:
        told = refused(call(shop, name))
        other = call(shop, "sumFunc", 1, 2).json()
    finally:
        HOLD.set()
        HOLD.clear()

    sentence = f"the function '{name}' did not answer within 0.2 seconds"
    assert (400, "ExecutionTimeLimitExceeded", sentence) == told
    assert 3 == other


def test_a_function_that_hangs_ever_again_is_called_no_more_till_it_answers(
    open_shop: OpenShop,
) -> None:
    """Given a function that hung eight times, then it is not called again – each call keeps a
    thread –, while others are; when those calls are over, then it is."""
    go, began = threading.Event(), [0]

    def waits() -> str:
        began[0] += 1
        go.wait()
        return "over"

    shop = open_shop(
        functions={"waits": waits, "total": total}, fixed={"server.function_time": "0.1s"}
    )

    for _ in range(8):
        assert "ExecutionTimeLimitExceeded" == refused(call(shop, "waits"))[1]
    assert "FunctionExecutionError" == refused(call(shop, "waits"))[1]
    assert 3 == call(shop, "total", 1, 2).json()
    assert 8 == began[0]
    go.set()
    deadline = time.monotonic() + 30
    while call(shop, "waits").status_code != 200:
        assert time.monotonic() < deadline


def test_a_function_that_hangs_does_not_keep_the_process_alive() -> None:
    """Given a call that was given up and hangs for good, then the process can end."""
    code = (
        "import asyncio, threading\n"
        "from admit.server.threads import Threads\n"
        "async def main():\n"
        "    threads = Threads()\n"
        "    try:\n"
        "        async with asyncio.timeout(0.1):\n"
        "            await threads.apart('it', threading.Event().wait)\n"
        "    except TimeoutError:\n"
        "        threads.close()\n"
        "asyncio.run(main())\n"
    )

    assert 0 == subprocess.run([sys.executable, "-c", code], timeout=30).returncode


@pytest.mark.parametrize("name", ["os.system", "confirm", "__class__", ""])
def test_n6_nothing_but_what_was_registered_for_clients_is_called(
    open_shop: OpenShop, name: str
) -> None:
    """Given functions of the engine – for confirmations – that are not named for clients, then none
    of them, and nothing else, is found."""
    shop = open_shop(functions={"greeting": greeting})

    assert (404, "FunctionNotFound") == refused(call(shop, name))[:2]


def test_n6_clients_call_those_registered_functions_that_a_setting_names() -> None:
    """Given two registered functions and a setting that names one, then that one may be called; one
    that is not registered is said to be missing at the start."""
    names = {"server.functions": ("sumFunc",)}
    with open_engine(functions=FUNCTIONS, fixed=names) as engine:
        assert {"sumFunc": total} == hosted(engine).functions
    with open_engine(fixed=names) as engine, pytest.raises(UnknownName):
        hosted(engine)


def test_without_a_signature_a_function_is_called_with_the_arguments(open_shop: OpenShop) -> None:
    """Given a callable of C, then it is called all the same."""
    shop = open_shop(functions={"largest": max})

    assert 3 == call(shop, "largest", 1, 3, 2).json()
