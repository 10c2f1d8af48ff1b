"""wire-contract.md §2 and §3: a row of this table for each row of its table of routes."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from shop import ADA, NO_DEVICE, PASSWORD, A, Answer, C, OpenShop, P, Shop, is_empty, refused

from admit.records import UserId

HEX24 = re.compile(r"[0-9a-f]{24}")
Step = Callable[[Shop], Answer]


def confirmed_login(shop: Shop) -> str:
    """Return Ada's access token, after she registered, confirmed and logged in."""
    shop.confirmed()
    return shop.log_in().access


def with_key(shop: Shop) -> tuple[str, str]:
    """Return Ada's refresh token, and the id of her one key."""
    shop.confirmed()
    refresh = shop.log_in().refresh
    made = shop.post(f"{C}/auth/api_keys", {"name": "till"}, bearer=refresh)
    return refresh, made.json()["_id"]


def on_key(method: str, suffix: str = "") -> Step:
    """Return what asks for Ada's key."""

    def ask(shop: Shop) -> Answer:
        refresh, key = with_key(shop)
        return shop.ask(method, f"{C}/auth/api_keys/{key}{suffix}", bearer=refresh)

    return ask


def reset_by_mail(shop: Shop) -> Answer:
    """Ada replaces her password by a link."""
    shop.confirmed()
    shop.engine.reset(address=ADA)
    return shop.post(f"{P}/reset", {**shop.token_of_last_mail(), "password": "another good one"})


def confirm_by_mail(shop: Shop) -> Answer:
    """Ada confirms by a link."""
    shop.registered()
    return shop.post(f"{P}/confirm", shop.token_of_last_mail())


def linked(shop: Shop) -> Answer:
    """An anonymous user links Ada's registration."""
    shop.confirmed()
    return shop.link(
        shop.log_in("anon-user").access, "local-userpass", username=ADA, password=PASSWORD
    )


LOGIN = {"username": ADA, "password": PASSWORD}
DONE: list[tuple[str, Step, int, set[str] | None]] = [
    ("location", lambda s: s.get(f"{A}/location"), 200,
     {"deployment_model", "location", "hostname", "ws_hostname"}),
    ("log in", lambda s: (s.confirmed(), s.post(f"{P}/login", LOGIN))[1], 200,
     {"access_token", "refresh_token", "user_id", "device_id"}),
    ("link", linked, 200, {"access_token", "user_id", "device_id"}),
    ("register", lambda s: s.post(f"{P}/register", {"email": ADA, "password": PASSWORD}), 201,
     set()),
    ("confirm", confirm_by_mail, 200, set()),
    ("confirm/send", lambda s: (s.registered(), s.post(f"{P}/confirm/send", {"email": ADA}))[1],
     200, set()),
    ("reset/send", lambda s: (s.confirmed(), s.post(f"{P}/reset/send", {"email": ADA}))[1], 200,
     set()),
    ("reset", reset_by_mail, 200, set()),
    ("profile", lambda s: s.get(f"{C}/auth/profile", bearer=confirmed_login(s)), 200,
     {"user_id", "domain_id", "type", "identities", "data"}),
    ("refresh", lambda s: (s.confirmed(), s.post(
        f"{C}/auth/session", bearer=s.log_in().refresh))[1], 201,
     {"access_token"}),
    ("log out", lambda s: (s.confirmed(),
     s.ask("DELETE", f"{C}/auth/session", bearer=s.log_in().refresh))[1], 204, None),
    ("delete", lambda s: s.ask("DELETE", f"{C}/auth/delete", bearer=confirmed_login(s)), 204, None),
    ("make a key", lambda s: (s.confirmed(), s.post(
        f"{C}/auth/api_keys", {"name": "till"}, bearer=s.log_in().refresh))[1], 201,
     {"_id", "key", "name", "disabled"}),
    ("one key", on_key("GET"), 200, {"_id", "name", "disabled"}),
    ("enable", on_key("PUT", "/enable"), 204, None),
    ("disable", on_key("PUT", "/disable"), 204, None),
    ("delete a key", on_key("DELETE"), 204, None),
]  # fmt: skip


@pytest.mark.parametrize(("step", "status", "fields"), [row[1:] for row in DONE],
                         ids=[row[0] for row in DONE])  # fmt: skip
def test_each_route_succeeds_as_the_contract_says(
    shop: Shop, step: Step, status: int, fields: set[str] | None
) -> None:
    """Given a request that is right, then status and fields are the contract's; an empty answer has
    no type, and none has a field that clients take for an error."""
    answer = step(shop)

    assert status == answer.status_code, answer.text
    if fields is None:
        assert is_empty(answer)
    else:
        assert fields == set(answer.json())
        assert "application/json" == answer.headers["content-type"]


def on_session(method: str, token: Callable[[Shop], str]) -> Step:
    """Return what asks for a session with a token."""
    return lambda shop: shop.ask(method, f"{C}/auth/session", bearer=token(shop))


def ended(shop: Shop) -> str:
    """Return the refresh token of a session that was logged out."""
    shop.confirmed()
    refresh = shop.log_in().refresh
    shop.engine.log_out(refresh)
    return refresh


def disabled(shop: Shop) -> str:
    """Return the refresh token of a user who was disabled then."""
    user = shop.confirmed()
    refresh = shop.log_in().refresh
    shop.engine.disable(user)
    return refresh


def of_deleted(shop: Shop) -> str:
    """Return the refresh token of a user who is gone."""
    user = shop.confirmed()
    refresh = shop.log_in().refresh
    shop.engine.delete(user)
    return refresh


def key_of_somebody_else(shop: Shop) -> Answer:
    """Bob asks for Ada's key."""
    _, key = with_key(shop)
    shop.confirmed("bob@example.com")
    bob = shop.log_in(username="bob@example.com").refresh
    return shop.get(f"{C}/auth/api_keys/{key}", bearer=bob)


def named_key(name: str, times: int = 1) -> Step:
    """Return what makes a key of that name, several times."""

    def ask(shop: Shop) -> Answer:
        shop.confirmed()
        refresh = shop.log_in().refresh
        answers = [
            shop.post(f"{C}/auth/api_keys", {"name": name}, bearer=refresh) for _ in range(times)
        ]
        return answers[-1]

    return ask


def one_key_too_many(shop: Shop) -> Answer:
    """Ada makes one key more than she may have."""
    shop.engine.settings.set("api_keys_a_user", 0)
    return named_key("till")(shop)


def key_by_itself(shop: Shop) -> Answer:
    """A session that a key opened deletes that key."""
    shop.confirmed()
    made = shop.post(f"{C}/auth/api_keys", {"name": "till"}, bearer=shop.log_in().refresh).json()
    refresh = shop.log_in("api-key", key=made["key"]).refresh
    return shop.ask("DELETE", f"{C}/auth/api_keys/{made['_id']}", bearer=refresh)


def password_of(characters: int) -> Step:
    """Return what registers with a password of that length."""
    return lambda s: s.post(f"{P}/register", {"email": ADA, "password": "x" * characters})


DEAD = (401, "InvalidSession", "invalid session: failed to find refresh token")
DEAD_ACCESS = (401, "InvalidSession", "invalid session")
NONE = (401, "InvalidSession", "must authenticate first")
NO_KEY = (404, "APIKeyNotFound", "API key not found")
REFUSED: list[tuple[str, Step, tuple[int, str | None, str]]] = [
    ("location: unknown", lambda s: s.get(f"{C}/app/x-abcde/location"),
     (404, None, "cannot find app using Client App ID 'x-abcde'")),
    ("log in: unknown", lambda s: s.post(f"{P}/login", LOGIN),
     (401, "InvalidPassword", "invalid username/password")),
    ("log in: wrong password", lambda s: (s.confirmed(), s.post(
        f"{P}/login", {"username": ADA, "password": "wrong one"}))[1],
     (401, "InvalidPassword", "invalid username/password")),
    ("log in: pending", lambda s: (s.registered(), s.post(f"{P}/login", LOGIN))[1],
     (401, "AuthError", "confirmation required")),
    ("log in: disabled", lambda s: (s.engine.disable(s.confirmed()), s.post(
        f"{P}/login", LOGIN))[1],
     (401, "UserDisabled", "user disabled")),
    ("log in: no provider", lambda s: s.post(f"{A}/auth/providers/oauth2-nobody/login", {}),
     (404, "AuthProviderNotFound", "authentication via 'oauth2-nobody' is unsupported")),
    ("log in: provider off", lambda s: s.post(f"{A}/auth/providers/oauth2-google/login", {}),
     (404, "AuthProviderNotFound", "authentication via 'oauth2-google' is unsupported")),
    ("log in: no password", lambda s: s.post(f"{P}/login", {"username": ADA}),
     (400, "BadRequest", "password: is missing.")),
    ("log in: key", lambda s: s.post(f"{A}/auth/providers/api-key/login", {"key": "k" * 64}),
     (401, "AuthError", "invalid API key")),
    ("register: taken", lambda s: (s.registered(), s.post(
        f"{P}/register", {"email": ADA.upper(), "password": PASSWORD}))[1],
     (409, "AccountNameInUse", "name already in use")),
    ("register: short password", password_of(5),
     (400, "BadRequest", "password must be between 8 and 1024 characters")),
    ("register: long password", password_of(1025),
     (400, "BadRequest", "password must be between 8 and 1024 characters")),
    ("register: no address", lambda s: s.post(
        f"{P}/register", {"email": "ada", "password": PASSWORD}),
     (400, "BadRequest", "email invalid")),
    ("confirm: malformed", lambda s: s.post(f"{P}/confirm", {"token": "abc", "tokenId": "e30="}),
     (400, "BadRequest", "invalid token data")),
    ("confirm: unknown", lambda s: s.post(
        f"{P}/confirm", {"token": "0" * 128, "tokenId": "0" * 24}),
     (400, "UserpassTokenInvalid", "userpass token is expired or invalid")),
    ("confirm: expired", lambda s: (s.registered(), s.later(30 * 60), s.post(
        f"{P}/confirm", s.token_of_last_mail()))[2],
     (400, "UserpassTokenInvalid", "userpass token is expired or invalid")),
    ("confirm: a token to reset", lambda s: (s.confirmed(), s.engine.reset(address=ADA), s.post(
        f"{P}/confirm", s.token_of_last_mail()))[2],
     (400, "UserpassTokenInvalid", "userpass token is expired or invalid")),
    ("reset: malformed", lambda s: s.post(
        f"{P}/reset", {"token": "abc", "tokenId": "e30=", "password": PASSWORD}),
     (400, "BadRequest", "invalid token data")),
    ("reset: used", lambda s: (reset_by_mail(s), s.post(
        f"{P}/reset", {**s.token_of_last_mail(), "password": PASSWORD}))[1],
     (400, "UserpassTokenInvalid", "userpass token is expired or invalid")),
    ("reset: short password", lambda s: (s.confirmed(), s.engine.reset(address=ADA), s.post(
        f"{P}/reset", {**s.token_of_last_mail(), "password": "short"}))[2],
     (400, "BadRequest", "password must be between 8 and 1024 characters")),
    ("profile: no token", lambda s: s.get(f"{C}/auth/profile"), NONE),
    ("profile: nonsense", lambda s: s.get(f"{C}/auth/profile", bearer="a.b.c"), DEAD_ACCESS),
    ("profile: deleted", lambda s: (token := confirmed_login(s), s.engine.delete(address=ADA),
     s.get(f"{C}/auth/profile", bearer=token))[2], DEAD_ACCESS),
    ("profile: expired", lambda s: (token := confirmed_login(s), s.later(1800),
     s.get(f"{C}/auth/profile", bearer=token))[2],
     (401, "InvalidSession", "invalid session: access token expired")),
    ("refresh: no token", lambda s: s.post(f"{C}/auth/session"), NONE),
    ("refresh: ended", on_session("POST", ended), DEAD),
    ("refresh: disabled", on_session("POST", disabled), DEAD),
    ("refresh: deleted", on_session("POST", of_deleted), DEAD),
    ("refresh: nonsense", on_session("POST", lambda s: "a.b.c"), DEAD),
    ("refresh: access token", on_session("POST", confirmed_login),
     (401, "InvalidSession", "invalid refresh token: incorrect token type")),
    ("log out: ended", on_session("DELETE", ended), DEAD),
    ("log out: deleted", on_session("DELETE", of_deleted), DEAD),
    ("log out: no token", lambda s: s.ask("DELETE", f"{C}/auth/session"), NONE),
    ("delete: no token", lambda s: s.ask("DELETE", f"{C}/auth/delete"), NONE),
    ("keys: no token", lambda s: s.get(f"{C}/auth/api_keys"), NONE),
    ("keys: dead token", lambda s: s.get(f"{C}/auth/api_keys", bearer=ended(s)), DEAD),
    ("keys: access token", lambda s: s.get(f"{C}/auth/api_keys", bearer=confirmed_login(s)), DEAD),
    ("key: name", named_key("two words"), (400, "InvalidParameter",
     "API key name can only contain ASCII letters, numbers, underscores, and hyphens, up to 64.")),
    ("key: name taken", named_key("till", 2),
     (409, "APIKeyAlreadyExists", "API key already exists")),
    ("key: too many", one_key_too_many,
     (400, "BadRequest", "There are 0 API keys already, which is the most.")),
    ("key: unknown", lambda s: s.get(
        f"{C}/auth/api_keys/{'0' * 24}", bearer=with_key(s)[0]), NO_KEY),
    ("key: no id", lambda s: s.get(f"{C}/auth/api_keys/till", bearer=with_key(s)[0]), NO_KEY),
    ("key: another user's", key_of_somebody_else, NO_KEY),
    ("key: its own", key_by_itself, (403, "BadRequest", "an API key cannot delete itself")),
    ("call: no token", lambda s: s.post(f"{A}/functions/call", {"name": "sum"}), NONE),
    ("call: unknown", lambda s: s.post(
        f"{A}/functions/call", {"name": "sum", "arguments": []}, bearer=confirmed_login(s)),
     (404, "FunctionNotFound", "function not found: 'sum'")),
    ("call: service", lambda s: s.post(
        f"{A}/functions/call", {"name": "find", "service": "db"}, bearer=confirmed_login(s)),
     (404, "ServiceNotFound", "service not found: 'db'")),
]  # fmt: skip


@pytest.mark.parametrize(("step", "told"), [row[1:] for row in REFUSED],
                         ids=[row[0] for row in REFUSED])  # fmt: skip
def test_each_route_refuses_as_the_contract_says(
    shop: Shop, step: Step, told: tuple[int, str | None, str]
) -> None:
    """Given a request that is refused, then status, code and message are the contract's."""
    assert told == refused(step(shop))


def test_keys_are_listed_oldest_first_and_none_at_first(shop: Shop) -> None:
    """Given a user without keys, who makes two, then the list is empty, and has them in order."""
    shop.confirmed()
    refresh = shop.log_in().refresh
    before = shop.get(f"{C}/auth/api_keys", bearer=refresh)
    for name in ("z", "a"):
        shop.post(f"{C}/auth/api_keys", {"name": name}, bearer=refresh)

    after = shop.get(f"{C}/auth/api_keys", bearer=refresh)

    assert [] == before.json()
    assert ["z", "a"] == [key["name"] for key in after.json()]
    assert [{"_id", "name", "disabled"}] * 2 == [set(key) for key in after.json()]


def test_a_switched_off_key_opens_nothing_until_it_is_switched_on(shop: Shop) -> None:
    """Given a key, when it is disabled twice and enabled, then it follows each time."""
    shop.confirmed()
    refresh = shop.log_in().refresh
    made = shop.post(f"{C}/auth/api_keys", {"name": "till"}, bearer=refresh).json()
    path, login = f"{C}/auth/api_keys/{made['_id']}", f"{A}/auth/providers/api-key/login"

    states = []
    for verb in ("disable", "disable", "enable"):
        shop.ask("PUT", f"{path}/{verb}", bearer=refresh)
        states.append(shop.post(login, {"key": made["key"]}).status_code)

    assert [401, 401, 200] == states


def claims(token: str) -> dict[str, Any]:
    """Return the claims of a token."""
    header, body, _ = token.split(".")
    assert {"alg": "HS256", "typ": "JWT"} == {
        name: value for name, value in decoded(header).items() if name in {"alg", "typ"}
    }
    return decoded(body)


def decoded(part: str) -> dict[str, Any]:
    """Return a part of a token."""
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def test_tokens_have_the_claims_that_clients_read(open_shop: OpenShop) -> None:
    """§3: given custom data and a device, then both tokens are JWTs of three parts whose times are
    whole numbers, the access token lives 30 minutes, and a refreshed one says the same."""
    shop = open_shop(settings={"custom_data_in_access_token": True})
    user = shop.confirmed()
    shop.engine.custom_data.set(user, {"colour": "blue"})
    tokens = shop.log_in(options={"device": {"deviceId": {"$oid": "0123456789abcdef01234567"}}})
    again = shop.post(f"{C}/auth/session", bearer=tokens.refresh).json()["access_token"]

    for token in (tokens.access, again):
        said = claims(token)
        assert 1800 == said["exp"] - said["iat"]
        assert all(type(said[name]) is int for name in ("exp", "iat"))
        assert (user.id, {"colour": "blue"}) == (said["sub"], said["user_data"])
        assert "0123456789abcdef01234567" == said["baas_device_id"]
        assert HEX24.fullmatch(said["baas_domain_id"])
    refresh = claims(tokens.refresh)
    assert 60 * 86400 == refresh["exp"] - refresh["iat"]
    assert user.id == refresh["sub"]


def test_without_custom_data_the_claim_is_absent(open_shop: OpenShop) -> None:
    """§3: core cannot read a null there."""
    shop = open_shop(settings={"custom_data_in_access_token": True})
    shop.confirmed()

    assert "user_data" not in claims(shop.log_in().access)


@pytest.mark.parametrize(
    ("device", "kept"),
    [
        ({"deviceId": {"$oid": "0123456789abcdef01234567"}}, "0123456789abcdef01234567"),
        ({"deviceId": "0123456789abcdef01234567"}, "0123456789abcdef01234567"),
        ({"deviceId": NO_DEVICE}, None),
        ({"deviceId": "mine"}, None),
        ({"deviceId": 7}, None),
        ({"platform": "chrome"}, None),
        ("nonsense", None),
        (None, None),
    ],
)
def test_a_device_is_known_again_and_a_new_one_is_given_an_id(
    shop: Shop, device: object, kept: str | None
) -> None:
    """§1: the id that came, else a new one of 24 hex digits; it is the session's from then on."""
    tokens = shop.log_in("anon-user", options={"device": device})

    assert tokens.device == kept or (kept is None and HEX24.fullmatch(tokens.device))
    assert NO_DEVICE != tokens.device
    assert [tokens.device] == [
        one.device_id for one in shop.engine.sessions.of(UserId(tokens.user))
    ]


def test_a_device_is_described_in_words(shop: Shop) -> None:
    """Given what realm-web sends, then people read it at the session."""
    said = {"platform": "chrome", "platformVersion": "120", "appId": "till", "appVersion": "1.0"}
    user = shop.log_in("anon-user", options={"device": said}).user

    assert ["chrome 120, till 1.0"] == [one.device for one in shop.engine.sessions.of(UserId(user))]


def test_stray_tokens_are_ignored_where_none_is_needed(shop: Shop) -> None:
    """§1: realm-web sends an expired access token with a registration; it goes through."""
    token = shop.log_in("anon-user").access
    shop.later(3600)

    answer = shop.post(f"{P}/register", {"email": ADA, "password": PASSWORD}, bearer=token)

    assert (201, {}) == (answer.status_code, answer.json())


def test_a_charset_behind_the_type_is_let_pass(shop: Shop) -> None:
    """§1: core sends it with every request, a GET too."""
    charset = {"content-type": "application/json;charset=utf-8"}
    content = json.dumps({"email": ADA, "password": PASSWORD})

    assert 201 == shop.client.post(f"{P}/register", content=content, headers=charset).status_code
    assert 200 == shop.ask("GET", f"{A}/location", headers=charset).status_code


def test_the_profile_has_identities_in_order_and_the_data_of_all(shop: Shop) -> None:
    """§4: given an anonymous user who links a registration, then the profile has both, the first
    first, each with the id of its provider, and the data of both."""
    shop.confirmed()
    tokens = shop.log_in("anon-user")
    shop.link(tokens.access, "local-userpass", username=ADA, password=PASSWORD)

    profile = shop.get(f"{C}/auth/profile", bearer=tokens.access).json()

    assert ["anon-user", "local-userpass"] == [i["provider_type"] for i in profile["identities"]]
    assert re.fullmatch(r"[0-9a-f]{24}-[a-z]{24}", profile["identities"][0]["id"])
    assert all(HEX24.fullmatch(one["provider_id"]) for one in profile["identities"])
    assert (tokens.user, "normal", {"email": ADA}) == tuple(
        profile[name] for name in ("user_id", "type", "data")
    )
