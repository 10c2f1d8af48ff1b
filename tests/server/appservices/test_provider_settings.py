"""Provider objects of App Services become settings, and settings provider objects again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

import admit
from admit.errors import InvalidInput
from admit.server.appservices.findings import FunctionNeeded, SecretNeeded
from admit.server.appservices.provider_settings import (
    TYPES,
    Carried,
    provider_objects,
    read_providers,
    untranslated,
)
from admit.testing import MemoryStore
from admit.testing import open as open_engine

APP_ID = "shop-abcde"


def one(kind: str, **rest: Any) -> dict[str, Any]:
    """Return a provider object as files have it."""
    return {"name": kind, "type": kind, "disabled": False, **rest}


PASSWORDS = one(
    "local-userpass",
    config={
        "autoConfirm": False,
        "emailConfirmationUrl": "https://shop.example/confirm",
        "confirmEmailSubject": "Welcome",
        "runConfirmationFunction": True,
        "confirmationFunctionName": "confirmUser",
        "resetPasswordUrl": "https://shop.example/reset",
        "resetPasswordSubject": "A new password",
        "runResetFunction": False,
        "resetFunctionName": "resetUser",
    },
)
TOKENS = one(
    "custom-token",
    config={
        "audience": ["shop", "shop-app"],
        "requireAnyAudience": True,
        "signingAlgorithm": "HS256",
        "useJWKURI": False,
    },
    secret_config={"signingKeys": ["newKey", "oldKey"]},
    metadata_fields=[
        {"required": True, "name": "email", "field_name": "email"},
        {"required": False, "name": "https://shop\\.example/role", "field_name": "role"},
    ],
)
JWKS_TOKENS = one(
    "custom-token",
    config={
        "audience": ["shop"],
        "requireAnyAudience": False,
        "signingAlgorithm": "RS256",
        "useJWKURI": True,
        "jwkURI": "https://login.example.com/keys",
    },
    secret_config={"signingKeys": []},
    metadata_fields=[],
)
GOOGLE = one(
    "oauth2-google",
    config={"clientId": "shop.apps.example", "openId": True},
    secret_config={"clientSecret": "googleSecret"},
    metadata_fields=[{"required": True, "name": "email"}, {"required": False, "name": "name"}],
    redirect_uris=["https://shop.example/in"],
    domain_restrictions=["example.com"],
)
FACEBOOK = one(
    "oauth2-facebook",
    config={"clientId": "4711"},
    secret_config={"clientSecret": "facebookSecret"},
    metadata_fields=[{"required": False, "name": "first_name"}],
    redirect_uris=[],
    domain_restrictions=[],
)
APPLE = one(
    "oauth2-apple",
    config={"clientId": "example.shop"},
    secret_config={"clientSecret": "appleSecret"},
    redirect_uris=["https://shop.example/in"],
)
ALL = [
    one("anon-user"),
    one("api-key", disabled=True),
    PASSWORDS,
    TOKENS,
    one("custom-function", config={"authFunctionName": "badges"}),
    GOOGLE,
    FACEBOOK,
    APPLE,
]


@pytest.fixture
def engine() -> Iterator[admit.Engine]:
    with open_engine(MemoryStore()) as opened:
        yield opened


def read(*objects: object) -> Carried:
    return read_providers(objects, app_id=APP_ID)


def set_to(carried: Carried) -> admit.Engine:
    """Return an engine that is set to what was read."""
    return admit.open(MemoryStore(), key=b"k" * 32, settings=carried.checked().settings)


@pytest.mark.parametrize(
    ("config", "flows"),
    [
        ({"autoConfirm": True}, ("auto", "email")),
        ({"autoConfirm": True, "runResetFunction": True, "resetFunctionName": "r"},
         ("auto", "function")),
        ({"emailConfirmationUrl": "https://shop.example/c"}, ("email", "email")),
        ({"runConfirmationFunction": True, "confirmationFunctionName": "c"},
         ("function", "email")),
        ({"runConfirmationFunction": True, "confirmationFunctionName": "c",
          "runResetFunction": True, "resetFunctionName": "r"}, ("function", "function")),
        ({"runResetFunction": True, "resetFunctionName": "r"}, ("email", "function")),
        ({"autoConfirm": True, "runConfirmationFunction": True}, ("auto", "email")),
    ],
)  # fmt: skip
def test_each_combination_of_modes_names_the_two_flows(
    config: dict[str, object], flows: tuple[str, str]
) -> None:
    """
    Given the combinations of confirmation and reset that App Services had,
    when a provider object with one is read,
    then the two flows are those; auto hides a function, as there.
    """
    settings = read(one("local-userpass", config=config)).checked().settings

    assert flows == (settings["confirmation_flow"], settings["reset_flow"])


def test_pages_subjects_and_functions_of_passwords_are_carried_over() -> None:
    """
    Given a provider object of passwords that says everything it can,
    when it is read,
    then each becomes a setting, and the functions are those that are needed.
    """
    carried = read(PASSWORDS).checked()

    assert {
        "local-userpass.enabled": True,
        "confirmation_flow": "function",
        "function.confirmation": "confirmUser",
        "email.link_base": "https://shop.example/confirm",
        "email.subject": "Welcome",
        "reset_flow": "email",
        "function.reset": "resetUser",
        "email.reset_link_base": "https://shop.example/reset",
        "email.reset_subject": "A new password",
    } == carried.settings
    assert (
        FunctionNeeded(name="confirmUser", setting="function.confirmation"),
        FunctionNeeded(name="resetUser", setting="function.reset"),
    ) == carried.functions


def test_what_an_object_leaves_empty_is_named(engine: admit.Engine) -> None:
    """
    Given a provider object with empty texts, as the service wrote them,
    when it is read,
    then no setting is made of them, and they are named for whoever changes an application.
    """
    carried = read(
        one("local-userpass", config={"confirmEmailSubject": "", "emailConfirmationUrl": ""})
    )

    assert {"email.subject", "email.link_base"} <= set(carried.unset)
    assert not set(carried.unset) & set(carried.settings)
    for name in carried.unset:
        assert engine.settings.info(name) is not None


def test_keys_of_hs256_are_asked_for_by_name() -> None:
    """
    Given custom tokens signed by HS256 with two keys,
    when the object is read,
    then both secrets are named with the settings they belong to, and no public key counts.
    """
    carried = read(TOKENS).checked()

    assert ("newKey", "oldKey") == tuple(s.name for s in carried.secrets)
    assert ("custom-token.secret", "custom-token.former_secret") == tuple(
        s.setting for s in carried.secrets
    )
    assert () == carried.settings["custom-token.algorithms"]
    assert False is carried.settings["custom-token.every_audience"]
    assert ("email=email", "https://shop\\.example/role=role") == carried.settings[
        "custom-token.metadata"
    ]
    assert ("email",) == carried.settings["custom-token.required"]


def test_a_third_key_of_hs256_is_said_to_stay_behind() -> None:
    """
    Given custom tokens with three signing keys, and room for two,
    when the object is read,
    then the third is named among what is left.
    """
    carried = read({**TOKENS, "secret_config": {"signingKeys": ["a", "b", "c"]}}).checked()

    assert ["a", "b"] == [secret.name for secret in carried.secrets]
    assert any("'c'" in left.why for left in carried.left)


@pytest.mark.parametrize("audience", ["", [], None])
def test_no_audience_is_the_application(audience: object) -> None:
    """
    Given custom tokens whose audience is empty in one of the ways that files have,
    when the object is read,
    then tokens have to be for the application.
    """
    config = {**TOKENS["config"], "audience": audience}

    assert (APP_ID,) == read({**TOKENS, "config": config}).settings["custom-token.audience"]


def test_an_audience_may_be_a_list_with_commas() -> None:
    """
    Given an older file, whose audience is one text,
    when it is read,
    then its parts are the audiences.
    """
    config = {**TOKENS["config"], "audience": "shop, shop-app"}

    carried = read({**TOKENS, "config": config})

    assert ("shop", "shop-app") == carried.settings["custom-token.audience"]


def test_the_name_of_a_field_is_the_last_part_of_its_path() -> None:
    """
    Given a metadata field without a name of its own,
    when it is read,
    then it is called as the last part of the path, an escaped dot being none.
    """
    fields = [{"name": "user_data.name"}, {"name": "https://shop\\.example/roles"}]

    carried = read({**TOKENS, "metadata_fields": fields}).checked()

    assert (
        "user_data.name=name",
        "https://shop\\.example/roles=https://shop.example/roles",
    ) == carried.settings["custom-token.metadata"]


def test_secrets_of_providers_are_known_by_name_only() -> None:
    """
    Given Google and Facebook with a secret each,
    when they are read,
    then each secret is named, with the setting that it belongs to; no setting has its name for a
    value.
    """
    carried = read(GOOGLE, FACEBOOK).checked()

    assert (
        SecretNeeded(
            name="googleSecret",
            field="oauth2-google.secret_config.clientSecret",
            setting="oauth2-google.client_secret",
        ),
        SecretNeeded(
            name="facebookSecret",
            field="oauth2-facebook.secret_config.clientSecret",
            setting="oauth2-facebook.client_secret",
        ),
    ) == carried.secrets
    assert "oauth2-google.client_secret" not in carried.settings


def test_the_presigned_secret_of_apple_is_said_to_stay_behind() -> None:
    """
    Given Sign in with Apple, whose secret was signed beforehand,
    when the object is read,
    then it says that team, key id and private key are needed instead.
    """
    carried = read(APPLE).checked()

    assert () == carried.secrets
    assert any("oauth2-apple.team_id" in left.why for left in carried.left)


def test_settings_are_divided_by_where_they_may_be_set(engine: admit.Engine) -> None:
    """
    Given everything that an application may have,
    when its settings are divided,
    then no credential is for the store, no setting is lost, and functions that are not registered
    are for the file.
    """
    carried = read(*ALL).checked()

    store = carried.for_store(engine, functions=False)
    file = carried.for_file(engine, functions=True)

    assert carried.settings == {**store, **file}
    assert not store.keys() & file.keys()
    assert {
        "function.confirmation", "function.reset", "custom-function.function",
        "oauth2-google.client_id", "oauth2-facebook.client_id", "oauth2-apple.client_id",
        "custom-token.audience", "custom-token.every_audience", "custom-token.algorithms",
    } == file.keys()  # fmt: skip
    for name, value in store.items():
        engine.settings.set(name, value)


@pytest.mark.parametrize("given", [*ALL, JWKS_TOKENS], ids=lambda given: given["type"])
def test_an_object_comes_back_as_it_was(given: dict[str, Any]) -> None:
    """
    Given one provider object of each type,
    when an engine is set to it and says its provider objects,
    then it is there as it was, but for names of the service's own that are empty.
    """
    with set_to(read(given)) as engine:
        found = provider_objects(engine)[given["type"]]

    assert given == {name: found[name] for name in given}
    assert {"config", "secret_config"} >= found.keys() - given.keys()


def test_settings_that_come_back_are_the_same() -> None:
    """
    Given an engine that is set to everything that an application may have,
    when its provider objects are read,
    then they say the same settings again.
    """
    first = read(*ALL).checked()
    with set_to(first) as engine:
        objects = provider_objects(engine)

    again = read(*objects.values()).checked()

    assert first.settings == again.settings
    assert tuple(objects) == TYPES


def test_an_untouched_engine_has_what_every_application_has(engine: admit.Engine) -> None:
    """
    Given an engine in which nothing was set,
    when it says its provider objects,
    then passwords are there, and API keys, disabled.
    """
    objects = provider_objects(engine)

    assert {"local-userpass": False, "api-key": True} == {
        kind: found["disabled"] for kind, found in objects.items()
    }


def test_unknown_fields_are_kept_and_named() -> None:
    """
    Given objects with fields that nobody here knows, one of which may be a secret,
    when they are read and written again,
    then the others came back, all were named, and what may be a secret stands nowhere.
    """
    strange = one("anon-user", mood="good", config={"colour": [{"apiSecret": "s3cret"}]})
    google = {**GOOGLE, "config": {**GOOGLE["config"], "hue": "blue"}}

    carried = read(strange, google).checked()
    with set_to(carried) as engine:
        objects = provider_objects(engine)

    assert "good" == objects["anon-user"]["mood"]
    assert "blue" == objects["oauth2-google"]["config"]["hue"]
    assert {"anon-user.mood", "anon-user.config", "oauth2-google.config.hue"} <= {
        left.field for left in carried.left
    }
    assert "s3cret" not in json.dumps(objects) + str(carried.settings)


def test_what_is_kept_of_other_providers_stays(engine: admit.Engine) -> None:
    """
    Given a store that keeps something of two providers,
    when one of them is read alone, and says nothing any more that is to be kept,
    then what is kept of the other stays.
    """
    kept = read(one("anon-user", mood="good"), GOOGLE).settings["appservices.kept"]

    carried = read_providers([one("anon-user")], app_id=APP_ID, kept_before=kept)

    assert ["oauth2-google"] == list(json.loads(str(carried.settings["appservices.kept"])))
    last = read_providers(
        [one("oauth2-google", disabled=True)],
        app_id=APP_ID,
        kept_before=carried.settings["appservices.kept"],
    )
    assert "appservices.kept" in last.unset


@pytest.mark.parametrize(
    "text", ["{", "[]", "7", '{"anon-user": 7}', '{"anon-user": {"config": 7}}']
)
def test_what_somebody_else_wrote_among_what_is_kept_is_passed_over(
    text: str, engine: admit.Engine
) -> None:
    """
    Given the setting of what is kept, set to something by hand,
    when the provider objects are written,
    then they are as without it.
    """
    expected = provider_objects(engine)

    engine.settings.set("appservices.kept", text)

    assert expected == provider_objects(engine)


def test_more_than_a_setting_holds_is_said_not_to_be_kept() -> None:
    """
    Given an object with more unknown fields than a setting has room for,
    when it is read,
    then nothing is kept, and that is told.
    """
    carried = read(one("anon-user", **{f"field_{n}": "x" * 100 for n in range(100)})).checked()

    assert "appservices.kept" not in carried.settings
    assert "providers" in [left.field for left in carried.left]


def test_what_has_no_counterpart_is_told() -> None:
    """
    Given an engine with settings that App Services did not have,
    when it is asked what a provider object cannot say,
    then each is named.
    """
    settings = {
        "custom-token.issuer": "https://login.example.com",
        "oauth2-google.time_limit": timedelta(seconds=3),
        "custom-token.enabled": True,
        "reset_flow": "carrier-pigeon",
    }
    with admit.open(MemoryStore(), key=b"k" * 32, settings=settings) as engine:
        left = untranslated(engine)

    assert ["custom-token.issuer", "oauth2-google.time_limit", "reset_flow"] == [
        one.field for one in left
    ]


def config_of(kind: str, **config: object) -> dict[str, Any]:
    return one(kind, config=config)


WRONG: list[tuple[object, str, str]] = [
    (7, "providers[0]", "must be an object, not a number."),
    ({}, "providers[0].type", "is missing"),
    ({"type": ["x"]}, "providers[0].type", "is missing"),
    ({"type": "oauth2-nobody"}, "providers[0].type", "'oauth2-nobody' is no type"),
    (one("anon-user") | {"disabled": "no"}, "anon-user.disabled", "must be true or false"),
    (one("local-userpass") | {"config": []}, "local-userpass.config", "must be an object"),
    (config_of("local-userpass", autoConfirm="true"),
     "local-userpass.config.autoConfirm", "must be true or false, not text."),
    (config_of("local-userpass", runConfirmationFunction=True),
     "local-userpass.config.confirmationFunctionName", "is missing"),
    (config_of("local-userpass", runResetFunction=True, resetFunctionName=""),
     "local-userpass.config.resetFunctionName", "is missing"),
    (config_of("local-userpass", emailConfirmationUrl="shop.example"),
     "local-userpass.config.emailConfirmationUrl", "must be the whole address"),
    (config_of("local-userpass", resetPasswordUrl="javascript:alert(1)"),
     "local-userpass.config.resetPasswordUrl", "must be the whole address"),
    (config_of("local-userpass", confirmEmailSubject="a\nBcc: b"),
     "local-userpass.config.confirmEmailSubject", "must be one line"),
    (config_of("local-userpass", confirmEmailSubject="x" * 257),
     "local-userpass.config.confirmEmailSubject", "must be at most 256 characters."),
    (config_of("custom-function"), "custom-function.config.authFunctionName", "is missing"),
    (config_of("custom-function", authFunctionName={}),
     "custom-function.config.authFunctionName", "must be text, not an object."),
    (TOKENS | {"secret_config": {}}, "custom-token.secret_config.signingKeys", "is missing"),
    (TOKENS | {"secret_config": {"signingKeys": 7}},
     "custom-token.secret_config.signingKeys", "must be an array of texts, not a number."),
    (TOKENS | {"secret_config": {"signingKeys": [None]}},
     "custom-token.secret_config.signingKeys[0]", "must be text, not null."),
    (TOKENS | {"config": {"signingAlgorithm": "none"}},
     "custom-token.config.signingAlgorithm", "must be HS256 or RS256."),
    (config_of("custom-token", useJWKURI=True, jwkURI="http://login.example.com/keys"),
     "custom-token.config.jwkURI", "must be an https URL."),
    (config_of("custom-token", useJWKURI=True, jwkURI="https://login.example.com/keys",
               signingAlgorithm="HS256"),
     "custom-token.config.signingAlgorithm", "must be RS256"),
    (TOKENS | {"metadata_fields": [{"name": ""}]},
     "custom-token.metadata_fields[0].name", "is missing."),
    (TOKENS | {"metadata_fields": [{"name": "a"}, {"name": "b", "field_name": "a"}]},
     "custom-token.metadata_fields[1].field_name", "'a' is used twice."),
    (TOKENS | {"metadata_fields": [{"name": "a", "field_name": "b=c"}]},
     "custom-token.metadata_fields[0].field_name", "no equals sign"),
    (TOKENS | {"metadata_fields": [{"name": "a,b", "required": True}]},
     "custom-token.metadata_fields[0]", "must have no comma"),
    (TOKENS | {"metadata_fields": ["a"]},
     "custom-token.metadata_fields[0]", "must be an object, not text."),
    (TOKENS | {"metadata_fields": {}},
     "custom-token.metadata_fields", "must be an array, not an object."),
    (config_of("oauth2-google"), "oauth2-google.config.clientId", "is missing."),
    (FACEBOOK | {"metadata_fields": [{"name": "shoe_size"}]},
     "oauth2-facebook.metadata_fields[0].name", "must be one of name, first_name"),
    (GOOGLE | {"metadata_fields": []},
     "oauth2-google.domain_restrictions", "needs the field email"),
    (GOOGLE | {"domain_restrictions": ["@example.com"]},
     "oauth2-google.domain_restrictions", "is no domain."),
    (FACEBOOK | {"redirect_uris": ["/in"]},
     "oauth2-facebook.redirect_uris", "is no whole address."),
]  # fmt: skip


@pytest.mark.parametrize(("given", "field", "rule"), WRONG, ids=lambda value: str(value)[:60])
def test_a_wrong_value_is_told_with_provider_field_and_rule(
    given: object, field: str, rule: str
) -> None:
    """
    Given an object with one value that is wrong,
    when it is read,
    then the one error names provider and field, the rule, and what to do.
    """
    carried = read(given)

    with pytest.raises(InvalidInput) as caught:
        carried.checked()

    assert field == caught.value.field
    assert rule in caught.value.rule
    assert caught.value.next_step
    assert 1 == len(carried.problems)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    """
    Given objects with a wrong value each, one of them twice,
    when they are read,
    then all of it is told.
    """
    carried = read(
        config_of("oauth2-google"), config_of("custom-function"), one("anon-user"), one("anon-user")
    )

    assert [
        "oauth2-google.config.clientId",
        "custom-function.config.authFunctionName",
        "anon-user.type",
    ] == [problem.field for problem in carried.problems]


def test_a_disabled_provider_need_not_be_complete() -> None:
    """
    Given disabled providers without function, client id and keys,
    when they are read,
    then nothing is wrong with them.
    """
    objects = [
        one(kind, disabled=True) for kind in ("custom-function", "custom-token", "oauth2-google")
    ]

    assert () == read(*objects).problems
