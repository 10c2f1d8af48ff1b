"""Every row of wire-contract.md §6: its status, its error code, and the shape of its body."""

from __future__ import annotations

import re
from typing import Any

import attrs
import pytest
from admin_desk import PREFIX, Desk, shape

from admit.server.admin_api import ADMIN_API

KEY_LOGIN = "/auth/providers/mongodb-cloud/login"
TOKENS = {
    "access_token": "token",
    "refresh_token": "token",
    "user_id": "id",
    "device_id": "id",
}
APPLICATION = {
    "_id": "id",
    "client_app_id": str,
    "name": str,
    "group_id": "id",
    "domain_id": "id",
    "location": str,
    "deployment_model": str,
    "last_used": int,
    "last_modified": int,
    "product": str,
    "environment": str,
}
USER = {
    "_id": "id",
    "type": str,
    "identities": [
        {"id": "id", "provider_type": str, "provider_id": "id", "provider_data": {"email": str}}
    ],
    "creation_date": int,
    "last_authentication_date": int,
    "disabled": bool,
    "data": {"email": str},
}
PENDING = {
    "_id": "id",
    "domain_id": "id",
    "login_ids": [{"id_type": str, "id": str}],
    "user_id": str,
}
KEY = {"_id": "id", "name": str, "disabled": bool}
PROFILE = {
    "user_id": "id",
    "domain_id": "id",
    "identities": [{"id": "id", "provider_type": str, "provider_id": "id"}],
    "data": {"email": str, "name": str},
    "type": str,
    "roles": [{"role_name": str, "group_id": "id"}],
}
CLAIMS = {
    "sub": "id",
    "exp": int,
    "iat": int,
    "iss": "id",
    "domain_id": "id",
    "device_id": "id",
    "aud": str,
    "custom_user_data": {"plan": str},
}
CUSTOM_DATA = {
    "enabled": bool,
    "mongo_service_id": str,
    "database_name": str,
    "collection_name": str,
    "user_id_field": str,
    "on_user_creation_function_id": str,
}
PROVIDER = {"_id": "id", "name": str, "type": str, "disabled": bool}
PASSWORDS = {
    **PROVIDER,
    "config": {
        "autoConfirm": bool,
        "emailConfirmationUrl": str,
        "confirmEmailSubject": str,
        "runConfirmationFunction": bool,
        "confirmationFunctionName": str,
        "resetPasswordUrl": str,
        "resetPasswordSubject": str,
        "runResetFunction": bool,
        "resetFunctionName": str,
    },
}
NAMED = {"_id": "id", "name": str}
FUNCTION = {"_id": "id", "name": str, "private": bool}
NOTHING = ""
"""An empty body, which has no Content-Type."""


@attrs.frozen
class Row:
    """One thing that is asked, and what is answered: a shape, or the code of an error."""

    method: str
    path: str
    status: int
    answer: object = NOTHING
    body: object = None
    says: str = ""
    """What an error says."""
    token: str | None = "owner"

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status} {self.says}".strip().replace(" ", "-")


def refused(method: str, path: str, status: int, code: str | None, says: str, **more: Any) -> Row:
    return Row(method, path, status, code, says=says, **more)


BAD_USERNAME = {"username": "{owner_key}", "apiKey": "admit_ak_" + "0" * 88}
PENDING_AT = "G/user_registrations/by_email/grace+a@example.com"
ENCODED_AT = "G/user_registrations/by_email/grace%2Ba%40example.com"
BY_ID = "G/user_registrations/by_id/{registration}"
MARYS_AT = "G/user_registrations/by_email/mary@example.com"
ADAS_AT = "G/user_registrations/by_email/ada@example.com"
NOBODYS_AT = "G/user_registrations/by_email/nobody@example.com"
NO_USER = ("UserNotFound", "user not found")
CONFIRMED = ("UserAlreadyConfirmed", "already confirmed")
NO_PROVIDER = ("AuthProviderNotFound", "auth provider not found")
NO_SESSION = ("InvalidSession", "invalid session")

ROWS = [
    # --- coming in
    Row("GET", "/auth/providers", 200, [{"name": str, "type": str, "disabled": bool}], token=None),
    Row("POST", KEY_LOGIN, 200, TOKENS, {"username": "{owner_key}", "apiKey": "owner-key"}),
    refused("POST", KEY_LOGIN, 401, "AuthError", "invalid API key", body=BAD_USERNAME, token=None),
    refused("POST", KEY_LOGIN, 400, "BadRequest", "username: is missing.", body={}, token=None),
    refused(
        "POST",
        "/auth/providers/local-userpass/login",
        404,
        "AuthProviderNotFound",
        "authentication via 'local-userpass' is unsupported",
        body={"username": "unique_user@domain.com", "password": "password"},
        token=None,
    ),
    Row("GET", "/auth/profile", 200, PROFILE),
    refused("GET", "/auth/profile", 401, "InvalidSession", "must authenticate first", token=None),
    refused("GET", "/auth/profile", 401, *NO_SESSION, token="nonsense"),
    Row("POST", "/auth/session", 201, {"access_token": "token"}, token="refresh"),
    refused(
        "POST",
        "/auth/session",
        401,
        "InvalidSession",
        "invalid refresh token: incorrect token type",
    ),
    Row("DELETE", "/auth/session", 204, token="refresh"),
    refused(
        "DELETE",
        "/auth/session",
        401,
        "InvalidSession",
        "invalid refresh token: incorrect token type",
    ),
    refused(
        "DELETE",
        "/auth/session",
        401,
        "InvalidSession",
        "invalid session: failed to find refresh token",
        token="nonsense",
    ),
    # --- applications
    Row("GET", "/groups/{group}/apps", 200, [APPLICATION]),
    Row("GET", "/groups/{group}/apps?product=standard,atlas", 200, [APPLICATION]),
    Row("GET", "/groups/{group}/apps?product=atlas,data-api", 200, []),
    refused("GET", "/groups/{nobody}/apps", 404, None, "group not found"),
    refused("POST", "/groups/{group}/apps", 405, "BadRequest", "POST is not", body={"name": "x"}),
    Row("GET", "G", 200, APPLICATION),
    refused("GET", "/groups/{group}/apps/{nobody}", 404, None, "app not found"),
    refused("GET", "/groups/{nobody}/apps/{app}", 404, None, "app not found"),
    refused("GET", "/groups/{group}/apps/shop-abcde", 404, None, "app not found"),
    refused("DELETE", "G", 405, "BadRequest", "DELETE is not"),
    # --- users
    Row("GET", "G/users", 200, [USER]),
    Row("GET", "G/users?after={nobody}", 200, []),
    refused("GET", "G/users?after=x", 400, "BadRequest", "after: must be 24 hex digits."),
    Row("GET", "G/users?sort=_id&desc=false&status=enabled&limit=1", 200, [USER]),
    refused("GET", "G/users?sort=name", 400, "BadRequest", "sort: must be one of _id."),
    refused("GET", "G/users?desc=1", 400, "BadRequest", "desc: must be one of true, false."),
    refused("GET", "G/users?status=x", 400, "BadRequest", "status: must be one of"),
    refused("GET", "G/users?limit=0", 400, "BadRequest", "limit: must be a whole number"),
    Row("GET", "G/users?limit=51", 200, [USER]),
    Row("GET", "G/users_count", 200, int),
    Row("POST", "G/users", 201, USER, {"email": "eve@example.com", "password": "violet umbrella"}),
    Row("POST", "G/users", 201, USER, {"email": "eve@example.com"}),
    refused(
        "POST",
        "G/users",
        409,
        "AccountNameInUse",
        "name already in use",
        body={"email": "ADA@example.com", "password": "violet umbrella"},
    ),
    refused(
        "POST",
        "G/users",
        409,
        "AccountNameInUse",
        "name already in use",
        body={"email": "grace+a@example.com", "password": "violet umbrella"},
    ),
    refused(
        "POST",
        "G/users",
        400,
        "BadRequest",
        "password must be between 8 and 1024 characters",
        body={"email": "eve@example.com", "password": "12345"},
    ),
    refused(
        "POST",
        "G/users",
        400,
        "BadRequest",
        "password: is one of the commonest passwords.",
        body={"email": "eve@example.com", "password": "123456789"},
    ),
    refused("POST", "G/users", 400, "BadRequest", "email invalid", body={"email": "validEmail"}),
    refused("POST", "G/users", 400, "BadRequest", "email: expected `str`", body={"email": 1}),
    Row("POST", "G/users/verify_token", 200, CLAIMS, {"token": "user"}),
    refused(
        "POST", "G/users/verify_token", 401, None, "signature is invalid", body={"token": "a.b.c"}
    ),
    refused(
        "POST", "G/users/verify_token", 401, None, "signature is invalid", body={"token": "owner"}
    ),
    refused("POST", "G/users/verify_token", 400, "BadRequest", "token: is missing.", body={}),
    Row("GET", "G/users/{ada}", 200, USER),
    refused("GET", "G/users/{nobody}", 404, *NO_USER),
    refused("GET", "G/users/{grace}", 404, *NO_USER),
    refused("GET", "G/users/x", 404, *NO_USER),
    Row("DELETE", "G/users/{ada}", 204),
    Row("DELETE", "G/users/{mary}", 204),
    refused("DELETE", "G/users/{nobody}", 404, *NO_USER),
    refused("DELETE", "G/users/{grace}", 404, *NO_USER),
    refused("DELETE", "G/users/{registration}", 404, *NO_USER),
    refused("DELETE", "G/users/{marys_registration}", 404, *NO_USER),
    Row("PUT", "G/users/{ada}/enable", 204),
    Row("PUT", "G/users/{registration}/enable", 204),
    refused("PUT", "G/users/{nobody}/enable", 404, *NO_USER),
    Row("PUT", "G/users/{ada}/disable", 204),
    Row("PUT", "G/users/{mary}/disable", 204),
    Row("PUT", "G/users/{registration}/disable", 204),
    refused("PUT", "G/users/{nobody}/disable", 404, *NO_USER),
    Row("PUT", "G/users/{ada}/logout", 204),
    refused("PUT", "G/users/{registration}/logout", 404, *NO_USER),
    Row("PATCH", "G/users/{ada}/reset_email", 204, body={"email": "countess@example.com"}),
    refused(
        "PATCH",
        "G/users/{ada}/reset_email",
        409,
        "AccountNameInUse",
        "name already in use",
        body={"email": "mary@example.com"},
    ),
    refused(
        "PATCH",
        "G/users/{ada}/reset_email",
        400,
        "BadRequest",
        "email: must have 1 to 128 characters.",
        body={"email": ""},
    ),
    refused(
        "PATCH",
        "G/users/{ada}/reset_email",
        400,
        "BadRequest",
        "email: must have 1 to 128 characters.",
        body={"email": "a" * 129},
    ),
    refused(
        "PATCH",
        "G/users/{ada}/reset_email",
        400,
        "BadRequest",
        "email: expected `str`",
        body={"email": 7},
    ),
    refused(
        "PATCH",
        "G/users/{server}/reset_email",
        400,
        "BadRequest",
        "user has no local-userpass identity",
        body={"email": "server@example.com"},
    ),
    refused("PATCH", "G/users/{nobody}/reset_email", 404, *NO_USER, body={"email": "a@b.example"}),
    Row(
        "GET",
        "G/users/{ada}/devices",
        200,
        [{"_id": "id", "device_id": "id", "platform": str, "last_used": int}],
    ),
    Row("GET", "G/users/{mary}/devices", 200, []),
    refused("GET", "G/users/{nobody}/devices", 404, *NO_USER),
    # --- pending users
    Row("GET", "G/user_registrations/pending_users", 200, [PENDING]),
    Row("GET", "G/user_registrations/pending_users?after={registration}", 200, []),
    Row("DELETE", PENDING_AT, 204),
    Row("DELETE", ENCODED_AT, 204),
    Row("DELETE", BY_ID, 204),
    Row("DELETE", MARYS_AT, 204),
    refused("DELETE", ADAS_AT, 404, *NO_USER),
    refused("DELETE", NOBODYS_AT, 404, *NO_USER),
    refused("DELETE", "G/user_registrations/by_email/validEmail", 404, *NO_USER),
    refused("DELETE", "G/user_registrations/by_id/{grace}", 404, *NO_USER),
    refused("DELETE", "G/user_registrations/by_id/{nobody}", 404, *NO_USER),
    Row("POST", f"{PENDING_AT}/send_confirm", 200, {}),
    Row("POST", f"{ENCODED_AT}/send_confirm", 200, {}),
    Row("POST", f"{BY_ID}/send_confirm", 200, {}),
    refused("POST", f"{MARYS_AT}/send_confirm", 400, *CONFIRMED),
    refused("POST", f"{ADAS_AT}/send_confirm", 400, *CONFIRMED),
    refused("POST", f"{NOBODYS_AT}/send_confirm", 404, *NO_USER),
    Row("POST", f"{PENDING_AT}/confirm", 204),
    Row("POST", f"{ENCODED_AT}/confirm", 204),
    Row("POST", f"{BY_ID}/confirm", 204),
    Row("POST", f"{MARYS_AT}/confirm", 204),
    refused("POST", f"{ADAS_AT}/confirm", 400, *CONFIRMED),
    refused("POST", f"{NOBODYS_AT}/confirm", 404, *NO_USER),
    Row("POST", f"{PENDING_AT}/run_confirm", 202, {}),
    Row("POST", f"{ENCODED_AT}/run_confirm", 202, {}),
    Row("POST", f"{BY_ID}/run_confirm", 202, {}),
    refused("POST", f"{MARYS_AT}/run_confirm", 400, *CONFIRMED),
    refused("POST", f"{ADAS_AT}/run_confirm", 400, *CONFIRMED),
    refused("POST", f"{NOBODYS_AT}/run_confirm", 404, *NO_USER),
    # --- the servers' keys
    Row("GET", "G/api_keys", 200, [KEY]),
    Row("POST", "G/api_keys", 201, {**KEY, "key": str}, {"name": "weekly"}),
    refused(
        "POST",
        "G/api_keys",
        409,
        "APIKeyAlreadyExists",
        "API key already exists",
        body={"name": "nightly"},
    ),
    refused(
        "POST",
        "G/api_keys",
        400,
        "InvalidParameter",
        "can only contain ASCII letters, numbers, underscores, and hyphens",
        body={"name": "a b"},
    ),
    Row("GET", "G/api_keys/{key}", 200, KEY),
    refused("GET", "G/api_keys/{adas_key}", 404, "APIKeyNotFound", "API key not found"),
    refused("GET", "G/api_keys/x", 404, "APIKeyNotFound", "API key not found"),
    Row("DELETE", "G/api_keys/{key}", 204),
    refused("DELETE", "G/api_keys/{nobody}", 404, "APIKeyNotFound", "API key not found"),
    Row("PUT", "G/api_keys/{key}/enable", 204),
    Row("PUT", "G/api_keys/{key}/disable", 204),
    refused("PUT", "G/api_keys/{adas_key}/disable", 404, "APIKeyNotFound", "API key not found"),
    # --- providers of users
    Row("GET", "G/auth_providers", 200, [PROVIDER]),
    Row("POST", "G/auth_providers", 201, PROVIDER, {"type": "anon-user"}),
    Row("POST", "G/auth_providers", 201, PASSWORDS, {"type": "local-userpass", "config": {}}),
    refused(
        "POST",
        "G/auth_providers",
        409,
        "AuthProviderAlreadyExists",
        "auth provider 'api-key' already exists",
        body={"type": "api-key"},
    ),
    refused(
        "POST",
        "G/auth_providers",
        400,
        "BadRequest",
        "'oauth2-other' is no type of provider",
        body={"type": "oauth2-other"},
    ),
    refused("POST", "G/auth_providers", 400, "BadRequest", "type", body={}),
    refused(
        "POST",
        "G/auth_providers",
        400,
        "BadRequest",
        "only admit.toml or the environment may set: oauth2-google.client_id = x",
        body={"type": "oauth2-google", "config": {"clientId": "x"}},
    ),
    Row("GET", "G/auth_providers/{passwords}", 200, PASSWORDS),
    Row("GET", "G/auth_providers/{api_keys}", 200, PROVIDER),
    refused("GET", "G/auth_providers/{nobody}", 404, *NO_PROVIDER),
    Row("PATCH", "G/auth_providers/{passwords}", 204, body={"config": {"autoConfirm": True}}),
    refused(
        "PATCH",
        "G/auth_providers/{passwords}",
        400,
        "BadRequest",
        "local-userpass.config.autoConfirm: must be true or false",
        body={"config": {"autoConfirm": "yes"}},
    ),
    refused(
        "PATCH",
        "G/auth_providers/{passwords}",
        400,
        "BadRequest",
        "the type of an auth provider stays",
        body={"type": "anon-user"},
    ),
    refused("PATCH", "G/auth_providers/{nobody}", 404, *NO_PROVIDER, body={}),
    Row("DELETE", "G/auth_providers/{api_keys}", 204),
    refused("DELETE", "G/auth_providers/{nobody}", 404, *NO_PROVIDER),
    Row("PUT", "G/auth_providers/{api_keys}/enable", 204),
    refused("PUT", "G/auth_providers/{nobody}/enable", 404, *NO_PROVIDER),
    Row("PUT", "G/auth_providers/{api_keys}/disable", 204),
    # --- limits
    Row("GET", "G/security/allowed_request_origins", 200, []),
    Row(
        "POST",
        "G/security/allowed_request_origins",
        204,
        body=["https://shop.example", "http://localhost:3000"],
    ),
    refused(
        "POST",
        "G/security/allowed_request_origins",
        400,
        "BadRequest",
        "origin: must be <scheme>://<host>[:port]",
        body=["https://shop.example/path"],
    ),
    Row(
        "GET",
        "G/security/refresh_token_expiration",
        200,
        {"expiration_time_seconds": int},
    ),
    *(
        Row(
            "PUT",
            "G/security/refresh_token_expiration",
            204,
            body={"expiration_time_seconds": seconds},
        )
        for seconds in (1800, 157_680_000)
    ),
    *(
        refused(
            "PUT",
            "G/security/refresh_token_expiration",
            400,
            "BadRequest",
            "refresh_token_lifetime: must be at",
            body={"expiration_time_seconds": seconds},
        )
        for seconds in (1799, 157_680_001)
    ),
    # --- custom data, secrets, functions
    Row("GET", "G/custom_user_data", 200, CUSTOM_DATA),
    Row(
        "PATCH",
        "G/custom_user_data",
        204,
        body={"enabled": False, "mongo_service_id": "x", "user_id_field": "owner", "more": 1},
    ),
    refused("PATCH", "G/custom_user_data", 400, "BadRequest", "Expected", body={"enabled": 1}),
    Row("GET", "G/secrets", 200, [NAMED]),
    Row("POST", "G/secrets", 201, NAMED, {"name": "apple", "value": "s"}),
    refused(
        "POST",
        "G/secrets",
        409,
        "BadRequest",
        "secret already exists",
        body={"name": "google", "value": "s"},
    ),
    Row("PUT", "G/secrets/{secret}", 204, body={"name": "google", "value": "another"}),
    refused(
        "PUT",
        "G/secrets/{secret}",
        400,
        "BadRequest",
        "the name of a secret stays",
        body={"name": "other", "value": "another"},
    ),
    refused(
        "PUT",
        "G/secrets/{nobody}",
        404,
        None,
        "secret not found",
        body={"name": "google", "value": "another"},
    ),
    Row("DELETE", "G/secrets/{secret}", 204),
    refused("DELETE", "G/secrets/{nobody}", 404, None, "secret not found"),
    Row("GET", "G/functions", 200, [FUNCTION]),
    Row(
        "POST",
        "G/functions",
        201,
        FUNCTION,
        {"name": "greet", "private": False, "source": "exports = () => 'hello'"},
    ),
    refused(
        "POST",
        "G/functions",
        400,
        "FunctionNotFound",
        "function not found: 'other'",
        body={"name": "other", "private": False, "source": "exports = () => 'hello'"},
    ),
    # --- out of scope
    *(
        refused("GET", f"G/{name}", 404, None, "")
        for name in ("drafts", "deployments", "logs", "sync/config", "services", "hosting/assets")
    ),
    refused("GET", "G/rules", 404, None, ""),
]


def test_each_row_is_another() -> None:
    """No two tests have one name."""
    assert len(set(map(str, ROWS))) >= len(ROWS) - 12


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_row_of_the_contract(desk: Desk, row: Row) -> None:
    """
    Given an application with people in it,
    when an admin asks, then status, content type, body and error are those of the contract.
    """
    desk.names["server"] = desk.engine.api_keys.get(desk.names["key"]).user

    answer = desk.ask(row.method, row.path, filled(desk, row.body), token=row.token)

    assert row.status == answer.status_code, answer.text
    if row.answer == NOTHING:
        assert (b"", None) == (answer.content, answer.headers.get("content-type"))
        return
    assert "application/json" == answer.headers["content-type"]
    told = answer.json()
    if row.status < 400:
        assert row.answer == shape(told)
        assert not isinstance(told, dict) or not {"error", "error_code"} & set(told)
        return
    assert row.says in told["error"]
    assert f"logs?co_id={answer.headers['x-request-id']}" in told["link"]
    if row.answer is not None or "not found" in row.says:
        assert row.answer == told.get("error_code")


def test_the_table_has_every_route() -> None:
    """Each method of each path that is served stands in the table above."""
    asked = {(row.method, row.path.partition("?")[0]) for row in ROWS}

    def stands_there(method: str, path: str) -> bool:
        pattern = re.sub(r"\\\{\w+(:path)?\\\}", "[^/]+", re.escape(path)).replace(":path", "")
        return any(
            method == other and re.fullmatch(pattern, plain(template)) for other, template in asked
        )

    missing = [
        (route.method, route.path)
        for route in ADMIN_API.routes
        if not stands_there(route.method, route.path)
    ]
    assert [] == missing


def plain(template: str) -> str:
    return re.sub(r"^G(?=/|$)", "/groups/{group}/apps/{app}", template)


def filled(desk: Desk, body: Any) -> Any:
    """Return a body with names and tokens in the places of what stands for them."""
    if not isinstance(body, dict):
        return body
    return {
        name: desk.tokens.get(value, value.format_map(desk.names))
        if isinstance(value, str) and name in ("username", "apiKey", "token")
        else value
        for name, value in body.items()
    }


def test_the_prefix_is_the_services() -> None:
    """Clients put it before everything."""
    assert PREFIX == ADMIN_API.prefix
