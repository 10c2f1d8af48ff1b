"""What comes of what admins ask for: in the store, in the trail, for users."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from admin_desk import PASSWORD, PHONE, PREFIX, Desk, people
from races import meanwhile
from starlette.testclient import TestClient
from told_providers import WORD, ToldProviders

import admit
from admit import Actor
from admit.errors import SessionInvalid, UserDisabled, UserNotFound
from admit.server.app import make_app
from admit.server.hosting import ServedPlugin, hosted
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

Serve = Callable[..., TestClient]
Behind = Callable[[TestClient], admit.Engine]


def ids(answer: Any) -> list[str]:
    return [item["_id"] for item in answer.json()]


def store_of(desk: Desk) -> MemoryStore:
    store = desk.engine._core.store
    assert isinstance(store, MemoryStore)
    return store


def clock_of(desk: Desk) -> SettableClock:
    clock = desk.engine._core.clock
    assert isinstance(clock, SettableClock)
    return clock


# --- lists ---------------------------------------------------------------------------------------


def test_all_users_come_in_pages(desk: Desk) -> None:
    """
    Given 120 users, created within few seconds,
    when a client asks for pages after the last id, then it sees each once, in either order.
    """
    for number in range(117):
        if number % 50 == 0:
            clock_of(desk).advance(timedelta(milliseconds=1))
        desk.engine.create(f"user{number}@example.com")

    def walk(more: str) -> list[str]:
        found: list[str] = []
        while page := ids(desk.ask("GET", f"G/users?{more}")):
            assert len(page) <= 50
            found += page
            more = re.sub("(&after=.*)?$", f"&after={page[-1]}", more, count=1)
        return found

    oldest_first, newest_first = walk("sort=_id"), walk("desc=true")

    assert 120 == len(set(oldest_first)) == len(oldest_first)
    assert sorted(oldest_first) == oldest_first
    assert oldest_first == newest_first[::-1]
    assert 120 == desk.ask("GET", "G/users_count").json()


def test_a_page_goes_on_after_somebody_who_is_gone(desk: Desk) -> None:
    """
    Given a client that deletes what it lists,
    when it asks for the page after the last one, then it goes on, though that user is no more.
    """
    clock_of(desk).advance(timedelta(seconds=1))
    late = desk.engine.create("late@example.com")
    first = ids(desk.ask("GET", "G/users?limit=1"))[0]
    desk.ask("DELETE", f"G/users/{first}")

    after = ids(desk.ask("GET", f"G/users?after={first}"))

    assert first not in after
    assert late.id == after[-1]


def test_users_are_filtered(desk: Desk) -> None:
    """By whether they may log in, and by any of some providers; both must fit."""
    ada, mary, server = desk.names["ada"], desk.names["mary"], desk.names["key"]
    server = desk.engine.api_keys.get(server).user
    desk.ask("PUT", f"G/users/{mary}/disable")
    desk.ask("PUT", "G/users/{registration}/disable")

    def found(query: str) -> set[str]:
        return set(ids(desk.ask("GET", f"G/users?{query}")))

    assert {mary} == found("status=disabled")
    assert {ada, server} == found("status=enabled")
    assert {server} == found("provider_types=api-key")
    assert {ada, mary} == found("provider_types=local-userpass,anon-user")
    assert {ada, mary, server} == found("provider_types=local-userpass,api-key,local-userpass")
    assert {ada} == found("provider_types=local-userpass&status=enabled")
    assert set() == found("provider_types=api-key&status=disabled")
    assert set() == found("provider_types=oauth2-google")


def test_a_user_is_in_several_lists_and_comes_once(desk: Desk) -> None:
    """One with identities of two providers that are asked for."""
    desk.engine.settings.set("anon-user.enabled", True)
    visitor = desk.engine.log_in("anon-user").user
    linked = desk.engine.identities.link(
        visitor, "local-userpass", username="mary@example.com", password=PASSWORD
    )
    assert {"anon-user", "local-userpass"} == {i.provider for i in linked.identities}

    listed = ids(desk.ask("GET", "G/users?provider_types=anon-user,local-userpass"))

    assert 1 == listed.count(linked.id)


def test_pending_users_come_in_pages_by_registration(desk: Desk) -> None:
    """
    Given 60 who wait, when a client asks for the page after the last registration,
    then it sees each once, oldest first; by the id of a registration, never of a user.
    """
    for number in range(59):
        desk.engine.register(f"user{number}@example.com", PASSWORD)
    path = "G/user_registrations/pending_users"

    first = ids(desk.ask("GET", path))
    second = ids(desk.ask("GET", f"{path}?after={first[-1]}&limit=50"))

    assert (50, 10, 60) == (len(first), len(second), len({*first, *second}))
    assert desk.names["registration"] == first[0]
    assert all(int(registration, 16) % 2 for registration in first + second)


def test_the_last_time_a_user_was_seen(desk: Desk) -> None:
    """Never: 0. Else whole seconds."""
    ada, mary = (desk.ask("GET", f"G/users/{{{name}}}").json() for name in ("ada", "mary"))

    now = int(clock_of(desk).now().timestamp())
    assert (now, 0) == (ada["last_authentication_date"], mary["last_authentication_date"])
    assert now == ada["creation_date"]


# --- users ---------------------------------------------------------------------------------------


def test_what_a_creation_answers_is_what_the_list_says(desk: Desk) -> None:
    """The old command line compares them."""
    made = desk.ask("POST", "G/users", {"email": "Eve@Example.com", "password": "violet umbrella"})

    assert made.json() in desk.ask("GET", "G/users").json()
    assert {"email": "Eve@Example.com"} == made.json()["data"]


def test_who_is_created_without_a_password_sets_one_by_mail(
    serve: Serve, served_engine: Behind
) -> None:
    """The admin need not know any (security.md P6)."""
    inbox = Inbox()
    desk = a_desk(serve, served_engine, inbox=inbox)

    desk.ask("POST", "G/users", {"email": "eve@example.com"})

    link = inbox.last_link()
    desk.engine.set_password(password=PASSWORD, **link.credentials)
    desk.engine.log_in("local-userpass", username="eve@example.com", password=PASSWORD)


def test_disable_log_out_and_delete_do_so(desk: Desk) -> None:
    """
    Given a user with a session,
    when admins log her out, switch her off and on, and delete her, then each counts at once.
    """
    engine, token = desk.engine, desk.tokens["user"]

    def log_in() -> str:
        hers = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
        return hers.access_token.reveal()

    desk.ask("PUT", "G/users/{ada}/logout")
    with pytest.raises(SessionInvalid):
        engine.verify(token)
    desk.ask("PUT", "G/users/{ada}/disable")
    with pytest.raises(UserDisabled):
        log_in()
    desk.ask("PUT", "G/users/{ada}/enable")
    again = log_in()
    desk.ask("DELETE", "G/users/{ada}")
    with pytest.raises(SessionInvalid):
        engine.verify(again)
    assert 404 == desk.ask("GET", "G/users/{ada}").status_code


def test_a_registration_is_switched_off_and_stays_so_when_it_is_confirmed(desk: Desk) -> None:
    """Confirming never enables."""
    desk.ask("PUT", "G/users/{registration}/disable")
    desk.ask("POST", "G/user_registrations/by_id/{registration}/confirm")

    assert desk.ask("GET", "G/users/{grace}").json()["disabled"]


def test_no_registration_deletes_a_user(desk: Desk) -> None:
    """
    Given a registration that was confirmed and logged in while an admin looked at the list,
    when the row that the admin saw is deleted, then the user stays.
    """
    desk.engine.confirm_manually(desk.names["grace"])
    desk.engine.log_in("local-userpass", username="grace+a@example.com", password=PASSWORD)

    for path in (
        "G/users/{registration}",
        "G/user_registrations/by_id/{registration}",
        "G/user_registrations/by_email/grace+a@example.com",
    ):
        assert 404 == desk.ask("DELETE", path).status_code
    assert "confirmed" == desk.engine.users.get(desk.names["grace"]).state


def test_an_absorbed_id_is_nobodys(desk: Desk) -> None:
    """What is done to an id is never done to another user."""
    other = desk.engine.create("other@example.com")
    desk.engine.identities.merge(desk.names["ada"], other)

    for method, path in (("GET", ""), ("DELETE", ""), ("PUT", "/disable"), ("PUT", "/logout")):
        assert 404 == desk.ask(method, f"G/users/{other.id}{path}").status_code
    registration = f"{int(other.id, 16) | 1:024x}"
    for path in (f"G/users/{registration}/disable", f"G/users/{registration}/enable"):
        assert 404 == desk.ask("PUT", path).status_code
    at = f"G/user_registrations/by_id/{registration}"
    assert 404 == desk.ask("DELETE", at).status_code


def test_an_address_is_changed_at_once(desk: Desk) -> None:
    """Log-in goes by the new one; the sessions of before have ended."""
    desk.ask("PATCH", "G/users/{ada}/reset_email", {"email": "countess@example.com"})

    engine = desk.engine
    engine.log_in("local-userpass", username="countess@example.com", password=PASSWORD)
    with pytest.raises(SessionInvalid):
        engine.verify(desk.tokens["user"])
    with pytest.raises(UserNotFound):
        engine.users.find("ada@example.com")


def test_devices_are_told_as_the_client_named_them(desk: Desk) -> None:
    """By the id that it calls itself, and in its words."""
    (device,) = desk.ask("GET", "G/users/{ada}/devices").json()

    assert (PHONE, "phone") == (device["device_id"], device["platform"])


@pytest.mark.parametrize("email", ["a/confirm@example.com", "a?b#c@example.com"])
def test_an_address_may_have_any_sign(desk: Desk, email: str) -> None:
    """Encoded, it comes as it was typed."""
    user = desk.engine.register(email, PASSWORD)

    answer = desk.ask("POST", f"G/user_registrations/by_email/{quote(email, safe='')}/confirm")

    assert 204 == answer.status_code
    assert "confirmed" == desk.engine.users.get(user.id).state


def test_an_address_that_a_provider_vouched_for_is_no_registration(
    serve: Serve, served_engine: Behind
) -> None:
    """Who came in otherwise has registered with no address."""
    desk = a_desk(serve, served_engine, plugins=[ToldProviders()])
    vouched = {"address": "vouched@example.com", "verified": True}
    user = desk.engine.log_in("told", who="vera", word=WORD, **vouched).user
    assert user == desk.engine.users.find("vouched@example.com")

    answer = desk.ask("DELETE", "G/user_registrations/by_email/vouched@example.com")

    assert 404 == answer.status_code
    assert "confirmed" == desk.engine.users.get(user.id).state


def test_who_was_confirmed_in_this_very_moment_is_said_to_be(desk: Desk) -> None:
    """By whoever was faster: nothing is done twice."""
    store = store_of(desk)
    for verb in ("confirm", "run_confirm", "send_confirm"):
        user = desk.engine.register(f"{verb}@example.com", PASSWORD)
        meanwhile(store, partial(desk.engine.confirm_manually, user))

        late = desk.ask("POST", f"G/user_registrations/by_email/{verb}@example.com/{verb}")

        assert (400, "already confirmed") == (late.status_code, late.json()["error"])


# --- flows ---------------------------------------------------------------------------------------

AT = "G/user_registrations/by_email/grace+a@example.com"


def a_desk(serve: Serve, served_engine: Behind, **options: Any) -> Desk:
    client = serve(**options)
    return people(Desk(client, hosted(served_engine(client), app_id="shop-abcde")))


def test_a_message_goes_out_again(serve: Serve, served_engine: Behind) -> None:
    """And the newest link confirms."""
    inbox = Inbox()
    desk = a_desk(serve, served_engine, inbox=inbox)
    before = len(inbox.messages)

    desk.ask("POST", f"{AT}/send_confirm")
    desk.ask("POST", f"{AT}/run_confirm")

    assert before + 2 == len(inbox.messages)
    assert "confirmed" == desk.engine.confirm(**inbox.last_link().credentials).state


def test_where_users_are_confirmed_at_once_a_run_does_so_and_a_message_is_none(desk: Desk) -> None:
    """Given somebody who registered in the flow `email`, when that is `auto` by now."""
    desk.engine.settings.set("confirmation_flow", "auto")

    sent, ran = (desk.ask("POST", f"{AT}/{verb}") for verb in ("send_confirm", "run_confirm"))

    assert (400, 202) == (sent.status_code, ran.status_code)
    assert (
        "cannot run confirmation for grace+a@example.com: automatic confirmation is enabled"
        == sent.json()["error"]
    )
    assert "confirmed" == desk.engine.users.get(desk.names["grace"]).state


@pytest.mark.parametrize(
    ("status", "code", "says", "state"),
    [
        ("success", 202, None, "confirmed"),
        ("pending", 202, None, "pending"),
        ("fail", 400, 'failed to confirm user "grace+a@example.com"', "pending"),
        ("raise", 400, "did not get through", "pending"),
    ],
)
def test_a_function_decides_when_it_runs(
    serve: Serve, served_engine: Behind, status: str, code: int, says: str | None, state: str
) -> None:
    """Given a confirmation function that answers so, when an admin lets it run."""

    def decide(call: object) -> dict[str, str]:
        if status == "raise":
            raise RuntimeError("the service is away")
        return {"status": status}

    desk = a_desk(serve, served_engine, functions={"decide": decide})
    desk.engine.settings.set("function.confirmation", "decide")
    desk.engine.settings.set("confirmation_flow", "function")

    sent, ran = (desk.ask("POST", f"{AT}/{verb}") for verb in ("send_confirm", "run_confirm"))

    assert (400, "please use confirm via function") == (sent.status_code, sent.json()["error"])
    assert code == ran.status_code
    assert says is None or says in ran.json()["error"]
    assert state == desk.engine.users.get(desk.names["grace"]).state


def test_where_the_provider_is_off_nothing_runs(desk: Desk) -> None:
    """400, and who waits goes on waiting."""
    desk.engine.settings.set("local-userpass.enabled", False)

    for verb in ("send_confirm", "run_confirm"):
        assert 400 == desk.ask("POST", f"{AT}/{verb}").status_code


def test_where_keys_are_off_none_is_made(desk: Desk) -> None:
    """400, and it is named which provider."""
    desk.engine.settings.set("api-key.enabled", False)

    refused = desk.ask("POST", "G/api_keys", {"name": "weekly"})

    assert (400, True) == (refused.status_code, "api-key" in refused.json()["error"])


# --- tokens of users -----------------------------------------------------------------------------


def test_a_users_token_is_verified(desk: Desk) -> None:
    """What it says; that it has expired, as text with 200; that its session is dead, 401."""

    def verified() -> Any:
        return desk.ask("POST", "G/users/verify_token", {"token": desk.tokens["user"]})

    told = verified().json()
    assert (desk.names["ada"], PHONE) == (told["sub"], told["device_id"])
    assert (desk.hosted.domain_id, {"plan": "gold"}) == (
        told["domain_id"],
        told["custom_user_data"],
    )

    desk.engine.log_out_all(desk.names["ada"])
    dead = verified()
    assert (401, "InvalidSession", "invalid session") == (
        dead.status_code,
        dead.json()["error_code"],
        dead.json()["error"],
    )

    clock_of(desk).advance(timedelta(minutes=31))
    log_in(desk)
    late = verified()
    assert (200, "token expired") == (late.status_code, late.json())


def log_in(desk: Desk) -> None:
    made = desk.engine.admin_keys.create("again", scope="owner")
    opened = desk.engine.admin_keys.log_in(made.key.id, made.private_key)
    desk.tokens["owner"] = opened.access_token.reveal()


# --- keys, limits, what is kept ------------------------------------------------------------------


def test_a_key_of_a_server_logs_in_until_it_is_switched_off(desk: Desk) -> None:
    """As a user of its own, whose identity is the key."""
    made = desk.ask("POST", "G/api_keys", {"name": "weekly"}).json()
    login = desk.engine.log_in("api-key", key=made["key"])
    assert made["_id"] == login.user.identities[0].id

    desk.ask("PUT", f"G/api_keys/{made['_id']}/disable")

    with pytest.raises(SessionInvalid):
        desk.engine.verify(login.access_token)
    assert desk.ask("GET", f"G/api_keys/{made['_id']}").json()["disabled"]
    desk.ask("PUT", f"G/api_keys/{made['_id']}/enable")
    desk.engine.log_in("api-key", key=made["key"])


def test_origins_are_replaced_and_count(desk: Desk) -> None:
    """The next page that is not among them is not let in; an empty list lets in all again."""
    path = "G/security/allowed_request_origins"

    def allowed(origin: str) -> str | None:
        answer = desk.ask("GET", "/auth/providers", token=None, origin=origin)
        found: str | None = answer.headers.get("access-control-allow-origin")
        return found

    desk.ask("POST", path, ["https://shop.example"])
    assert ["https://shop.example"] == desk.ask("GET", path).json()
    assert ("https://shop.example", None) == (
        allowed("https://shop.example"),
        allowed("https://evil.example"),
    )

    desk.ask("POST", path, [])
    assert [] == desk.ask("GET", path).json()
    assert "*" == allowed("https://evil.example")


def test_the_expiration_counts_for_later_log_ins(desk: Desk) -> None:
    """In seconds, as it was set."""
    path = "G/security/refresh_token_expiration"
    desk.ask("PUT", path, {"expiration_time_seconds": 3600})

    assert {"expiration_time_seconds": 3600} == desk.ask("GET", path).json()
    login = desk.engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    assert timedelta(hours=1) == login.session.expires_at - login.session.created_at


def test_custom_data_go_into_tokens_as_it_is_configured(desk: Desk) -> None:
    """What concerns MongoDB is kept, and read again; `enabled` does something."""
    desk.ask("PATCH", "G/custom_user_data", {"user_id_field": "owner", "enabled": False})
    desk.ask("PATCH", "G/custom_user_data", {"database_name": "shop"})

    told = desk.ask("GET", "G/custom_user_data").json()
    assert ("owner", "shop", False) == (
        told["user_id_field"],
        told["database_name"],
        told["enabled"],
    )
    login = desk.engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    assert "user_data" not in desk.engine.verify(login.access_token).claims


def test_t3_no_secret_comes_back(desk: Desk) -> None:
    """It is kept, sealed; answers have its name."""
    made = desk.ask("POST", "G/secrets", {"name": "apple", "value": "the value of apple"})
    listed = desk.ask("GET", "G/secrets")

    assert "the value of apple" not in made.text + listed.text
    assert {"google", "apple"} == {secret["name"] for secret in listed.json()}
    assert "the value of apple" == desk.engine.secrets.reveal("apple").reveal()


def test_a_secret_that_somebody_deletes_in_this_very_moment_is_not_found(desk: Desk) -> None:
    """404, as if he had been first."""
    meanwhile(store_of(desk), partial(desk.engine.secrets.delete, "google"))

    assert 404 == desk.ask("DELETE", "G/secrets/{secret}").status_code


def test_n6_no_admin_brings_code(desk: Desk) -> None:
    """A function that code registered is found by its name; no source is kept or run."""
    made = desk.ask("POST", "G/functions", {"name": "greet", "source": "exports = 1"}).json()

    assert [made] == desk.ask("GET", "G/functions").json()
    assert 400 == desk.ask("POST", "G/functions", {"name": "os.system"}).status_code


# --- who did it ----------------------------------------------------------------------------------


def test_n3_what_is_done_names_the_key_the_client_and_the_reason(desk: Desk) -> None:
    """By a session of a key, or the key itself."""
    for token in ("support", "support-key"):
        desk.ask("PUT", "G/users/{ada}/disable", token=token, x_admit_reason="fraud%20%C3%A4")
        event = desk.engine.users.timeline(desk.engine.users.get(desk.names["ada"]))[-1]
        desk.ask("PUT", "G/users/{ada}/enable")

        assert "disable" == event.trigger
        assert Actor("admin", desk.names["support_key"]) == event.actor
        assert event.detail is not None
        assert "fraud ä" == event.detail["reason"]
        assert "address" in event.detail["client"]  # type: ignore[operator]  # an object


def test_a_reason_that_is_none_is_told(desk: Desk) -> None:
    """Control characters end up in no trail."""
    refused = desk.ask("PUT", "G/users/{ada}/disable", x_admit_reason="%1B%5B31m")

    assert 400 == refused.status_code
    assert not desk.ask("GET", "G/users/{ada}").json()["disabled"]


# --- several applications ------------------------------------------------------------------------


@pytest.mark.parametrize("inline", [True, False])
def test_each_application_has_admins_of_its_own(inline: bool) -> None:
    """
    Given two applications behind one server, even with one engine key,
    when an admin of the one comes, then she is found by her key and tokens, and the other
    application is none to her.
    """
    with (
        open_engine(plugins=[ServedPlugin("one-aaaaa")]) as first,
        open_engine(plugins=[ServedPlugin("two-bbbbb")]) as second,
    ):
        one = hosted(first, app_id="one-aaaaa", inline=inline)
        two = hosted(second, app_id="two-bbbbb", inline=inline)
        first.admin_keys.create("of the first", scope="owner")
        key = second.admin_keys.create("boss", scope="owner")
        client = TestClient(make_app([one, two]))
        given = {"username": key.key.id, "apiKey": key.private_key.reveal()}
        opened = client.post(f"{PREFIX}/auth/providers/mongodb-cloud/login", json=given).json()
        desk = Desk(client, two)
        desk.tokens = {
            "owner": opened["access_token"],
            "refresh": opened["refresh_token"],
            "key": key.private_key.reveal(),
        }

        for token in ("owner", "key"):
            profile = desk.ask("GET", "/auth/profile", token=token).json()
            assert [two.group_id] == [role["group_id"] for role in profile["roles"]]
            assert 200 == desk.ask("GET", "G/users", token=token).status_code
            other = f"/groups/{one.group_id}/apps/{one.internal_id}/users"
            assert 404 == desk.ask("GET", other, token=token).status_code
            assert 404 == desk.ask("GET", f"/groups/{one.group_id}/apps", token=token).status_code
        assert 201 == desk.ask("POST", "/auth/session", token="refresh").status_code
        assert 204 == desk.ask("DELETE", "/auth/session", token="refresh").status_code
        assert 401 == desk.ask("GET", "/auth/profile").status_code


def test_what_is_said_of_a_listed_registration_is_done_to_that_one(desk: Desk) -> None:
    """
    Given somebody who waits and was imported with an odd id,
    when an admin switches off and deletes what stands in the list under it,
    then it is done to her.
    """
    odd = "6500000000000000000000a3"
    login = {"provider": "local-userpass", "login_key": "odd@example.com"}
    desk.engine.users.import_user({"id": odd, "state": "pending", "identities": [login]})

    listed = ids(desk.ask("GET", "G/user_registrations/pending_users"))
    switched = desk.ask("PUT", f"G/users/{odd}/disable").status_code
    disabled = [user.id for user in desk.engine.users.page("disabled").items]
    deleted = desk.ask("DELETE", f"G/user_registrations/by_id/{odd}").status_code

    assert {odd, desk.names["registration"]} == set(listed)
    assert (204, [odd], 204) == (switched, disabled, deleted)
    with pytest.raises(UserNotFound):
        desk.engine.users.find("odd@example.com")
