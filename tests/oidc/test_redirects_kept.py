"""What a redirect leaves behind: in the store, in the log, in the trail. Rules T3, O2, A6."""

from __future__ import annotations

import logging
from datetime import timedelta

import attrs
import pytest
from honest import ADA, Honest, OpenOn
from honest_provider import SECRET
from hostile_provider import Hostile, sent_with

import admit
from admit import care
from admit.errors import (
    LogInRefused,
    ProviderRefused,
    RedirectInvalid,
    TryLater,
    UserDisabled,
    WrongCredentials,
)
from admit.records import Client
from admit.stores import Change
from admit.testing import KEY, MemoryStore, SettableClock
from admit.testing.contracts.opened import all_text


def test_t3_nothing_of_a_redirect_is_found_anywhere(
    honest: Honest, open_on: OpenOn, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Given the log at its most talkative,
    when a browser was sent, came back and was logged in, and an answer was refused,
    then state, cookie, code and secret stand in no record, event, error, `repr` or line of it.
    """
    caplog.set_level(logging.DEBUG)
    store = MemoryStore()
    written: list[Change] = []
    store.before_commit = written.append
    engine = open_on("oidc", honest.url, store=store)
    begun = engine.redirects.begin("oidc")
    answer = honest.press_log_in(begun.url, ADA)
    said = [repr(begun), repr(engine.redirects.finish(answer, binding=begun.binding))]
    with pytest.raises(RedirectInvalid) as refused:
        engine.redirects.finish(answer, binding=begun.binding)

    logged = [r.getMessage() for r in caplog.records if not r.name.startswith("http")]  # not ours
    found = "\n".join([*said, f"{refused.value!r}", *logged, all_text(written)])
    sent = sent_with(begun)
    for secret in (sent["state"], sent["nonce"], begun.binding.reveal(), answer["code"], SECRET):
        assert secret not in found


def test_a_redirect_under_way_is_lost_with_the_engine_key_alone(
    hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given a browser under way when the engine is opened with a new key,
    when it comes back, it is logged in if the old key is still in the ring, and else begins again.
    """

    class StaysOpen(MemoryStore):
        def close(self) -> None:
            """Stay, for the next engine."""

    settings = {
        "oidc.enabled": "true",
        "oidc.issuer": hostile.url,
        "oidc.client_id": "the-client",
        "oidc.redirect_uris": "https://app.example.com/callback",
    }
    new = bytes(reversed(range(32)))

    def opened(store: MemoryStore, key: list[bytes]) -> admit.Engine:
        return admit.open(store, key=key, settings=settings, clock=clock, worker=False)

    store = StaysOpen()
    with opened(store, [KEY]) as engine:
        first, second = engine.redirects.begin("oidc"), engine.redirects.begin("oidc")
    with opened(store, [new, KEY]) as engine:
        end = engine.redirects.finish(hostile.answer(first), binding=first.binding)
        assert "confirmed" == end.user.state
    with opened(store, [new]) as engine, pytest.raises(RedirectInvalid):
        engine.redirects.finish(hostile.answer(second), binding=second.binding)


def test_what_waits_can_be_checked_copied_and_swept(
    hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given a redirect that waits,
    when the store is checked, nothing is wrong with it, until its end is spoiled;
    when its time is over, the sweep takes it.
    """
    store = MemoryStore()
    engine = open_on("oidc", hostile.url, store=store, clock=clock)
    engine.redirects.begin("oidc")
    keys = care.keys_of(store, KEY)

    assert [] == list(care.check(store, keys, clock=clock))
    [record] = store.page("oauth-state", "until").items
    assert isinstance(record.body, dict)
    binding = record.body.pop("binding")
    assert ["unreadable"] == [finding.code for finding in care.check(store, keys, clock=clock)]
    record.body["binding"] = binding
    clock.advance(timedelta(minutes=11))
    engine.sweep()
    assert () == store.page("oauth-state", "until").items


@pytest.mark.parametrize("kind", ["disabled", "vetoed", "wrong", "no", "nobody's"])
def test_e1_strangers_learn_from_the_public_face_what_is_theirs(
    kind: str, hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given answers of every kind,
    when a web handler finishes them through `public`,
    then what is about the browser's own answer keeps its error, what is about an account is folded
    into one, with `because` after right credentials.
    """
    engine = open_on("oidc", hostile.url, clock=clock)
    begun = engine.public.redirects.begin("oidc")
    if kind == "disabled":
        user = engine.log_in("oidc", id_token=hostile.mint(hostile.claims("n"))).user
        engine.disable(user)
    answer = hostile.answer(begun, aud="another" if kind == "wrong" else "the-client")
    if kind == "no":
        answer = {"error": "access_denied", "state": answer["state"]}
    binding = "another" if kind == "nobody's" else begun.binding
    if kind == "vetoed":
        engine.settings.set("oidc.allow_new_users", False)
    expected: dict[str, tuple[type[admit.AdmitError], str | None]] = {
        "disabled": (LogInRefused, "disabled"),
        "vetoed": (admit.errors.NewUsersRefused, None),
        "wrong": (LogInRefused, None),
        "no": (ProviderRefused, "access_denied"),
        "nobody's": (RedirectInvalid, "other-browser"),
    }

    with pytest.raises(admit.AdmitError) as raised:
        engine.public.redirects.finish(answer, binding=binding)

    told = type(raised.value), getattr(raised.value, "because", None)
    assert expected[kind] == told


def test_e2_strangers_begin_only_so_many(
    hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given one client that begins log-ins without end,
    when it has made as many requests as the setting says,
    then it is told to wait; another client is not.
    """
    engine = open_on("oidc", hostile.url, clock=clock)
    engine.settings.set("requests_per_client", 10)

    def public_of(address: str) -> admit.public.PublicFace:
        stranger = engine.acting(admit.Actor("user"), client=Client(address=address))
        return stranger.public

    for _ in range(10):
        public_of("192.0.2.1").redirects.begin("oidc")
    with pytest.raises(TryLater):
        public_of("192.0.2.1").redirects.begin("oidc")
    assert public_of("192.0.2.2").redirects.begin("oidc").url


def test_a6_what_is_refused_is_in_the_trail(
    hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given a browser that comes back with a wrong token, and with an answer that nothing waits for,
    when both were refused,
    then the trail says so; a log-in is recorded like any other.
    """
    engine = open_on("oidc", hostile.url, clock=clock)
    first, second = engine.redirects.begin("oidc"), engine.redirects.begin("oidc")

    engine.redirects.finish(hostile.answer(first), binding=first.binding)
    with pytest.raises(WrongCredentials):
        engine.redirects.finish(hostile.answer(second, aud="x"), binding=second.binding)
    with pytest.raises(RedirectInvalid):
        engine.redirects.finish({"state": "guessed"}, binding=None)

    told = [(e.trigger, e.codes.get("because")) for e in engine.events.unsealed()]
    assert [
        ("create", None),
        ("log-in", None),
        ("refused", "wrong-credentials"),
        ("refused", "redirect-invalid"),
    ] == told


def test_a_disabled_user_is_told_after_the_provider_vouched(
    hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given a disabled user,
    when she comes back from the provider,
    then she is told so by the engine's own face.
    """
    engine = open_on("oidc", hostile.url, clock=clock)
    engine.disable(engine.log_in("oidc", id_token=hostile.mint(hostile.claims("n"))).user)
    begun = engine.redirects.begin("oidc")

    with pytest.raises(UserDisabled):
        engine.redirects.finish(hostile.answer(begun), binding=begun.binding)


def test_the_browser_speaks_the_users_language_there(
    hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given a client that names its language,
    when its browser is sent away,
    then the provider is asked for that language.
    """
    engine = open_on("oidc", hostile.url, clock=clock)
    client = attrs.evolve(Client(), locale="cs-CZ")

    begun = engine.acting(admit.Actor("user"), client=client).redirects.begin("oidc")

    assert "cs-CZ" == sent_with(begun)["ui_locales"]
