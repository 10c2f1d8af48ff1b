"""`admit.web.fastapi`: real applications, asked over their ASGI interface."""

# No `from __future__ import annotations`: FastAPI could not find names inside functions.

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import RedirectResponse
from postgres import Postgres
from shops import DEAD, PASSWORD, Shop
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

import admit
from admit.errors import NotConfigured
from admit.stores import Record, Ref
from admit.testing import CHEAP_HASHING, KEY, MemoryStore, SettableClock
from admit.testing import open as open_engine
from admit.web.fastapi import Callers, Refused, answer_errors


def bearer(token: str) -> dict[str, str]:
    """Return the header that a program sends."""
    return {"Authorization": f"Bearer {token}"}


def application(callers: Callers) -> FastAPI:
    """Return an application with a route for each dependency."""
    app = FastAPI()
    answer_errors(app)

    @app.get("/me")
    async def me(user: Annotated[admit.User, Depends(callers.user)]) -> str:
        return str(user.identities[0].data["email"])

    @app.get("/me-in-a-thread")
    def me_in_a_thread(user: Annotated[admit.User, Depends(callers.user)]) -> str:
        return str(user.identities[0].data["email"])

    @app.get("/id")
    async def id_of(access: Annotated[admit.Access, Depends(callers.access)]) -> str:
        return access.user_id

    @app.post("/sell")
    async def sell(access: Annotated[admit.Access, Depends(callers.fresh)]) -> str:
        return access.user_id

    @app.get("/greeting")
    async def greeting(
        user: Annotated[admit.User | None, Depends(callers.optional_user)],
        access: Annotated[admit.Access | None, Depends(callers.optional_access)],
    ) -> str:
        assert (user is None) == (access is None)
        return "hello, stranger" if user is None else "hello, Ada"

    @app.post("/register")
    def register(
        address: str, password: str, asking: Annotated[admit.Engine, Depends(callers.stranger)]
    ) -> str:
        return asking.register(address, password).id

    @app.post("/leave")
    def leave(
        access: Annotated[admit.Access, Depends(callers.access)],
        asking: Annotated[admit.Engine, Depends(callers.acting)],
    ) -> None:
        asking.delete(access.user_id)

    @app.get("/broken")
    def broken() -> None:
        raise NotConfigured("The flow 'email'", ["email.sender"])

    @app.websocket("/live")
    async def live(
        socket: WebSocket, access: Annotated[admit.Access, Depends(callers.access)]
    ) -> None:
        await socket.accept()
        await socket.send_text(access.user_id)
        await socket.close()

    return app


@pytest.fixture
def client(shop: Shop) -> TestClient:
    """A client of an application that reads tokens from the header alone."""
    return TestClient(application(Callers(shop.engine)))


def test_the_current_user_is_known_in_async_and_sync_routes(shop: Shop, client: TestClient) -> None:
    """Given Ada's token in the header, then each kind of route gets her record."""
    header = bearer(shop.token())

    assert "ada@example.com" == client.get("/me", headers=header).json()
    assert "ada@example.com" == client.get("/me-in-a-thread", headers=header).json()
    assert shop.ada.id == client.get("/id", headers=header).json()
    lower_case = {"Authorization": header["Authorization"].replace("Bearer", "bearer")}
    assert shop.ada.id == client.get("/id", headers=lower_case).json()


@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic YTpi"}, bearer("")])
def test_who_sends_no_token_is_asked_for_one(client: TestClient, header: dict[str, str]) -> None:
    """Given no bearer token, then 401, a challenge without an error (RFC 6750 §3.1), and a code."""
    answer = client.get("/me", headers=header)

    assert 401 == answer.status_code
    assert "Bearer" == answer.headers["www-authenticate"]
    assert "no-store" == answer.headers["cache-control"]
    assert "no-token" == answer.json()["detail"]["error_code"]


@pytest.mark.parametrize("path", ["/me", "/id", "/greeting"])
@pytest.mark.parametrize("how", DEAD)
def test_s3_a_dead_token_opens_nothing(shop: Shop, client: TestClient, how: str, path: str) -> None:
    """Given a token that expired, or whose session, log-in or user ended, then 401 and why."""
    answer = client.get(path, headers={b"Authorization": f"Bearer {shop.dead(how)}".encode()})

    assert 401 == answer.status_code
    assert 'Bearer error="invalid_token"' == answer.headers["www-authenticate"]
    assert "session-invalid" == answer.json()["detail"]["error_code"]
    assert {"error", "error_code", "next_step"} == set(answer.json()["detail"])


def test_o6_what_needs_a_fresh_log_in_is_refused_to_an_old_one(
    shop: Shop, client: TestClient
) -> None:
    """
    Given a good token of a log-in of yesterday,
    when something is asked that needs a fresh one,
    then 403 – not 401, on which clients refresh –, and the challenge of RFC 9470.
    """
    header = bearer(shop.stale())
    answer = client.post("/sell", headers=header)

    assert 403 == answer.status_code
    assert "fresh-log-in-needed" == answer.json()["detail"]["error_code"]
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith('Bearer error="insufficient_user_authentication", max_age="')
    assert 200 == client.get("/me", headers=header).status_code
    assert shop.ada.id == client.post("/sell", headers=bearer(shop.token())).json()


def test_a_route_may_be_open_to_strangers_too(shop: Shop, client: TestClient) -> None:
    """Given a route whose user is optional, then with a token it is she, without one nobody."""
    assert "hello, Ada" == client.get("/greeting", headers=bearer(shop.token())).json()
    assert "hello, stranger" == client.get("/greeting").json()


def test_a_cookie_is_read_only_where_the_application_asks_for_it(shop: Shop) -> None:
    """Given a good token in a cookie, then it counts where its name was given, else not."""
    cookie = {"Cookie": f'theme=dark; __Host-access="{shop.token()}"'}
    with_cookie = TestClient(application(Callers(shop.engine, cookie="__Host-access")))
    without = TestClient(application(Callers(shop.engine)))

    assert shop.ada.id == with_cookie.get("/id", headers=cookie).json()
    assert 401 == without.get("/id", headers=cookie).status_code
    assert 401 == with_cookie.get("/id", headers={"Cookie": "__Host-access="}).status_code


def test_a_dead_cookie_shuts_nobody_out_of_a_page_for_all(shop: Shop) -> None:
    """
    Given a browser, which sends its dead cookie with everything,
    when it asks for a page that is open to strangers,
    then it gets it as a stranger; for another page it has to log in.
    """
    client = TestClient(application(Callers(shop.engine, cookie="access")))
    cookie = {"Cookie": f"access={shop.ended()}"}

    assert "hello, stranger" == client.get("/greeting", headers=cookie).json()
    assert 401 == client.get("/me", headers=cookie).status_code


def test_the_header_goes_before_the_cookie(shop: Shop) -> None:
    """Given a dead token in the header and a good one in the cookie, then it is refused."""
    client = TestClient(application(Callers(shop.engine, cookie="access")))
    both = {**bearer(shop.ended()), "Cookie": f"access={shop.token()}"}

    assert 401 == client.get("/id", headers=both).status_code


def test_two_engines_of_one_application_do_not_take_each_others_tokens(shop: Shop) -> None:
    """Given customers and staff, under one key even, then a token opens what is its engine's."""
    with open_engine(settings={"confirmation_flow": "auto"}) as other:
        other.register("grace@example.com", PASSWORD)
        login = other.log_in("local-userpass", username="grace@example.com", password=PASSWORD)
        app = FastAPI()
        app.mount("/customers", application(Callers(shop.engine)))
        app.mount("/staff", application(Callers(other)))
        client = TestClient(app)
        grace, ada = bearer(login.access_token.reveal()), bearer(shop.token())

        assert "ada@example.com" == client.get("/customers/me", headers=ada).json()
        assert "grace@example.com" == client.get("/staff/me", headers=grace).json()
        assert 401 == client.get("/staff/me", headers=ada).status_code
        assert 401 == client.get("/customers/me", headers=grace).status_code


def test_n4_the_engine_is_told_the_address_through_trusted_proxies_only(shop: Shop) -> None:
    """Given a proxy in a trusted network, then events keep the client's address; of any other
    peer, its own."""
    callers = Callers(shop.engine, trusted_proxies=["10.0.0.0/8"])
    app = application(callers)
    said = {"X-Forwarded-For": "198.51.100.1", "Accept-Language": "de-CH, de;q=0.9"}

    def kept(peer: str, login: str) -> object:
        client = TestClient(app, client=(peer, 1))
        params = {"address": login, "password": PASSWORD}
        user = client.post("/register", params=params, headers=said).json()
        return (shop.engine.users.timeline(user)[0].detail or {}).get("client")

    assert {"address": "198.51.100.1", "locale": "de-CH"} == kept("10.0.0.7", "a@example.com")
    assert {"address": "203.0.113.9", "locale": "de-CH"} == kept("203.0.113.9", "b@example.com")


def test_what_a_user_does_stands_under_her_own_name(shop: Shop, client: TestClient) -> None:
    """Given a route that acts as the current user, then the trail says that she did it."""
    assert 200 == client.post("/leave", headers=bearer(shop.token())).status_code

    assert admit.Actor("user", shop.ada.id) == shop.engine.users.timeline(shop.ada.id)[-1].actor
    assert 401 == client.post("/leave").status_code


def test_an_error_of_the_engine_is_answered_in_the_same_form(client: TestClient) -> None:
    """Given `answer_errors`, when a route lets an error of the client pass, then it is told; one of
    the application's own is let through, to be logged."""
    answer = client.post("/register", params={"address": "no address", "password": PASSWORD})

    assert 400 == answer.status_code
    assert "invalid-address" == answer.json()["detail"]["error_code"]
    with pytest.raises(NotConfigured):
        client.get("/broken")


def test_an_application_may_answer_in_its_own_way(shop: Shop) -> None:
    """Given a handler for `Refused`, as for pages, then it answers; the cause tells it more."""
    app = application(Callers(shop.engine))

    @app.exception_handler(Refused)
    def log_in_first(request: Request, refused: Refused) -> Response:
        return RedirectResponse(f"/log-in?because={refused.cause.code}", 303)

    answer = TestClient(app, follow_redirects=False).get("/me")

    assert "/log-in?because=no-token" == answer.headers["location"]
    assert issubclass(Refused, HTTPException)


def test_a_websocket_is_refused_before_it_opens(shop: Shop, client: TestClient) -> None:
    """Given a WebSocket route, then with a token it opens, without one it does not."""
    with client.websocket_connect("/live", headers=bearer(shop.token())) as socket:
        assert shop.ada.id == socket.receive_text()
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/live"):
        pytest.fail("it opened")


def test_openapi_says_which_routes_want_a_token(shop: Shop) -> None:
    """Given the application's document, then protected routes name the scheme, others none."""
    document = application(Callers(shop.engine, scheme_name="customer")).openapi()

    assert [{"customer": []}] == document["paths"]["/me"]["get"]["security"]
    assert "security" not in document["paths"]["/register"]["post"]
    scheme = document["components"]["securitySchemes"]["customer"]
    assert {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"} == scheme


class WatchedStore(MemoryStore):
    """A memory store that says on which thread it was asked last."""

    asked_on = 0

    def get_many(self, refs: Sequence[Ref]) -> list[Record | None]:
        self.asked_on = threading.get_ident()
        return super().get_many(refs)


@pytest.mark.parametrize(("path", "inline"), [("users.json", True), (None, False)])
def test_a_token_is_checked_on_the_loop_where_the_store_is_a_file(
    tmp_path: Path, path: str | None, inline: bool
) -> None:
    """
    Given a store that says it is a file of this machine, or that it is none,
    when an application asks with a token,
    then the store is asked on the event loop, or in a thread.
    """
    store = WatchedStore()
    store.path = None if path is None else tmp_path / path
    with open_engine(store, settings={"confirmation_flow": "auto"}) as engine:
        token = Shop(engine, SettableClock(), engine.register("ada@example.com", PASSWORD)).token()
        app, callers = FastAPI(), Callers(engine)

        @app.get("/loop")
        async def loop(access: Annotated[admit.Access, Depends(callers.access)]) -> bool:
            return threading.get_ident() == store.asked_on

        assert inline == TestClient(app).get("/loop", headers=bearer(token)).json()


def test_the_application_may_say_itself_where_tokens_are_checked(shop: Shop) -> None:
    """Given a store that is no file, but near enough, then `inline` takes the thread away."""
    app = application(Callers(shop.engine, inline=True))

    assert shop.ada.id == TestClient(app).get("/id", headers=bearer(shop.token())).json()


def test_users_of_a_postgresql_store_are_known_too(postgres: Postgres) -> None:
    """Given a real database, which is not asked on the loop, then its users are known as any."""
    settings = {**CHEAP_HASHING, "confirmation_flow": "auto"}
    location = f"postgresql+psycopg://{postgres.location('web')}"
    with admit.open(location, key=KEY, settings=settings, worker=False) as engine:
        ada = engine.register("ada@example.com", PASSWORD)
        shop = Shop(engine, SettableClock(), ada)
        client = TestClient(application(Callers(engine)))

        assert not engine.is_local
        assert "ada@example.com" == client.get("/me", headers=bearer(shop.token())).json()
        assert 401 == client.get("/me", headers=bearer(shop.of_disabled())).status_code
