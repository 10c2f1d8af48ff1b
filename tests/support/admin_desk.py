"""Somebody at the Admin API: an application with people in it, and keys of each scope."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import attrs
from starlette.testclient import TestClient

import admit
from admit.records import ADMIN_SCOPES
from admit.server.hosting import Hosted, derived_id

PREFIX: Final = "/api/admin/v3.0"
PASSWORD: Final = "correct horse battery staple"
OWNER: Final = "owner"
PHONE: Final = "64f0000000000000000000aa"


@attrs.define
class Desk:
    """One application, asked by its admins."""

    client: TestClient
    hosted: Hosted
    tokens: dict[str, str] = attrs.Factory(dict)
    """Which token → its text: access tokens by scope, `refresh`, a user's, an expired one."""
    names: dict[str, str] = attrs.Factory(dict)
    """What stands in paths: `{ada}` and the like."""

    @property
    def engine(self) -> admit.Engine:
        return self.hosted.engine

    def provider_id(self, kind: str) -> str:
        """Return the id of a provider: identities of users have it, too."""
        return derived_id(f"provider {kind}", self.hosted.app_id)

    def path(self, template: str) -> str:
        """Return a path: `G` at its beginning is the application's."""
        group, app = self.hosted.group_id, self.hosted.internal_id
        whole = re.sub(r"^G(?=/|$)", f"/groups/{group}/apps/{app}", template)
        return PREFIX + whole.format_map({"group": group, "app": app, **self.names})

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = OWNER,
        **headers: str,
    ) -> Any:
        """Ask as the holder of a token of `tokens`; None: of none."""
        if token is not None:
            headers["authorization"] = f"Bearer {self.tokens[token]}"
        sent: Mapping[str, Any] = {} if body is None else {"json": body}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.request(method, self.path(path), headers=named, **sent)


def people(desk: Desk) -> Desk:
    """Let an application live a little: Ada is a user, Mary was confirmed and never came, Grace
    waits; a server has a key."""
    engine = desk.engine
    engine.settings.set("api-key.enabled", True)
    engine.settings.set("custom_data_in_access_token", True)
    ada = engine.register("ada@example.com", PASSWORD)
    engine.confirm_manually(ada)
    engine.custom_data.set(ada, {"plan": "gold"})
    device = admit.Client(address="192.0.2.7", device="phone", device_id=PHONE)
    phone = engine.acting(admit.Actor("user"), client=device)
    hers = phone.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    mary = engine.register("mary@example.com", PASSWORD)
    engine.confirm_manually(mary)
    grace = engine.register("grace+a@example.com", PASSWORD)
    key = engine.api_keys.create_server_key(name="nightly").key
    engine.api_keys.create(ada, name="hers")
    secret = engine.secrets.set("google", "the client secret")
    for scope in ADMIN_SCOPES:
        made = engine.admin_keys.create(scope, scope=scope)
        opened = engine.admin_keys.log_in(made.key.id, made.private_key)
        desk.tokens[scope] = opened.access_token.reveal()
        desk.tokens[f"{scope}-key"] = made.private_key.reveal()
        desk.tokens["refresh"] = opened.refresh_token.reveal()
        desk.names[f"{scope}_key"] = made.key.id
    desk.tokens |= {
        "user": hers.access_token.reveal(),
        "user-refresh": hers.refresh_token.reveal(),
        "nonsense": "no.token.ofours",
    }
    desk.names |= {
        "ada": ada.id,
        "mary": mary.id,
        "grace": grace.id,
        "registration": f"{int(grace.id, 16) | 1:024x}",
        "marys_registration": f"{int(mary.id, 16) | 1:024x}",
        "key": key.id,
        "adas_key": engine.api_keys.of(ada)[0].id,
        "secret": secret.id,
        "passwords": desk.provider_id("local-userpass"),
        "api_keys": desk.provider_id("api-key"),
        "nobody": "f" * 24,
    }
    return desk


def shape(value: object) -> object:
    """Return what a value looks like: which keys, what kinds of values; lists by their first."""
    match value:
        case bool():
            return bool
        case int() | float():
            return int
        case str() if re.fullmatch(r"[0-9a-f]{24}", value):
            return "id"
        case str() if value.count(".") == 2 and len(value) > 100:
            return "token"
        case str():
            return str
        case list():
            return [shape(inner) for inner in value[:1]]
        case dict():
            return {name: shape(inner) for name, inner in value.items()}
    return value
