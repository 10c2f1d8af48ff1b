"""Log in with Facebook: no id token, so that two answers of its API are the proof."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from graph_server import APP, APP_SECRET, GraphServer, graph_serving
from hostile_provider import CALLBACK, sent_with

import admit
from admit.errors import (
    InvalidInput,
    InvalidSetting,
    NotConfigured,
    ProviderFailed,
    ProviderRefused,
    WrongCredentials,
)
from admit.masked import Secret
from admit.testing import CHEAP_HASHING, KEY, MemoryStore, SettableClock

FACEBOOK = "oauth2-facebook"
OpenFacebook = Callable[..., admit.Engine]


@pytest.fixture
def graph() -> Iterator[GraphServer]:
    """Facebook."""
    with graph_serving() as server:
        yield server


@pytest.fixture
def open_facebook(graph: GraphServer, clock: SettableClock) -> Iterator[OpenFacebook]:
    """Open an engine that asks it."""
    opened: list[admit.Engine] = []

    def open_engine(**changed: object) -> admit.Engine:
        settings = {
            "enabled": True,
            "client_id": APP,
            "client_secret": Secret(APP_SECRET),
            "graph_url": graph.url,
            "dialog_url": f"{graph.url}/dialog/oauth",
            "redirect_uris": (CALLBACK,),
            **changed,
        }
        named = {f"{FACEBOOK}.{name}": value for name, value in settings.items()}
        engine = admit.open(
            MemoryStore(),
            key=KEY,
            settings={**CHEAP_HASHING, **named},
            plugins=["admit.plugins.oidc.facebook"],
            discover=False,
            clock=clock,
            worker=False,
        )
        opened.append(engine)
        return engine

    yield open_engine
    for engine in opened:
        engine.close()


Mode = Callable[[admit.Engine, GraphServer], admit.User]


def by_token(engine: admit.Engine, graph: GraphServer) -> admit.User:
    """Log in as an app does that has an access token."""
    return engine.log_in(FACEBOOK, access_token=graph.TOKEN).user


def by_code(engine: admit.Engine, graph: GraphServer) -> admit.User:
    """Log in as an app does that has a code."""
    return engine.log_in(FACEBOOK, auth_code=graph.CODE).user


def by_redirect(engine: admit.Engine, graph: GraphServer) -> admit.User:
    """Log in through the browser."""
    begun = engine.redirects.begin(FACEBOOK)
    sent = sent_with(begun)
    graph.challenge, graph.redirect_uri = sent["code_challenge"], sent["redirect_uri"]
    answer = {"code": graph.CODE, "state": sent["state"]}
    return engine.redirects.finish(answer, binding=begun.binding).user


MODES: dict[str, Mode] = {"access token": by_token, "code": by_code, "redirect": by_redirect}


@pytest.mark.parametrize("mode", MODES)
def test_h5_facebook_logs_in_and_proves_no_address(
    mode: str, graph: GraphServer, open_facebook: OpenFacebook
) -> None:
    """
    Given Facebook, which wants its app's secret, a proof of it with each token, and PKCE,
    when Ada comes in, twice,
    then she is one user with her data; her address is not proved, for it does not say (H5).
    """
    engine = open_facebook()

    first, second = MODES[mode](engine, graph), MODES[mode](engine, graph)

    assert first.id == second.id
    assert "18151210" == second.identities[0].id
    assert {
        "name": "Ada Lovelace",
        "first_name": "Ada",
        "email": "ada@example.com",
        "picture": "https://img.example.com/ada",
    } == second.identities[0].data
    assert second.address is not None
    assert second.address.proved_at is None


BAD_TOKENS: dict[str, dict[str, Any]] = {
    "made for another application": {"app_id": "666"},
    "not valid": {"is_valid": False},
    "valid in words": {"is_valid": "true"},
    "a page's": {"type": "PAGE"},
    "expired": {"expires_at": 1},
    "an expiry that is text": {"expires_at": "0"},
    "nobody's": {"user_id": None},
    "somebody's whose id is no number": {"user_id": "ada"},
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bad", BAD_TOKENS)
def test_o3_a_token_that_is_not_for_us_is_turned_away(
    bad: str, mode: str, graph: GraphServer, open_facebook: OpenFacebook
) -> None:
    """
    Given an access token that Facebook itself gave, but of which it says this,
    when somebody comes with it,
    then she is refused: above all with a token that another application was given.
    """
    engine = open_facebook()
    graph.token.update(BAD_TOKENS[bad])

    with pytest.raises(WrongCredentials):
        MODES[mode](engine, graph)

    assert engine.users.count() == 0


def test_a_token_that_facebook_does_not_know_is_refused(open_facebook: OpenFacebook) -> None:
    """
    Given a made-up access token, and a made-up code,
    when somebody comes with either,
    then she is refused.
    """
    engine = open_facebook()

    for made_up in ({"access_token": "made up"}, {"auth_code": "made up"}):
        with pytest.raises(WrongCredentials):
            engine.log_in(FACEBOOK, **made_up)


def test_o3_two_answers_about_two_people_are_none(
    graph: GraphServer, open_facebook: OpenFacebook
) -> None:
    """
    Given a server that says one person's token is another's,
    when she comes in,
    then the provider failed.
    """
    engine = open_facebook()
    graph.person["id"] = "666"

    with pytest.raises(ProviderFailed, match="two people"):
        by_token(engine, graph)


def test_o2_a_code_goes_with_the_verifier_of_its_browser(
    graph: GraphServer, open_facebook: OpenFacebook
) -> None:
    """
    Given a code that was stolen from another browser,
    when it comes with this browser's state,
    then PKCE makes it worthless.
    """
    engine = open_facebook()
    begun = engine.redirects.begin(FACEBOOK)
    graph.challenge, graph.redirect_uri = "the challenge of another browser", CALLBACK
    answer = {"code": graph.CODE, "state": sent_with(begun)["state"]}

    with pytest.raises(WrongCredentials):
        engine.redirects.finish(answer, binding=begun.binding)


def test_a_user_who_says_no_at_facebook_is_not_logged_in(open_facebook: OpenFacebook) -> None:
    """
    Given a browser that was sent to Facebook,
    when it comes back with an error,
    then that is said.
    """
    engine = open_facebook()
    begun = engine.redirects.begin(FACEBOOK)
    answer = {"error": "access_denied", "state": sent_with(begun)["state"]}

    with pytest.raises(ProviderRefused, match="access_denied"):
        engine.redirects.finish(answer, binding=begun.binding)


@pytest.mark.parametrize(
    ("changed", "error", "because"),
    [
        ({"client_secret": None}, NotConfigured, "client_secret"),
        ({"client_secret": Secret("another")}, ProviderFailed, "error 104"),
        ({"graph_url": "http://graph.example.net"}, InvalidSetting, "graph_url"),
        ({"graph_url": "https://127.0.0.1:1"}, ProviderFailed, "could not be reached"),
    ],
)
def test_what_is_wrong_with_the_settings_is_said(
    changed: dict[str, object],
    error: type[Exception],
    because: str,
    graph: GraphServer,
    open_facebook: OpenFacebook,
) -> None:
    """
    Given a setting that is missing or wrong,
    when somebody comes in,
    then that is said, without any secret.
    """
    engine = open_facebook(**changed)

    with pytest.raises(error, match=because) as raised:
        by_token(engine, graph)

    assert graph.TOKEN not in str(raised.value)
    assert APP_SECRET not in repr(raised.value)


def test_t7_browsers_are_sent_to_an_https_page_alone(open_facebook: OpenFacebook) -> None:
    """
    Given a dialog over plain http on another machine, and no callback,
    when a log-in is begun,
    then the setting is named.
    """
    with pytest.raises(InvalidSetting, match="dialog_url"):
        open_facebook(dialog_url="http://www.example.net/dialog").redirects.begin(FACEBOOK)
    with pytest.raises(NotConfigured, match="redirect_uris"):
        open_facebook(redirect_uris=()).redirects.begin(FACEBOOK)


def test_t7_a_code_is_exchanged_with_our_own_callback_alone(open_facebook: OpenFacebook) -> None:
    """
    Given a stranger with a code that another site got,
    when she names that site's callback,
    then she is refused.
    """
    with pytest.raises(InvalidInput, match="redirect_uri"):
        open_facebook().log_in(
            FACEBOOK, auth_code="a code", redirect_uri="https://evil.example/callback"
        )
