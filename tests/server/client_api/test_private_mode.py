"""E1–E3 over HTTP: what a stranger can learn of accounts under `disclosure = "private"`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import pytest
from accounts import ACCOUNTS, Commits, Shape
from shop import ADA, PASSWORD, Answer, C, OpenShop, P, refused
from starlette.testclient import TestClient

import admit
from admit.server.app import make_app
from admit.server.hosting import ServedPlugin, hosted
from admit.testing import Inbox, MemoryStore

PRIVATE = {"server.disclosure": "private"}
WRONG = "not the password at all"
FUNCTION: Callable[..., Mapping[str, str]] = lambda *_: {"status": "pending"}  # noqa: E731

Body = dict[str, Any]
ASKED: dict[str, tuple[str, Body]] = {
    "register": ("register", {"email": ADA, "password": "my own long password"}),
    "register with its password": ("register", {"email": ADA, "password": PASSWORD}),
    "resend": ("confirm/send", {"email": ADA}),
    "call again": ("confirm/call", {"email": ADA}),
    "reset": ("reset/send", {"email": ADA}),
    "reset by function": (
        "reset/call",
        {"email": ADA, "password": "my own long password", "arguments": [1]},
    ),
    "log in": ("login", {"username": ADA, "password": WRONG}),
}
MODES: dict[str, dict[str, object]] = {
    "by mail": {},
    "automatic": {"confirmation_flow": "auto"},
    "by function": {
        "confirmation_flow": "function",
        "function.confirmation": "ask",
        "reset_flow": "function",
        "function.reset": "ask",
    },
}


def seen(answer: Answer) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Return all that a stranger sees of an answer."""
    return answer.status_code, answer.content, sorted(answer.headers.items())


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES.keys())
@pytest.mark.parametrize(("path", "body"), ASKED.values(), ids=ASKED.keys())
def test_e1_every_state_of_an_account_answers_a_stranger_alike_over_http(
    open_shop: OpenShop, path: str, body: Body, mode: dict[str, object]
) -> None:
    """Given an account that is unknown, pending, confirmed, disabled or deleted, when a stranger
    asks for anything by its address, then status, body and headers are equal to the last letter,
    and so is what is committed."""

    def told(account: Callable[[admit.Engine, str], None]) -> tuple[object, list[Shape]]:
        store = MemoryStore()
        shop = open_shop(store=store, fixed=PRIVATE, functions={"ask": FUNCTION})
        account(shop.engine, ADA.lower())
        for name, value in mode.items():
            shop.engine.settings.set(name, value)
        with Commits(store).watched() as shapes:
            answer = shop.client.post(
                f"{P}/{path}", json=body, headers={"x-request-id": "the-same-id"}
            )
        return seen(answer), shapes

    answers = {name: told(account) for name, account in ACCOUNTS.items()}

    assert dict.fromkeys(answers, answers["unknown"]) == answers


def test_e1_who_has_the_right_password_is_told_what_is_in_the_way(open_shop: OpenShop) -> None:
    """Given the right password of a pending and of a disabled user, then they are told so: nobody
    else is. A user who is confirmed comes in."""
    shop = open_shop(fixed=PRIVATE)
    shop.confirmed()
    shop.registered("bob@example.com")
    shop.engine.disable(shop.confirmed("eve@example.com"))

    def told(email: str) -> tuple[int, str | None, str]:
        return refused(shop.post(f"{P}/login", {"username": email, "password": PASSWORD}))

    assert shop.log_in().user
    assert (401, "AuthError", "confirmation required") == told("bob@example.com")
    assert (401, "UserDisabled", "user disabled") == told("eve@example.com")


def test_e1_a_deletion_is_by_token_so_that_a_stranger_asks_about_nobody(
    open_shop: OpenShop,
) -> None:
    """Given no token, or a dead one, of whomever, then the same 401."""
    shop = open_shop(fixed=PRIVATE)
    ada = shop.confirmed()
    dead = shop.log_in().access
    shop.engine.log_out_all(ada)

    def delete(bearer: str) -> Answer:
        headers = {"x-request-id": "the-same-id", "authorization": f"Bearer {bearer}"}
        return shop.client.delete(f"{C}/auth/delete", headers=headers)

    assert seen(delete("a.b.c")) == seen(delete(dead))
    assert ada.id == shop.engine.users.get(ada.id).id


def test_e1_the_owner_learns_by_mail_what_a_stranger_does_not(open_shop: OpenShop) -> None:
    """Given a taken address, when it is registered again, then 201 as ever, and a mail to its
    owner; of a pending one with a reset link, which sets a password and confirms (H7)."""
    shop = open_shop(fixed=PRIVATE)
    shop.confirmed()
    shop.registered("bob@example.com")
    shop.inbox.messages.clear()

    for email in (ADA, "bob@example.com"):
        assert 201 == shop.post(
            f"{P}/register", {"email": email, "password": "my own long password"}
        ).status_code  # fmt: skip
    shop.engine.work_once()

    assert {ADA, "bob@example.com"} == {message.to for message in shop.inbox.messages}
    link = shop.inbox.last_link("bob@example.com").credentials
    token = {"token": link["token"], "tokenId": link["token_id"]}
    assert 200 == shop.post(f"{P}/reset", {**token, "password": "bobs own long one"}).status_code
    assert shop.log_in(username="bob@example.com", password="bobs own long one").user


@pytest.mark.parametrize("email", [ADA, "nobody@example.com"])
def test_e2_known_and_unknown_addresses_are_throttled_alike(
    open_shop: OpenShop, email: str
) -> None:
    """Given a cool-down, when a stranger asks twice about an address, in other letters the second
    time, then 429 with the time to wait, whether somebody has it or not."""
    shop = open_shop(fixed=PRIVATE, settings={"cool_down": "60s"})
    shop.confirmed()

    answers = [
        shop.client.post(f"{P}/reset/send", json={"email": typed})
        for typed in (email, email.upper())
    ]

    assert [200, 429] == [answer.status_code for answer in answers]
    assert "60" == answers[1].headers["retry-after"]
    assert (429, "TooManyRequests") == refused(answers[1])[:2]


def test_e2_guesses_are_counted_by_the_address_of_the_client(open_shop: OpenShop) -> None:
    """Given a client that asks about ever other addresses, then it is throttled, whatever it asks
    about – known or not –, and another client is not."""
    shop = open_shop(fixed=PRIVATE, settings={"requests_per_client": 10})
    here = TestClient(shop.client.app, client=("203.0.113.9", 1))
    there = TestClient(shop.client.app, client=("198.51.100.9", 1))

    def ask(client: TestClient, number: int) -> int:
        return client.post(
            f"{P}/login", json={"username": f"user{number}@example.com", "password": WRONG}
        ).status_code

    assert [401] * 10 + [429] == [ask(here, number) for number in range(11)]
    assert 401 == ask(there, 1)


@pytest.mark.parametrize("disclosure", ["compatible", "private"])
@pytest.mark.parametrize("path", ["register", "confirm/send", "reset/send"])
def test_e2_requests_are_counted_by_the_address_of_the_client_in_both_modes(
    open_shop: OpenShop, path: str, disclosure: str
) -> None:
    """Given a client that registers, or asks for messages to, ever other addresses, then it is
    throttled like one that guesses – what is told of an account changes nothing in that –, and
    another client is not."""
    fixed = {"server.disclosure": disclosure}
    shop = open_shop(fixed=fixed, settings={"requests_per_client": 10})
    here = TestClient(shop.client.app, client=("203.0.113.9", 1))
    there = TestClient(shop.client.app, client=("198.51.100.9", 1))

    def ask(client: TestClient, number: int) -> int:
        body = {"email": f"user{number}@example.com", "password": PASSWORD}
        return client.post(f"{P}/{path}", json=body).status_code

    *asked, last = [ask(here, number) for number in range(11)]

    assert 429 not in asked
    assert 429 == last
    assert 429 != ask(there, 12)


@pytest.mark.parametrize("path", ["confirm/call", "reset/call"])
def test_e2_calls_of_functions_are_counted_by_the_address_of_the_client(
    open_shop: OpenShop, path: str
) -> None:
    """Given compatible mode and functions that decide, then a client is throttled at these, too."""
    settings = {
        "requests_per_client": 10,
        "confirmation_flow": "function",
        "function.confirmation": "wait",
        "reset_flow": "function",
        "function.reset": "wait",
    }
    functions = {"wait": lambda call, *arguments: {"status": "pending"}}
    shop = open_shop(settings=settings, functions=functions)
    here = TestClient(shop.client.app, client=("203.0.113.9", 1))
    body = {"email": "nobody@example.com", "password": PASSWORD}

    answers = [here.post(f"{P}/{path}", json=body).status_code for _ in range(11)]

    assert [404] * 10 + [429] == answers


SAMPLES = 200
WARM_UP = 10


@pytest.mark.parametrize("asked", ["reset", "log in"])
def test_e3_the_clock_tells_no_known_address_from_an_unknown_one_over_http(
    tmp_path: Path, asked: str
) -> None:
    """Given accounts and addresses of nobody, on a synced file, when a stranger asks 200 times for
    each class, in turn, then the medians are no further apart than the noise of one class against
    itself – a quarter of a request at least, as for the engine's own face."""
    path, body = ASKED[asked]
    field = "username" if asked == "log in" else "email"
    settings = {
        "transport": "inbox",
        "email.sender": "admit@example.com",
        "email.link_base": "https://app.example.com/confirm",
        "cool_down": 0,
        "password_time_cost": 4,
        "password_memory_kibibytes": 2048,
        "password_parallelism": 1,
        "server.requests_a_minute": 10_000_000,
        **PRIVATE,
    }
    with admit.open(
        tmp_path / "users.json",
        plugins=[Inbox(), ServedPlugin("shop-abcde")],
        settings=settings,
        worker=False,
    ) as engine:
        for number in range(WARM_UP + SAMPLES):
            engine.confirm_manually(engine.register(f"known{number}@example.com"))
        times: dict[str, list[float]] = {"known": [], "unknown": []}
        app = make_app([hosted(engine, app_id="shop-abcde")])
        with TestClient(app, client=("203.0.113.9", 1)) as client:
            engine.settings.set("requests_per_client", 100_000)
            for number in range(WARM_UP + SAMPLES):
                for kind in ("known", "unknown") if number % 2 else ("unknown", "known"):
                    about = {**body, field: f"{kind}{number}@example.com"}
                    start = time.perf_counter()
                    client.post(f"{P}/{path}", json=about)
                    times[kind].append(time.perf_counter() - start)

    known, unknown = times["known"][WARM_UP:], times["unknown"][WARM_UP:]
    gap = abs(median(known) - median(unknown))
    noise = max(_interquartile_range(known), _interquartile_range(unknown))
    assert gap < max(noise, median(unknown) / 4)


def _interquartile_range(samples: list[float]) -> float:
    lower, _, upper = quantiles(samples, n=4)
    return upper - lower
