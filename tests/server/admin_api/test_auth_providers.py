"""Providers, changed by admins' clients: what becomes of their objects, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from admin_desk import PASSWORD, Desk, people
from starlette.testclient import TestClient

import admit
from admit.errors import ProviderDisabled
from admit.server.hosting import derived_id, hosted

Serve = Callable[..., TestClient]
Behind = Callable[[TestClient], admit.Engine]
ALL, ONE = "G/auth_providers", "G/auth_providers/{passwords}"
SECRET = "a secret of at least thirty-two bytes"


def a_desk(serve: Serve, served_engine: Behind, **options: Any) -> Desk:
    client = serve(**options)
    return people(Desk(client, hosted(served_engine(client), app_id="shop-abcde")))


def config(desk: Desk) -> Any:
    return desk.ask("GET", ONE).json()["config"]


def settings(desk: Desk) -> dict[str, object]:
    return {info.name: info.value for info in desk.engine.settings.all()}


def test_what_every_application_has_is_listed_from_the_start(
    serve: Serve, served_engine: Behind
) -> None:
    """Passwords, and keys: those are off until somebody switches them on."""
    desk = a_desk(serve, served_engine)
    desk.engine.settings.unset("api-key.enabled")

    found = {one["type"]: one["disabled"] for one in desk.ask("GET", ALL).json()}

    assert {"local-userpass": False, "api-key": True} == found


def test_an_identity_names_its_provider_by_the_id_that_is_listed(desk: Desk) -> None:
    """So clients find the one from the other."""
    (identity,) = desk.ask("GET", "G/users/{ada}").json()["identities"]

    assert "local-userpass" == desk.ask("GET", f"{ALL}/{identity['provider_id']}").json()["type"]


def test_a_provider_is_created_used_switched_off_and_taken_back(desk: Desk) -> None:
    """
    Given an application that lets nobody in without an account,
    when an admin creates the anonymous provider, then visitors come in; when it is switched off or
    deleted, no more.
    """
    made = desk.ask("POST", ALL, {"type": "anon-user"}).json()
    at = f"{ALL}/{made['_id']}"
    visit = desk.engine.log_in
    visit("anon-user")

    desk.ask("PUT", f"{at}/disable")
    with pytest.raises(ProviderDisabled):
        visit("anon-user")
    desk.ask("PUT", f"{at}/enable")
    visit("anon-user")
    assert 409 == desk.ask("POST", ALL, {"type": "anon-user"}).status_code

    desk.ask("DELETE", at)
    with pytest.raises(ProviderDisabled):
        visit("anon-user")
    assert 404 == desk.ask("GET", at).status_code
    assert 201 == desk.ask("POST", ALL, {"name": "anon-user", "disabled": True}).status_code
    with pytest.raises(ProviderDisabled):
        visit("anon-user")


def test_passwords_cannot_be_taken_away_only_switched_off(desk: Desk) -> None:
    """Who has one finds it again."""
    desk.ask("DELETE", ONE)

    assert desk.ask("GET", ONE).json()["disabled"]
    with pytest.raises(ProviderDisabled):
        desk.engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)


def test_a_part_is_changed_and_the_rest_stays(desk: Desk) -> None:
    """
    Given subjects of mails that were set,
    when a client says `autoConfirm` alone, then only that is another one, and users are confirmed
    at once.
    """
    desk.ask("PATCH", ONE, {"config": {"confirmEmailSubject": "Hello", "more": [1]}})
    before = config(desk)

    desk.ask("PATCH", ONE, {"config": {"autoConfirm": True}})

    assert {**before, "autoConfirm": True} == config(desk)
    assert ("Hello", [1]) == (before["confirmEmailSubject"], before["more"])
    assert "confirmed" == desk.engine.register("eve@example.com", PASSWORD).state


def test_a_change_is_set_whole_or_not_at_all(desk: Desk) -> None:
    """
    Given a change of which the last part cannot be,
    when it is asked for, then the answer says why, and nothing is another one than before.
    """
    before = settings(desk)
    for bad in (
        {"runResetFunction": True, "resetFunctionName": "nobody's", "autoConfirm": True},
        {"autoConfirm": True, "emailConfirmationUrl": "no page"},
        {"autoConfirm": True, "confirmEmailSubject": "a" * 257},
    ):
        refused = desk.ask("PATCH", ONE, {"config": bad})

        assert (400, "BadRequest") == (refused.status_code, refused.json()["error_code"])
        assert before == settings(desk)


def test_what_was_set_is_put_back_when_a_later_setting_is_refused(
    serve: Serve, served_engine: Behind
) -> None:
    """Given a setting that code has fixed, then those before it in the same change are undone."""
    desk = a_desk(
        serve,
        served_engine,
        fixed={"email.subject": "Fixed"},
        functions={"decide": lambda call: {"status": "success"}},
    )
    desk.engine.settings.set("email.link_base", "https://shop.example/before")
    before = settings(desk)

    refused = desk.ask(
        "PATCH",
        ONE,
        {
            "config": {
                "runConfirmationFunction": True,
                "confirmationFunctionName": "decide",
                "emailConfirmationUrl": "https://shop.example/after",
                "confirmEmailSubject": "Another",
            }
        },
    )

    assert 400 == refused.status_code
    assert "email.subject" in refused.json()["error"]
    assert before == settings(desk)


def test_a_function_may_be_named_by_the_id_that_is_listed(
    serve: Serve, served_engine: Behind
) -> None:
    """As clients of the Admin API do; it runs when somebody registers."""
    called = []

    def decide(call: object) -> dict[str, str]:
        called.append(call)
        return {"status": "success"}

    desk = a_desk(serve, served_engine, functions={"decide": decide})
    (function,) = desk.ask("GET", "G/functions").json()
    assert derived_id("function decide", "shop-abcde") == function["_id"]

    changed = desk.ask(
        "PATCH",
        ONE,
        {"config": {"runConfirmationFunction": True, "confirmationFunctionId": function["_id"]}},
    )

    assert 204 == changed.status_code, changed.text
    assert "decide" == config(desk)["confirmationFunctionName"]
    assert "confirmed" == desk.engine.register("eve@example.com", PASSWORD).state
    assert 1 == len(called)


def test_n6_no_admin_says_whose_tokens_let_in(serve: Serve, served_engine: Behind) -> None:
    """
    Given a provider of tokens, whose secret stands where the server runs,
    when an admin changes its audience or its keys, then the answer names what to write there;
    what is kept of users is his to change.
    """
    fixed = {
        "custom-token.secret": SECRET,
        "custom-token.algorithms": "none",
        "custom-token.audience": "shop-abcde",
        "custom-token.every_audience": True,
    }
    desk = a_desk(serve, served_engine, fixed=fixed)
    wanted = {
        "type": "custom-token",
        "config": {"audience": [], "signingAlgorithm": "HS256"},
        "secret_config": {"signingKeys": ["tokens"]},
        "metadata_fields": [{"required": False, "name": "mySecretField", "field_name": "secret"}],
    }
    made = desk.ask("POST", ALL, wanted)
    assert 201 == made.status_code, made.text
    assert {"signingKeys": ["tokens"]} == made.json()["secret_config"]
    at = f"{ALL}/{made.json()['_id']}"
    before = settings(desk)

    for change in (
        {"config": {"audience": ["evil"]}},
        {
            "config": {
                "useJWKURI": True,
                "jwkURI": "https://evil.example/jwks",
                "signingAlgorithm": "RS256",
            }
        },
    ):
        refused = desk.ask("PATCH", at, change)
        assert 400 == refused.status_code
        assert "only admit.toml or the environment may set" in refused.json()["error"]
        assert before == settings(desk)
    assert 204 == desk.ask("PATCH", at, {"metadata_fields": []}).status_code
    assert () == desk.engine.settings.get("custom-token.metadata")
    assert SECRET not in made.text + desk.ask("GET", at).text


def test_what_is_kept_of_a_provider_goes_with_it(desk: Desk) -> None:
    """Unknown parts are read again while it is there, and forgotten when it is taken back."""
    made = desk.ask("POST", ALL, {"type": "anon-user", "config": {"colour": "green"}}).json()
    at = f"{ALL}/{made['_id']}"
    desk.ask("PATCH", ONE, {"config": {"colour": "blue"}})
    assert {"colour": "green"} == desk.ask("GET", at).json()["config"]

    desk.ask("DELETE", at)

    assert "blue" == config(desk)["colour"]
    desk.ask("DELETE", ONE)
    assert None is desk.engine.settings.get("appservices.kept")
    assert "config" not in desk.ask("POST", ALL, {"type": "anon-user"}).json()


def test_each_change_is_in_the_trail(desk: Desk) -> None:
    """By the key that made it; what stays as it was leaves no trace."""
    desk.ask("PATCH", ONE, {"config": {"autoConfirm": True}})
    desk.ask("PATCH", ONE, {"config": {"autoConfirm": True}})

    events = [e for e in desk.engine.events.unsealed(limit=1000) if e.actor.id is not None]
    changed = [e.codes["setting"] for e in events if e.trigger == "setting-set"]
    assert ["confirmation_flow"] == changed
    assert {desk.names["owner_key"]} == {e.actor.id for e in events if e.trigger == "setting-set"}
