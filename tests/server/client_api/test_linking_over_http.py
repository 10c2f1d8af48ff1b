"""wire-contract.md §2, linking: what is added to whom, and what is told when it cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from shop import ADA, PASSWORD, A, C, OpenShop, Shop, refused

CORE = {"device": {"coreVersion": "13.26.0"}}
WEB = {"device": {"platform": "chrome"}}
TAKEN = "a user already exists with the specified provider"
SECOND = "linking a local-userpass identity is not allowed when one is already linked"
ANONYMOUS = "linking an anonymous identity is not allowed"
BOB = "bob@example.com"


def identities(shop: Shop, access: str) -> list[str]:
    """Return the providers of the caller's identities."""
    profile = shop.get(f"{C}/auth/profile", bearer=access).json()
    return [one["provider_type"] for one in profile["identities"]]


def test_a_registration_that_never_logged_in_moves_to_the_caller(shop: Shop) -> None:
    """Given an anonymous user, when she links a confirmed registration twice, then it is hers once,
    her id and device are as before, and both her tokens go on (§2; security.md H2)."""
    shop.confirmed()
    tokens = shop.log_in("anon-user")

    answers = [
        shop.link(tokens.access, "local-userpass", username=ADA, password=PASSWORD)
        for _ in range(2)
    ]

    for answer in answers:
        said = answer.json()
        assert (200, tokens.user, tokens.device) == (
            answer.status_code, said["user_id"], said["device_id"]
        )  # fmt: skip
        assert ["anon-user", "local-userpass"] == identities(shop, said["access_token"])
    assert 201 == shop.post(f"{C}/auth/session", bearer=tokens.refresh).status_code
    assert tokens.user == shop.log_in().user


def test_an_old_log_in_may_link_unless_a_fresh_one_is_wanted(open_shop: OpenShop) -> None:
    """O6: given the setting, then a link and a deletion of an old session are refused with 403 –
    never with 401 –; without it, they go through."""
    linked = []
    for wanted in (False, True):
        shop = open_shop(settings={"server.fresh_log_in_needed": wanted})
        shop.confirmed(BOB)
        shop.confirmed()
        access = shop.log_in(username=BOB).access
        shop.later(600)
        answer = shop.link(access, "local-userpass", username=ADA, password=PASSWORD)
        gone = shop.ask("DELETE", f"{C}/auth/delete", bearer=access)
        linked.append((answer.status_code, gone.status_code))

    # Bob has a password already: 400 is the link's own refusal.
    assert [(400, 204), (403, 403)] == linked


@pytest.mark.parametrize(
    ("options", "taken", "second", "anonymous"),
    [
        (WEB, (401, "AuthError", TAKEN), (400, "BadRequest", SECOND),
         (400, "BadRequest", ANONYMOUS)),
        (CORE, (401, "InvalidSession", TAKEN), (500, "InternalServerError", SECOND),
         (500, "InternalServerError", ANONYMOUS)),
    ],
    ids=["realm-web", "core"],
)  # fmt: skip
def test_a_link_that_cannot_be_is_told_as_each_kind_of_client_wants_it(
    shop: Shop,
    options: Mapping[str, Any],
    taken: tuple[int, str, str],
    second: tuple[int, str, str],
    anonymous: tuple[int, str, str],
) -> None:
    """Given Ada, who logs in, and Bob's registration, then an anonymous user gets nothing of Ada's,
    Ada no second password, and nobody an anonymous identity. Rule 2: realm-web is never told
    `InvalidSession`."""
    shop.confirmed()
    shop.confirmed(BOB)
    ada, stranger = shop.log_in().access, shop.log_in("anon-user").access
    hers = {"username": ADA, "password": PASSWORD, "options": options}

    assert taken == refused(shop.link(stranger, "local-userpass", **hers))
    assert second == refused(shop.link(ada, "local-userpass", **{**hers, "username": BOB}))
    assert anonymous == refused(shop.link(ada, "anon-user", options=options))


def test_bad_credentials_at_a_link_send_no_client_round(shop: Shop) -> None:
    """Rule 2: given a wrong password, a wrong key and a provider that is not there, then none is
    told `InvalidSession` nor `unauthorized`."""
    access = shop.log_in("anon-user").access

    told = [
        refused(shop.link(access, "local-userpass", username=ADA, password="wrong one")),
        refused(shop.link(access, "api-key", key="k" * 64)),
        refused(shop.link(access, "oauth2-nobody")),
    ]

    assert [
        (401, "InvalidPassword", "invalid username/password"),
        (400, "BadRequest", "linking an api-key identity is not allowed"),
        (404, "AuthProviderNotFound", "authentication via 'oauth2-nobody' is unsupported"),
    ] == told


def test_a_link_without_a_token_or_with_a_dead_one_is_401(shop: Shop) -> None:
    """Given neither, then the caller is asked to authenticate, or to refresh."""
    access = shop.log_in("anon-user").access
    shop.later(1800)
    path = f"{A}/auth/providers/local-userpass/login?link=true"

    assert "must authenticate first" == refused(shop.post(path, {}))[2]
    assert "invalid session: access token expired" == refused(shop.post(path, {}, bearer=access))[2]
