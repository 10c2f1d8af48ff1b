"""A logged-in user links one more identity through the browser. Rules O2, O6."""

from __future__ import annotations

from datetime import timedelta

import pytest
from honest import OpenOn
from hostile_provider import Hostile

import admit
from admit.errors import (
    FreshLogInNeeded,
    IdentityTaken,
    LogInRefused,
    RedirectInvalid,
    SessionInvalid,
    WrongCredentials,
)
from admit.testing import SettableClock

PASSWORD = "correct horse battery staple"


@pytest.fixture
def engine(hostile: Hostile, open_on: OpenOn, clock: SettableClock) -> admit.Engine:
    """An engine that confirms registrations at once, and believes the provider."""
    engine = open_on("oidc", hostile.url, clock=clock)
    engine.settings.set("confirmation_flow", "auto")
    return engine


def registered(engine: admit.Engine, name: str) -> admit.LogIn:
    """Register somebody, and log in."""
    engine.register(f"{name}@example.com", PASSWORD)
    return engine.log_in("local-userpass", username=f"{name}@example.com", password=PASSWORD)


@pytest.mark.parametrize("proof", ["cookie", "session"])
def test_o2_a_link_is_bound_to_the_callers_browser_or_session(
    proof: str, engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given Ada, logged in by password, who was sent to link an identity,
    when her browser comes back with its cookie, or with her access token,
    then she has both identities, her session goes on, and either opens the door.
    """
    login = registered(engine, "ada")
    begun = engine.redirects.begin_link("oidc", access_token=login.access_token)
    answer = hostile.answer(begun)
    assert engine.redirects.look(answer).links

    end = engine.redirects.finish(
        answer,
        binding=begun.binding if proof == "cookie" else None,
        access_token=login.access_token if proof == "session" else None,
    )

    assert end.log_in is None
    assert ["local-userpass", "oidc"] == [i.provider for i in end.user.identities]
    assert login.user.id == engine.verify(login.access_token).user_id
    assert login.session.id == engine.verify(end.access_token).session_id
    token = hostile.mint(hostile.claims("n"))
    assert login.user.id == engine.log_in("oidc", id_token=token).user.id


def test_o2_a_victims_browser_does_not_link_her_identity_to_an_attacker(
    engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given an attacker who began a link and had a victim log in at the provider with its URL,
    when the victim's browser comes back, without a cookie, or with the victim's own session,
    then nothing is linked: she does not end up in the attacker's account.
    """
    attacker, victim = registered(engine, "eve"), registered(engine, "ada")
    begun = engine.redirects.begin_link("oidc", access_token=attacker.access_token)
    answer = hostile.answer(begun)

    for access_token in (None, victim.access_token):
        with pytest.raises(RedirectInvalid) as refused:
            engine.redirects.finish(answer, binding=None, access_token=access_token)
        assert "other-browser" == refused.value.because

    for login in (attacker, victim):
        assert 1 == len(engine.users.get(login.user.id).identities)


def test_a_session_that_ended_meanwhile_links_nothing(
    engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given a user who was sent to link an identity,
    when her session, all her sessions, or her account ended before she came back,
    then nothing is linked.
    """
    for name in ("one", "all", "deleted"):
        login = registered(engine, name)
        begun = engine.redirects.begin_link("oidc", access_token=login.access_token)
        if name == "one":
            engine.log_out(login.refresh_token)
        elif name == "all":
            engine.log_out_all(login.user)
        else:
            engine.delete(login.user)

        with pytest.raises(SessionInvalid):
            engine.redirects.finish(hostile.answer(begun, sub=name), binding=begun.binding)

    assert engine.users.count() == 2


def test_o6_a_link_needs_a_fresh_log_in(
    engine: admit.Engine, hostile: Hostile, clock: SettableClock
) -> None:
    """
    Given a user who logged in six minutes ago,
    when she wants to link an identity,
    then she has to log in again; before, and without a session, nobody is sent anywhere.
    """
    login = registered(engine, "ada")
    clock.advance(timedelta(minutes=6))

    with pytest.raises(FreshLogInNeeded):
        engine.redirects.begin_link("oidc", access_token=login.access_token)
    with pytest.raises(SessionInvalid):
        engine.redirects.begin_link("oidc", access_token="no token")


def test_an_identity_of_somebody_else_is_not_linked(engine: admit.Engine, hostile: Hostile) -> None:
    """
    Given an identity that logs another user in,
    when a user wants to link it, with right and with wrong tokens,
    then she is told that it is taken, or that the credentials are wrong; through `public`, too.
    """
    engine.log_in("oidc", id_token=hostile.mint(hostile.claims("n")))
    login = registered(engine, "grace")
    expected = {
        engine.redirects: WrongCredentials,
        engine.public.redirects: LogInRefused,
    }

    for redirects, wrong in expected.items():
        begun = redirects.begin_link("oidc", access_token=login.access_token)
        with pytest.raises(IdentityTaken):
            redirects.finish(hostile.answer(begun), binding=begun.binding)
        begun = redirects.begin_link("oidc", access_token=login.access_token)
        with pytest.raises(wrong) as refused:
            redirects.finish(hostile.answer(begun, aud="another"), binding=begun.binding)
        assert type(refused.value) is wrong


def test_a_session_opens_no_log_in_of_another_browser(
    engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given a log-in, not a link, that another browser began,
    when a logged-in user's browser brings its answer with her access token,
    then it is refused: a session stands for the browser in a link alone.
    """
    login = registered(engine, "ada")
    begun = engine.redirects.begin("oidc")

    with pytest.raises(RedirectInvalid):
        engine.redirects.finish(
            hostile.answer(begun), binding=None, access_token=login.access_token
        )


@pytest.mark.parametrize("face", ["engine", "public"])
def test_o2_a_link_is_not_finished_in_the_session_of_another_user(
    face: str, engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given a shared browser in which one user began a link, and another one has logged in since,
    when it comes back with the cookie and the other one's access token,
    then nothing is linked, to neither; and the answer is good yet for who asked.
    """
    grace, ada = registered(engine, "grace"), registered(engine, "ada")
    redirects = {"engine": engine.redirects, "public": engine.public.redirects}[face]
    begun = redirects.begin_link("oidc", access_token=grace.access_token)
    answer = hostile.answer(begun)

    with pytest.raises(RedirectInvalid) as refused:
        redirects.finish(answer, binding=begun.binding, access_token=ada.access_token)

    assert "other-browser" == refused.value.because
    for login in (grace, ada):
        assert 1 == len(engine.users.get(login.user.id).identities)
    end = redirects.finish(answer, binding=begun.binding, access_token=grace.access_token)
    assert grace.user.id == end.user.id


def test_o2_a_link_may_be_finished_in_a_later_session_of_the_same_user(
    engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given a user who logged in once more in the browser in which she began a link,
    when it comes back with the cookie and the newer access token, then it is linked; without the
    cookie the newer session is not the one that asked.
    """
    first = registered(engine, "grace")
    later = engine.log_in("local-userpass", username="grace@example.com", password=PASSWORD)
    begun = engine.redirects.begin_link("oidc", access_token=first.access_token)
    answer = hostile.answer(begun)

    with pytest.raises(RedirectInvalid):
        engine.redirects.finish(answer, binding=None, access_token=later.access_token)
    end = engine.redirects.finish(answer, binding=begun.binding, access_token=later.access_token)

    assert ["local-userpass", "oidc"] == [i.provider for i in end.user.identities]


def test_o2_a_link_with_a_dead_token_is_refused_in_spite_of_the_cookie(
    engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given a browser that began a link,
    when it comes back with its cookie and a token that opens nothing, then nothing is linked.
    """
    login = registered(engine, "grace")
    begun = engine.redirects.begin_link("oidc", access_token=login.access_token)

    with pytest.raises(SessionInvalid):
        engine.redirects.finish(
            hostile.answer(begun), binding=begun.binding, access_token="no token"
        )

    assert 1 == len(engine.users.get(login.user.id).identities)
