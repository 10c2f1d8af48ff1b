"""A well-behaved provider logs its users in: by id token, by code, through the browser."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from honest import ADA, GRACE, VERIFIER, Honest, OpenOn
from honest_provider import CALLBACK

from admit.errors import ProviderRefused, RedirectInvalid, WrongCredentials
from admit.testing import MemoryStore

PROVIDERS = ["oauth2-google", "oidc"]


@pytest.mark.parametrize("name", PROVIDERS)
def test_an_id_token_logs_its_user_in(name: str, honest: Honest, open_on: OpenOn) -> None:
    """
    Given an app that got an id token for Ada with a nonce of its own,
    when it hands both over,
    then she is a new, confirmed user, and the same one the next time.
    """
    engine = open_on(name, honest.url)

    first, second = (
        engine.log_in(name, id_token=honest.id_token_for_app(ADA, nonce), nonce=nonce)
        for nonce in (f"{name} one", f"{name} two")
    )

    assert "confirmed" == first.user.state
    assert first.user.id == second.user.id
    identity = second.user.identities[0]
    assert (name, "ada-1815") == (identity.provider, identity.id)
    assert {
        "name": "Ada Lovelace",
        "first_name": "Ada",
        "email": "ada@example.com",
    } == identity.data


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_code_of_an_app_logs_its_user_in(name: str, honest: Honest, open_on: OpenOn) -> None:
    """
    Given an app that got a code for Grace, with PKCE,
    when it hands over code, verifier and redirect URI,
    then she is in; the code opens nothing a second time.
    """
    engine = open_on(name, honest.url)
    credentials = {
        "auth_code": honest.code_for_app(GRACE, f"{name} code"),
        "code_verifier": VERIFIER,
        "redirect_uri": CALLBACK,
        "nonce": f"{name} code",
    }

    user = engine.log_in(name, **credentials).user

    assert "Grace Hopper" == user.identities[0].data["name"]
    with pytest.raises(WrongCredentials):
        engine.log_in(name, **credentials)


@pytest.mark.parametrize("name", PROVIDERS)
def test_o2_a_browser_that_is_sent_comes_back_logged_in(
    name: str, honest: Honest, open_on: OpenOn
) -> None:
    """
    Given a browser that was sent to the provider, which insists on PKCE S256 and a new nonce,
    when Ada logs in there and it comes back with its cookie,
    then she is in, and the application gets back what it gave.
    """
    engine = open_on(name, honest.url, {"return_uris": ("https://app.example.com/home",)})
    begun = engine.redirects.begin(
        name, return_to="https://app.example.com/home", context={"tab": "7"}
    )

    answer = honest.press_log_in(begun.url, ADA)
    pending = engine.redirects.look(answer)
    end = engine.redirects.finish(answer, binding=begun.binding, provider=name)

    assert begun.cookie_name == engine.redirects.cookie_name(answer)
    assert "ada-1815" == end.user.identities[0].id
    assert "https://app.example.com/home" == pending.return_to == end.return_to
    assert {"tab": "7"} == pending.context == end.context
    assert end.log_in is not None
    assert end.user.id == engine.verify(end.log_in.access_token).user_id


def test_a_user_who_says_no_there_is_not_logged_in(honest: Honest, open_on: OpenOn) -> None:
    """
    Given a browser that was sent to the provider,
    when its user says no there,
    then the provider's own code says so, and nobody was made.
    """
    engine = open_on("oidc", honest.url)
    begun = engine.redirects.begin("oidc")

    with pytest.raises(ProviderRefused) as refused:
        engine.redirects.finish(honest.press_log_in(begun.url, None), binding=begun.binding)

    assert "access_denied" == refused.value.because
    assert engine.users.count() == 0


def test_o1_the_same_subject_at_two_issuers_is_two_users(
    honest: Honest, second_honest: Honest, open_on: OpenOn
) -> None:
    """
    Given one store, and Ada who came in by one issuer, with an address that counts as proved,
    when another issuer says the same subject and address,
    then that is somebody else: neither leads to her (security.md O1).
    """
    store = MemoryStore()
    by_issuer = [
        open_on("oidc", provider.url, {"trusts_addresses": True}, store=store)
        .log_in("oidc", id_token=provider.id_token_for_app(ADA, "o1"))
        .user
        for provider in (honest, second_honest)
    ]

    assert [f"{p.url}#ada-1815" for p in (honest, second_honest)] == [
        user.identities[0].login_key for user in by_issuer
    ]
    assert by_issuer[0].id != by_issuer[1].id


def test_o2_what_the_browser_is_sent_with_is_new_each_time(honest: Honest, open_on: OpenOn) -> None:
    """
    Given two log-ins that begin,
    when their URLs are compared,
    then state, nonce and challenge differ, and PKCE is S256; the cookie's value is in neither.
    """
    engine = open_on("oidc", honest.url)

    begun = [engine.redirects.begin("oidc") for _ in range(2)]

    one, other = (_query(b.url) for b in begun)
    for field in ("state", "nonce", "code_challenge"):
        assert one[field] != other[field]
        assert 43 <= len(one[field])
    assert "S256" == one["code_challenge_method"]
    assert begun[0].binding.reveal() not in begun[0].url


def _query(url: str) -> dict[str, Any]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_o2_an_answer_counts_once(honest: Honest, open_on: OpenOn) -> None:
    """
    Given a browser that came back and was logged in,
    when the same answer comes again,
    then nothing waits for it.
    """
    engine = open_on("oidc", honest.url)
    begun = engine.redirects.begin("oidc")
    answer = honest.press_log_in(begun.url, GRACE)
    engine.redirects.finish(answer, binding=begun.binding)

    with pytest.raises(RedirectInvalid) as refused:
        engine.redirects.finish(answer, binding=begun.binding)

    assert "unknown" == refused.value.because
