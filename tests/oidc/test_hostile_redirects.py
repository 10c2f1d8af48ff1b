"""O2, O3, T7: what a browser brings back counts once, there, and of whom it was asked."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import pytest
from honest import OpenOn
from hostile_provider import (
    CALLBACK,
    Hostile,
    sent_with,
)

import admit
from admit.errors import (
    InvalidInput,
    RedirectInvalid,
    WrongCredentials,
)
from admit.masked import Secret
from admit.plugins.oidc.generic import OpenIdPlugin
from admit.testing import SettableClock

NONCE = "a nonce"


@pytest.fixture
def engine(hostile: Hostile, open_on: OpenOn, clock: SettableClock) -> admit.Engine:
    """An engine that believes the provider."""
    return open_on("oidc", hostile.url, clock=clock)


def test_o2_an_answer_in_another_browser_is_turned_away(
    engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given an attacker who sends a victim the link with her own answer,
    when the victim's browser brings it, without a cookie or with that of a log-in of its own,
    then nobody is logged in; the attacker's own browser still may.
    """
    attackers, victims = engine.redirects.begin("oidc"), engine.redirects.begin("oidc")
    answer = hostile.answer(attackers)

    for binding in (None, "", victims.binding, Secret("x" * 43)):
        with pytest.raises(RedirectInvalid) as refused:
            engine.redirects.finish(answer, binding=binding)
        assert "other-browser" == refused.value.because
    assert hostile.asked["/token"] == 0
    assert "ada-1815" == (
        engine.redirects.finish(answer, binding=attackers.binding).user.identities[0].id
    )


@pytest.mark.parametrize("state", [None, "", "guessed", "x" * 43, "\ud800", "\0"])
def test_o2_a_state_that_nobody_was_sent_with_is_turned_away(
    state: str | None, engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given a redirect that waits,
    when an answer comes with no state, or a guessed one,
    then it is refused, and the provider was not asked.
    """
    begun = engine.redirects.begin("oidc")
    answer = {"code": "a code", **({} if state is None else {"state": state})}

    with pytest.raises((RedirectInvalid, InvalidInput)):
        engine.redirects.finish(answer, binding=begun.binding)

    assert hostile.asked["/token"] == 0


def test_o2_of_two_answers_at_once_one_counts(engine: admit.Engine, hostile: Hostile) -> None:
    """
    Given one answer that comes from eight threads at once,
    when all of them finish,
    then one logged in, and the code was exchanged once.
    """
    begun = engine.redirects.begin("oidc")
    answer = hostile.answer(begun)
    together = threading.Barrier(8)

    def finish(_: int) -> bool:
        together.wait(10)
        try:
            engine.redirects.finish(answer, binding=begun.binding)
        except RedirectInvalid:
            return False
        return True

    with ThreadPoolExecutor(8) as browsers:
        assert sum(browsers.map(finish, range(8))) == 1
    assert hostile.asked["/token"] == 1


def test_o2_the_verifier_proves_who_began(engine: admit.Engine, hostile: Hostile) -> None:
    """
    Given a redirect,
    when its code is exchanged,
    then the verifier goes along that the challenge was made of, and the callback it was begun with.
    """
    begun = engine.redirects.begin("oidc")
    engine.redirects.finish(hostile.answer(begun), binding=begun.binding)

    form = {name: values[0] for name, values in parse_qs(hostile.forms[0]).items()}
    assert CALLBACK == form["redirect_uri"] == sent_with(begun)["redirect_uri"]
    assert challenge_of(form["code_verifier"]) == sent_with(begun)["code_challenge"]


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge, written down once more (RFC 7636 §4.2)."""
    import base64
    import hashlib

    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).decode().replace("=", "")


def test_o3_an_answer_of_another_issuer_is_turned_away(
    engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given an answer that names another issuer than the one asked (RFC 9207),
    when it comes,
    then its code goes to nobody, and the redirect is used up.
    """
    begun = engine.redirects.begin("oidc")
    answer = {**hostile.answer(begun), "iss": "https://attacker.example.net"}

    with pytest.raises(RedirectInvalid) as refused:
        engine.redirects.finish(answer, binding=begun.binding)

    assert "other-provider" == refused.value.because
    assert hostile.asked["/token"] == 0
    with pytest.raises(RedirectInvalid):
        engine.redirects.finish(hostile.answer(begun), binding=begun.binding)


@pytest.mark.parametrize("answer", [{"code": "a code"}, {"error": "access_denied"}])
def test_o3_an_issuer_that_names_itself_always_does(
    answer: dict[str, str], engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given an issuer that says it names itself in each answer,
    when one comes that does not, be it a code or an error,
    then it is not that issuer's.
    """
    hostile.discovery["authorization_response_iss_parameter_supported"] = True
    begun = engine.redirects.begin("oidc")

    with pytest.raises(RedirectInvalid):
        engine.redirects.finish(
            {**answer, "state": sent_with(begun)["state"]}, binding=begun.binding
        )


def test_o3_the_callback_of_one_provider_takes_no_answer_for_another(
    hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given two providers, one of them hostile, each with a callback of its own,
    when a browser that was sent to one comes back at the other's callback,
    then its code goes to neither.
    """
    engine = open_on("oidc", hostile.url, clock=clock, plugins=(OpenIdPlugin("oidc-second"),))
    begun = engine.redirects.begin("oidc")

    with pytest.raises(RedirectInvalid) as refused:
        engine.redirects.finish(
            hostile.answer(begun), binding=begun.binding, provider="oidc-second"
        )

    assert "other-provider" == refused.value.because
    assert hostile.asked["/token"] == 0


@pytest.mark.parametrize("field", ["redirect_uri", "return_to"])
@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/callback",
        f"{CALLBACK}/",
        f"{CALLBACK}?next=https://evil.example",
        f"{CALLBACK}.evil.example",
        CALLBACK.upper(),
        "",
        "//evil.example",
    ],
)
def test_t7_a_browser_is_sent_only_where_the_list_says(
    uri: str, field: str, engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given a list of one callback and no place to return to,
    when a log-in is begun for another,
    then it is refused: URIs are compared as they are.
    """
    asked: dict[str, Any] = {field: uri}

    with pytest.raises(InvalidInput, match=field):
        engine.redirects.begin("oidc", **asked)


def test_t7_without_a_name_the_only_callback_is_meant(
    hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given two callbacks on the list,
    when a log-in is begun without naming one,
    then it is refused; each can be named.
    """
    both = (CALLBACK, "https://app.example.com/other")
    engine = open_on("oidc", hostile.url, {"redirect_uris": both}, clock=clock)

    with pytest.raises(InvalidInput, match="redirect_uri"):
        engine.redirects.begin("oidc")
    assert list(both) == [
        sent_with(engine.redirects.begin("oidc", redirect_uri=uri))["redirect_uri"] for uri in both
    ]


def test_what_strangers_give_to_a_redirect_is_bounded(engine: admit.Engine) -> None:
    """
    Given a context that is longer than 2,000 characters,
    when a log-in is begun with it,
    then it is refused, and nothing waits in the store.
    """
    with pytest.raises(InvalidInput, match="context"):
        engine.redirects.begin("oidc", context={"state": "x" * 1000, "more": "y" * 1000})


def test_only_a_provider_with_a_browser_way_can_be_gone_to(engine: admit.Engine) -> None:
    """
    Given a provider of passwords,
    when a browser is to be sent there,
    then those that can be are listed.
    """
    with pytest.raises(admit.errors.UnknownName) as unknown:
        engine.redirects.begin("local-userpass")

    assert "oidc" in unknown.value.known


def test_json_of_an_answer_has_no_constants_of_its_own(
    engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given a token whose times are JSON's unofficial Infinity,
    when it comes,
    then it is refused.
    """
    claims = json.loads(json.dumps(hostile.claims(NONCE)))
    claims["exp"] = float("inf")

    with pytest.raises(WrongCredentials):
        engine.log_in("oidc", id_token=hostile.mint(claims), nonce=NONCE)
