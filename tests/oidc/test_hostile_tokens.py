"""What a hostile provider, or whoever forges its tokens, is turned away with: in each mode.

By id token (an app hands it over), by code (the provider's server gives it for one), and through
the browser. Rules O3, J1–J4 of the security page.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

import pytest
from honest import OpenOn
from hostile_provider import (
    CLIENT,
    CLIENT_SECRET,
    OTHER_KEY,
    OWN_KEY,
    Hostile,
    encoded,
    hmac_signed,
    jwk,
    pem,
    sent_with,
    unsigned,
)

import admit
from admit.errors import WrongCredentials
from admit.testing import SettableClock

Mode = Literal["id token", "code", "redirect"]
MODES: list[Mode] = ["id token", "code", "redirect"]
Forge = Callable[[Hostile, str], str]
"""Makes a token for a nonce."""


def changed(**claims: object) -> Forge:
    """Return what makes a well-signed token with these claims changed, or taken away."""
    return lambda hostile, nonce: hostile.mint(hostile.claims(nonce, **claims))


def later(**seconds: float) -> Forge:
    """Return what makes a token whose times are so many seconds from now."""

    def forge(hostile: Hostile, nonce: str) -> str:
        now = hostile.clock.now().timestamp()
        return hostile.mint(
            hostile.claims(nonce, **{name: now + value for name, value in seconds.items()})
        )

    return forge


def with_header(**header: Any) -> Forge:
    """Return what makes a token that the attacker signed, whose header says how to believe it."""
    return lambda hostile, nonce: hostile.mint(
        hostile.claims(nonce), key=OTHER_KEY, kid="attacker", **header
    )


def _other_payload(hostile: Hostile, nonce: str) -> str:
    header, _, signature = hostile.mint(hostile.claims(nonce)).split(".")
    return f"{header}.{encoded(hostile.claims(nonce, sub='somebody-else'))}.{signature}"


FORGED: dict[str, Forge] = {
    # Who: O3.
    "another issuer": changed(iss="https://accounts.example.net"),
    "an issuer that only begins so": lambda h, nonce: h.mint(
        h.claims(nonce, iss=f"{h.url}.example.net")
    ),
    "no issuer": changed(iss=None),
    "another audience": changed(aud="somebody-else"),
    "no audience": changed(aud=None),
    "an empty audience": changed(aud=[]),
    "a second audience that is not ours": changed(aud=[CLIENT, "somebody-else"], azp=CLIENT),
    "two audiences and no azp": changed(aud=[CLIENT, CLIENT]),
    "another azp": changed(azp="somebody-else"),
    "an azp that is no text": changed(azp=[CLIENT]),
    "no subject": changed(sub=None),
    "an empty subject": changed(sub=""),
    "a subject that is no text": changed(sub=1815),
    "a subject with a line break": changed(sub="ada\n1815"),
    "a subject that is too long": changed(sub="a" * 256),
    # When: J3.
    "expired": later(exp=-60),
    "no exp": changed(exp=None),
    "an exp that is text": changed(exp="4102444800"),
    "an exp that is a truth": changed(exp=True),
    "an exp beyond all numbers": changed(exp=10**400),
    "issued in the future": later(iat=61),
    "no iat": changed(iat=None),
    "not good yet": later(nbf=61),
    # Asked for by which request: O2.
    "another nonce": changed(nonce="another nonce"),
    "no nonce": changed(nonce=None),
    "a nonce that is no text": changed(nonce=["a nonce"]),
    # Signature and algorithm: J1.
    "alg none": lambda h, nonce: unsigned(h.claims(nonce)),
    "alg None in capitals": lambda h, nonce: unsigned(h.claims(nonce), "NONE"),
    "HS256 with the public key as the secret": lambda h, nonce: hmac_signed(
        h.claims(nonce), pem(OWN_KEY)
    ),
    "HS256 with the client secret": lambda h, nonce: hmac_signed(
        h.claims(nonce), CLIENT_SECRET.encode()
    ),
    "an algorithm that its key is not for": lambda h, nonce: h.mint(
        h.claims(nonce), algorithm="PS256"
    ),
    "another key under the known kid": lambda h, nonce: h.mint(h.claims(nonce), key=OTHER_KEY),
    "another key and no kid": lambda h, nonce: h.mint(h.claims(nonce), key=OTHER_KEY, kid=None),
    "a kid that nobody knows": lambda h, nonce: h.mint(h.claims(nonce), kid="unheard-of"),
    "no signature": lambda h, nonce: h.mint(h.claims(nonce)).rpartition(".")[0] + ".",
    "another payload": _other_payload,
    # Headers that nobody looks at, J4, and other kinds, J2.
    "its own key in the header": with_header(jwk=jwk(OTHER_KEY, "attacker")),
    "a key set of its own": with_header(jku="https://attacker.example.net/keys"),
    "a certificate of its own": with_header(x5u="https://attacker.example.net/certificate"),
    "a critical header": lambda h, nonce: h.mint(h.claims(nonce), crit=["b64"], b64=True),
    "an access token": lambda h, nonce: h.mint(h.claims(nonce), typ="at+jwt"),
    "a log-out token": changed(events={"http://schemas.openid.net/event/backchannel-logout": {}}),
    # No token at all.
    "two parts": lambda h, nonce: "e30.e30",
    "no JSON": lambda h, nonce: f"{encoded(b'not JSON')}.{encoded(b'neither')}.AAAA",
    "a header nested without end": lambda h, nonce: f"{encoded(b'[' * 9000)}.e30.AAAA",
    "a list": lambda h, nonce: f"{encoded([])}.{encoded([])}.AAAA",
    "too long": lambda h, nonce: h.mint(h.claims(nonce, filler="x" * 12_000)),
    "letters of another script": lambda h, nonce: "é.é.é",
}


def come_in(engine: admit.Engine, hostile: Hostile, mode: Mode, forge: Forge) -> admit.User:
    """Log in with what *forge* makes, in one of the three modes."""
    if mode == "id token":
        token = forge(hostile, "a nonce")
        return engine.log_in("oidc", id_token=token, nonce="a nonce").user
    if mode == "code":
        hostile.token_answer["id_token"] = forge(hostile, "a nonce")
        return engine.log_in("oidc", auth_code="a code", nonce="a nonce").user
    begun = engine.redirects.begin("oidc")
    sent = sent_with(begun)
    hostile.token_answer["id_token"] = forge(hostile, sent["nonce"])
    answer = {"code": "a code", "state": sent["state"]}
    return engine.redirects.finish(answer, binding=begun.binding).user


@pytest.fixture
def engine(hostile: Hostile, open_on: OpenOn, clock: SettableClock) -> admit.Engine:
    """An engine that believes the provider, and its addresses."""
    return open_on("oidc", hostile.url, {"trusts_addresses": True}, clock=clock)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("forged", FORGED)
def test_o3_j1_a_forged_token_is_turned_away(
    forged: str, mode: Mode, engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given a token that is good but for one thing,
    when somebody comes with it,
    then she is refused as for any wrong credentials, and nobody was made.
    """
    with pytest.raises(WrongCredentials):
        come_in(engine, hostile, mode, FORGED[forged])

    assert engine.users.count() == 0


@pytest.mark.parametrize("mode", MODES)
def test_a_token_of_that_provider_with_nothing_wrong_is_taken(
    mode: Mode, engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given the same provider,
    when it tells no lie,
    then she is in: what is turned away above is turned away for its one flaw.
    """
    user = come_in(engine, hostile, mode, changed())

    assert "ada-1815" == user.identities[0].id


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "skewed",
    [later(exp=-59), later(iat=60), later(nbf=60), changed(aud=[CLIENT]), changed(azp=CLIENT)],
    ids=["expired 59 s ago", "issued in 60 s", "good in 60 s", "a list of one", "azp is ours"],
)
def test_j3_a_clock_may_be_off_by_a_minute(
    mode: Mode, skewed: Forge, engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given a token at the edge of what is allowed,
    when somebody comes with it,
    then she is in.
    """
    assert "confirmed" == come_in(engine, hostile, mode, skewed).state


def test_o3_a_token_for_one_of_our_apps_is_taken_by_id_token_alone(
    hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given an app of ours that has a client id of its own,
    when its id token comes, it is taken;
    when the provider gives it for a code of the web client, it is not.
    """
    engine = open_on("oidc", hostile.url, {"other_client_ids": ("the-app",)}, clock=clock)
    for_the_app = changed(aud="the-app", azp="the-app")

    come_in(engine, hostile, "id token", for_the_app)
    for mode in MODES[1:]:
        with pytest.raises(WrongCredentials):
            come_in(engine, hostile, mode, for_the_app)


def test_why_a_token_was_refused_stands_in_the_log_without_the_token(
    engine: admit.Engine, hostile: Hostile, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Given an operator who wonders,
    when a token is refused,
    then the log says why, and quotes nothing of it.
    """
    caplog.set_level("INFO", "admit.oidc")
    token = hostile.mint(hostile.claims("a nonce", aud="somebody-else"))

    with pytest.raises(WrongCredentials):
        engine.log_in("oidc", id_token=token)

    assert "oidc: an id token was refused: it is for another client" in caplog.messages
    assert token not in caplog.text
    assert "somebody-else" not in caplog.text


def test_a_refused_log_in_is_recorded(engine: admit.Engine, hostile: Hostile) -> None:
    """
    Given a forged token,
    when it was refused in each mode,
    then the trail has three refusals (security.md A6).
    """
    for mode in MODES:
        with pytest.raises(WrongCredentials):
            come_in(engine, hostile, mode, FORGED["alg none"])

    refused = [e.trigger for e in engine.events.unsealed() if "refused" in e.trigger]
    assert ["log-in-refused", "log-in-refused", "refused"] == refused


def test_o2_a_redirect_is_good_for_its_lifetime(
    engine: admit.Engine, hostile: Hostile, clock: SettableClock
) -> None:
    """
    Given a browser that was sent away,
    when it comes back after ten minutes,
    then nothing waits for it any more, and the sweep removes what was left.
    """
    begun = engine.redirects.begin("oidc")
    answer = hostile.answer(begun)
    clock.advance(timedelta(minutes=10))

    with pytest.raises(admit.errors.RedirectInvalid):
        engine.redirects.finish(answer, binding=begun.binding)

    assert begun.expires_at == clock.now()
    assert engine.sweep()
