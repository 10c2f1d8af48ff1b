"""`admit.web.flask`: real applications, asked over their WSGI interface."""

from __future__ import annotations

import pytest
from flask import Flask, jsonify, redirect, request
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from shops import DEAD, PASSWORD, Shop

import admit
from admit.errors import NotConfigured, StoreFull
from admit.records import UserId
from admit.testing import MemoryStore
from admit.testing import open as open_engine
from admit.web.flask import Callers, answer_errors


def bearer(token: str) -> dict[str, str]:
    """Return the header that a program sends."""
    return {"Authorization": f"Bearer {token}"}


def application(callers: Callers) -> Flask:
    """Return an application with a view for each way to ask."""
    app = Flask(__name__)
    answer_errors(app)

    @app.get("/me")
    def me() -> ResponseReturnValue:
        return jsonify(callers.user().identities[0].data["email"])

    @app.get("/id")
    def id_of() -> ResponseReturnValue:
        return jsonify(callers.access().user_id)

    @app.get("/wall")
    @callers.user_required
    def wall() -> ResponseReturnValue:
        return "bricks"

    @app.get("/later/<int:hours>")
    @callers.user_required
    async def later(hours: int) -> ResponseReturnValue:
        return f"in {hours} hours"

    @app.post("/sell")
    @callers.fresh_required
    def sell() -> ResponseReturnValue:
        return callers.fresh().user_id

    @app.get("/greeting")
    def greeting() -> ResponseReturnValue:
        user, access = callers.optional_user(), callers.optional_access()
        assert (user is None) == (access is None)
        return "hello, stranger" if user is None else "hello, Ada"

    @app.post("/register")
    def register() -> ResponseReturnValue:
        form = request.form
        return callers.stranger().register(form["address"], form["password"]).id

    @app.post("/leave")
    def leave() -> ResponseReturnValue:
        callers.acting().delete(callers.access().user_id)
        return ""

    @app.get("/broken")
    def broken() -> ResponseReturnValue:
        raise NotConfigured("The flow 'email'", ["email.sender"])

    return app


@pytest.fixture
def client(shop: Shop) -> FlaskClient:
    """A client of an application that reads tokens from the header alone."""
    return application(Callers(shop.engine)).test_client()


def test_the_current_user_is_known(shop: Shop, client: FlaskClient) -> None:
    """Given Ada's token in the header, then each view gets what it asks for."""
    header = bearer(shop.token())

    assert "ada@example.com" == client.get("/me", headers=header).json
    assert shop.ada.id == client.get("/id", headers=header).json
    assert "bricks" == client.get("/wall", headers=header).text


def test_an_async_view_may_stand_behind_a_check(shop: Shop, client: FlaskClient) -> None:
    """Given an `async def` view with arguments, then it is run, for a user alone."""
    assert "in 3 hours" == client.get("/later/3", headers=bearer(shop.token())).text
    assert 401 == client.get("/later/3").status_code


@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic YTpi"}, bearer("")])
@pytest.mark.parametrize("path", ["/me", "/wall"])
def test_who_sends_no_token_is_asked_for_one(
    client: FlaskClient, path: str, header: dict[str, str]
) -> None:
    """Given no bearer token, then 401, a challenge without an error (RFC 6750 §3.1), and a code."""
    answer = client.get(path, headers=header)

    assert 401 == answer.status_code
    assert "Bearer" == answer.headers["www-authenticate"]
    assert "no-token" == answer.get_json()["error_code"]


@pytest.mark.parametrize("path", ["/me", "/id", "/greeting", "/wall"])
@pytest.mark.parametrize("how", DEAD)
def test_s3_a_dead_token_opens_nothing(
    shop: Shop, client: FlaskClient, how: str, path: str
) -> None:
    """Given a token that expired, or whose session, log-in or user ended, then 401 and why."""
    answer = client.get(path, headers=bearer(shop.dead(how)))

    assert 401 == answer.status_code
    assert 'Bearer error="invalid_token"' == answer.headers["www-authenticate"]
    assert "session-invalid" == answer.get_json()["error_code"]
    assert {"error", "error_code", "next_step"} == set(answer.get_json())


def test_o6_what_needs_a_fresh_log_in_is_refused_to_an_old_one(
    shop: Shop, client: FlaskClient
) -> None:
    """Given a good token of a log-in of yesterday, then 403 for what needs a fresh one."""
    header = bearer(shop.stale())
    answer = client.post("/sell", headers=header)

    assert 403 == answer.status_code
    assert "fresh-log-in-needed" == answer.get_json()["error_code"]
    assert "insufficient_user_authentication" in answer.headers["www-authenticate"]
    assert 200 == client.get("/me", headers=header).status_code
    assert shop.ada.id == client.post("/sell", headers=bearer(shop.token())).text


def test_a_view_may_be_open_to_strangers_too(shop: Shop, client: FlaskClient) -> None:
    """Given a view whose user is optional, then with a token it is she, without one nobody."""
    assert "hello, Ada" == client.get("/greeting", headers=bearer(shop.token())).text
    assert "hello, stranger" == client.get("/greeting").text


def test_a_cookie_is_read_only_where_the_application_asks_for_it(shop: Shop) -> None:
    """Given a token in a cookie, then it counts where its name was given; dead, it is nobody's."""
    with_cookie = application(Callers(shop.engine, cookie="access")).test_client()
    without = application(Callers(shop.engine)).test_client()
    for client in (with_cookie, without):
        client.set_cookie("access", shop.token())

    assert shop.ada.id == with_cookie.get("/id").json
    assert 401 == without.get("/id").status_code
    with_cookie.set_cookie("access", shop.ended())
    assert "hello, stranger" == with_cookie.get("/greeting").text
    assert 401 == with_cookie.get("/id").status_code


def test_n4_the_engine_is_told_the_address_through_trusted_proxies_only(shop: Shop) -> None:
    """Given a proxy in a trusted network, then events keep the client's address; of any other
    peer, its own."""
    client = application(Callers(shop.engine, trusted_proxies=["10.0.0.0/8"])).test_client()
    said = {"X-Forwarded-For": "192.0.2.1, 198.51.100.1", "Accept-Language": "de-CH, de;q=0.9"}

    def kept(peer: str, login: str) -> object:
        answer = client.post(
            "/register",
            data={"address": login, "password": PASSWORD},
            headers=said,
            environ_base={"REMOTE_ADDR": peer},
        )
        return (shop.engine.users.timeline(UserId(answer.text))[0].detail or {}).get("client")

    assert {"address": "198.51.100.1", "locale": "de-CH"} == kept("10.0.0.7", "a@example.com")
    assert {"address": "203.0.113.9", "locale": "de-CH"} == kept("203.0.113.9", "b@example.com")
    assert {"locale": "de-CH"} == kept("", "c@example.com")


def test_what_a_user_does_stands_under_her_own_name(shop: Shop, client: FlaskClient) -> None:
    """Given a view that acts as the current user, then the trail says that she did it."""
    assert 200 == client.post("/leave", headers=bearer(shop.token())).status_code

    assert admit.Actor("user", shop.ada.id) == shop.engine.users.timeline(shop.ada.id)[-1].actor
    assert 401 == client.post("/leave").status_code


def test_two_engines_of_one_application_do_not_take_each_others_tokens(shop: Shop) -> None:
    """Given views of two engines, under one key even, then a token opens what is its engine's."""
    with open_engine() as other:
        app = application(Callers(shop.engine))
        staff = Callers(other)
        app.add_url_rule("/staff", view_func=staff.user_required(lambda: "the back room"))
        header = bearer(shop.token())

        assert 200 == app.test_client().get("/me", headers=header).status_code
        assert 401 == app.test_client().get("/staff", headers=header).status_code


def test_an_error_of_the_engine_is_answered_in_the_same_form(client: FlaskClient) -> None:
    """Given `answer_errors`, when a view lets an error of the client pass, then it is told; one of
    the application's own is let through, to be logged."""
    answer = client.post("/register", data={"address": "no address", "password": PASSWORD})

    assert 400 == answer.status_code
    assert "invalid-address" == answer.get_json()["error_code"]
    client.application.testing = True
    with pytest.raises(NotConfigured):
        client.get("/broken")


def test_an_application_may_answer_in_its_own_way(shop: Shop) -> None:
    """Given a handler for 401, as for pages, then it answers."""
    app = application(Callers(shop.engine))

    @app.errorhandler(401)
    def log_in_first(problem: Exception) -> ResponseReturnValue:
        return redirect("/log-in", 303)

    assert "/log-in" == app.test_client().get("/wall").headers["location"]


def test_a_store_that_fails_is_told_apart_from_a_token_that_does(shop: Shop) -> None:
    """Given a store that cannot be read in this moment, then 5xx: nobody has to log in again."""

    class Full(MemoryStore):
        def get_many(self, refs: object) -> list[admit.stores.Record | None]:
            raise StoreFull("There is no room.")

    with open_engine(Full()) as engine:
        client = application(Callers(engine)).test_client()
        answer = client.get("/id", headers=bearer(shop.token()))

    assert 507 == answer.status_code
    assert "www-authenticate" not in answer.headers
    assert StoreFull.code == answer.get_json()["error_code"]
