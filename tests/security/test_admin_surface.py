"""N1, J2, S3, P5: the admin surface – off without a key, by scope, and apart from users' tokens."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

import admit
from admit import AdminLogIn, Client, Engine, LogIn, NewAdminKey, Secret, User
from admit.errors import (
    NoAdminKeys,
    ScopeMissing,
    SessionInvalid,
    TryLater,
    WrongCredentials,
)
from admit.records import ADMIN_SCOPES, AdminScope
from admit.testing import Inbox, MemoryStore, SettableClock

PASSWORD = "correct horse battery staple"
LIMIT = "wrong_passwords_a_client"


@pytest.fixture
def key(engine: Engine) -> NewAdminKey:
    """An owner's key."""
    return engine.admin_keys.create("owner", scope="owner")


@pytest.fixture
def log_in(engine: Engine, key: NewAdminKey) -> AdminLogIn:
    """A session of it."""
    return engine.admin_keys.log_in(key.key.id, key.private_key)


@pytest.fixture
def ada(engine: Engine, inbox: Inbox) -> User:
    """A user who proved her address."""
    engine.register("ada@example.com", PASSWORD)
    return engine.confirm(**inbox.last_link().credentials)


def wrong(key: NewAdminKey) -> str:
    """A private key that differs from the right one in its last digit."""
    text = key.private_key.reveal()
    return text[:-1] + ("0" if text[-1] != "0" else "1")


def refusals(engine: Engine) -> list[dict[str, str]]:
    events = engine.events.unsealed(limit=1000)
    return [dict(event.codes) for event in events if event.trigger == "refused"]


# --- off unless a key exists ---------------------------------------------------------------------


def test_n1_without_a_key_nobody_comes_in(engine: Engine, store: MemoryStore) -> None:
    """
    Given an application without an admin key,
    when a stranger tries keys, then he is told that it is off; nothing is counted or recorded.
    """
    private = "admit_ak_" + "1" * 24 + "2" * 64
    before = engine.events.unsealed(limit=100)
    for _ in range(50):
        with pytest.raises(NoAdminKeys):
            engine.admin_keys.log_in("1" * 24, private)
        with pytest.raises(NoAdminKeys):
            engine.admin_keys.verify_key(private)

    assert before == engine.events.unsealed(limit=100)
    assert 0 == store.count("throttle", "until")


def test_n1_with_the_last_key_the_surface_goes(
    engine: Engine, key: NewAdminKey, log_in: AdminLogIn
) -> None:
    """And the sessions of before with it."""
    engine.admin_keys.delete(key.key.id)

    with pytest.raises(SessionInvalid):
        engine.admin_keys.verify(log_in.access_token)
    with pytest.raises(NoAdminKeys):
        engine.admin_keys.log_in(key.key.id, key.private_key)


# --- the key itself ------------------------------------------------------------------------------


def test_n1_a_private_key_is_recognised_and_kept_as_a_digest(
    engine: Engine, key: NewAdminKey, log_in: AdminLogIn, store: MemoryStore
) -> None:
    """
    Given a key that was made and used,
    when all that can be shown is searched, then its random part stands nowhere, nor do tokens.
    """
    text = key.private_key.reveal()
    assert re.fullmatch(rf"admit_ak_{key.key.id}[0-9a-f]{{64}}", text)

    kept = [store.get("admin-key", key.key.id), store.get("admin-session", log_in.session_id)]
    events = [(e, e.detail) for e in engine.events.unsealed(limit=100)]
    shown = repr([key, log_in, engine.admin_keys.all(), kept, events])
    secrets = [text[-64:], log_in.access_token.reveal(), log_in.refresh_token.reveal()]
    assert [] == [secret for secret in secrets if secret in shown]
    assert None not in kept


def test_n1_digests_are_compared_in_constant_time(
    engine: Engine, key: NewAdminKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every comparison of a private key goes through the one of the standard library for it."""
    import hmac

    compared = []
    real = hmac.compare_digest

    def watched(left: str, right: str) -> bool:
        compared.append(left)
        return real(left, right)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    digest = engine.admin_keys.get(key.key.id).digest

    with pytest.raises(WrongCredentials):
        engine.admin_keys.log_in(key.key.id, wrong(key))
    engine.admin_keys.verify_key(key.private_key)

    assert 2 == compared.count(digest)


@pytest.mark.parametrize(
    "bad", ["", "x", "admit_ak_", "admit_uk_" + "1" * 88, "ä" * 97, "1" * 10**6]
)
def test_n1_what_is_no_key_opens_nothing(engine: Engine, key: NewAdminKey, bad: str) -> None:
    """The same answer as for a wrong one."""
    with pytest.raises(WrongCredentials):
        engine.admin_keys.log_in(key.key.id, bad)
    with pytest.raises(WrongCredentials):
        engine.admin_keys.verify_key(bad)


def test_n1_both_halves_belong_together(engine: Engine, key: NewAdminKey) -> None:
    """Another key's public half does not go with this private one."""
    other = engine.admin_keys.create("other", scope="owner")

    with pytest.raises(WrongCredentials):
        engine.admin_keys.log_in(other.key.id, key.private_key)


def test_n1_a_key_ends_at_its_expiry(engine: Engine, clock: SettableClock) -> None:
    """
    Given a key for one hour and a session of it,
    when exactly that hour has passed, then neither opens anything, though 30 minutes are not over.
    """
    until = clock.now() + timedelta(hours=1)
    key = engine.admin_keys.create("guest", scope="owner", expires_at=until)
    early = engine.admin_keys.log_in(key.key.id, key.private_key)
    clock.advance(timedelta(minutes=50))
    late = engine.admin_keys.refresh(early.refresh_token)
    assert until == late.expires_at
    assert until == engine.admin_keys.verify(late.access_token).expires_at

    clock.advance(timedelta(minutes=10))

    for token in (late.access_token, early.access_token):
        with pytest.raises(SessionInvalid):
            engine.admin_keys.verify(token)
    with pytest.raises(SessionInvalid):
        engine.admin_keys.refresh(late.refresh_token)
    for again in (
        lambda: engine.admin_keys.log_in(key.key.id, key.private_key),
        lambda: engine.admin_keys.verify_key(key.private_key),
    ):
        with pytest.raises(WrongCredentials):
            again()


# --- scopes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ADMIN_SCOPES)
@pytest.mark.parametrize("needed", ADMIN_SCOPES)
def test_n1_a_scope_opens_what_it_says(
    engine: Engine, scope: AdminScope, needed: AdminScope
) -> None:
    """
    Given a key of some scope, in a session and by itself,
    when something needs another, then it is let through if its own reaches as far.
    """
    key = engine.admin_keys.create("desk", scope=scope)
    token = engine.admin_keys.log_in(key.key.id, key.private_key).access_token

    for verify, secret in (
        (engine.admin_keys.verify, token),
        (engine.admin_keys.verify_key, key.private_key),
    ):
        if ADMIN_SCOPES.index(scope) >= ADMIN_SCOPES.index(needed):
            assert scope == verify(secret, scope=needed).scope
            continue
        with pytest.raises(ScopeMissing) as missing:
            verify(secret, scope=needed)
        assert (needed, scope) == (missing.value.needed, missing.value.scope)


def test_n1_a_scope_that_is_missing_is_recorded(engine: Engine) -> None:
    """With the key as the actor."""
    key = engine.admin_keys.create("desk", scope="viewer")

    with pytest.raises(ScopeMissing):
        engine.admin_keys.verify_key(key.private_key, scope="owner")

    event = engine.events.unsealed(limit=10)[-1]
    assert key.key.actor == event.actor
    assert {
        "asked": "admin",
        "because": "scope-missing",
        "admin_key": key.key.id,
        "needs": "owner",
    } == event.codes


# --- sessions ------------------------------------------------------------------------------------


def ended_by(engine: Engine) -> dict[str, Callable[[NewAdminKey, AdminLogIn], object]]:
    return {
        "log-out": lambda key, log_in: engine.admin_keys.log_out(log_in.refresh_token),
        "disable": lambda key, log_in: engine.admin_keys.disable(key.key.id),
        "disabled and enabled": lambda key, log_in: (
            engine.admin_keys.disable(key.key.id),
            engine.admin_keys.enable(key.key.id),
        ),
        "delete": lambda key, log_in: engine.admin_keys.delete(key.key.id),
    }


@pytest.mark.parametrize("how", ["log-out", "disable", "disabled and enabled", "delete"])
def test_n1_a_session_ends_at_once(
    engine: Engine, key: NewAdminKey, log_in: AdminLogIn, how: str
) -> None:
    """
    Given a session of a key,
    when it logs out or the key is switched off or deleted, then both tokens are dead.
    """
    engine.admin_keys.create("another", scope="owner")

    ended_by(engine)[how](key, log_in)

    with pytest.raises(SessionInvalid):
        engine.admin_keys.verify(log_in.access_token)
    with pytest.raises(SessionInvalid):
        engine.admin_keys.refresh(log_in.refresh_token)
    with pytest.raises(SessionInvalid):
        engine.admin_keys.log_out(log_in.refresh_token)


def test_n1_a_log_out_ends_one_session(engine: Engine, key: NewAdminKey) -> None:
    """The other one of the same key goes on."""
    one, other = (engine.admin_keys.log_in(key.key.id, key.private_key) for _ in range(2))

    engine.admin_keys.log_out(one.refresh_token)

    assert key.key.id == engine.admin_keys.verify(other.access_token).key.id


def test_n1_an_access_token_lives_half_an_hour_a_session_60_days(
    engine: Engine, log_in: AdminLogIn, clock: SettableClock
) -> None:
    """At exactly the instant it is expired; a refresh gives another one, until the end."""
    clock.advance(timedelta(minutes=30))
    with pytest.raises(SessionInvalid, match="expired"):
        engine.admin_keys.verify(log_in.access_token)

    fresh = engine.admin_keys.refresh(log_in.refresh_token)
    engine.admin_keys.verify(fresh.access_token)
    assert log_in.refresh_token == fresh.refresh_token

    clock.advance(timedelta(days=60) - timedelta(minutes=30))
    with pytest.raises(SessionInvalid):
        engine.admin_keys.refresh(log_in.refresh_token)


def test_n1_keys_are_rotated_and_sessions_of_admins_live_on(
    engine: Engine, log_in: AdminLogIn
) -> None:
    """
    Given a signing key that leaked and is replaced without overlap,
    when an admin comes back, then his access token is dead, and a refresh gives a new one.
    """
    engine.sessions.rotate_keys(overlap=timedelta(0))

    with pytest.raises(SessionInvalid):
        engine.admin_keys.verify(log_in.access_token)
    engine.admin_keys.verify(engine.admin_keys.refresh(log_in.refresh_token).access_token)


# --- whose tokens they are -----------------------------------------------------------------------


def test_j2_no_verb_of_users_takes_a_token_of_an_admin(
    engine: Engine, log_in: AdminLogIn, ada: User
) -> None:
    """Neither kind, wherever a token is taken."""
    verbs: list[Callable[[Secret], object]] = [
        engine.verify,
        engine.refresh,
        engine.log_out,
        engine.sessions.verify_fresh,
        engine.sessions.verify_refresh,
        engine.public.sessions.all,
        engine.public.sessions.end_others,
    ]
    for verb in verbs:
        for token in (log_in.access_token, log_in.refresh_token):
            with pytest.raises(SessionInvalid):
                verb(token)
    assert not engine.sessions.made(log_in.refresh_token)


def test_j2_no_verb_of_admins_takes_another_token(
    engine: Engine, key: NewAdminKey, log_in: AdminLogIn, ada: User
) -> None:
    """Of users neither, nor the other kind of an admin's."""
    hers: LogIn = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    keys = engine.admin_keys

    for token in (hers.access_token, hers.refresh_token, log_in.refresh_token):
        with pytest.raises(SessionInvalid, match="incorrect token type"):
            keys.verify(token)
    for verb in (keys.refresh, keys.log_out):
        for token in (hers.access_token, hers.refresh_token, log_in.access_token):
            with pytest.raises(SessionInvalid, match="incorrect token type"):
                verb(token)
    for token in (hers.access_token, hers.refresh_token, log_in.access_token):
        with pytest.raises(WrongCredentials):
            keys.verify_key(token)


def test_j2_with_another_algorithm_for_users_the_kinds_stay_apart(
    store: MemoryStore, clock: SettableClock, inbox: Inbox
) -> None:
    """
    Given users' access tokens that anybody may verify,
    when one is shown as an admin's, or an admin's as theirs, then neither opens anything.
    """
    from admit.testing import open as open_engine

    settings = {"access_token_algorithm": "ES256", "confirmation_flow": "auto"}
    with open_engine(store, clock=clock, inbox=inbox, settings=settings) as engine:
        engine.register("ada@example.com", PASSWORD)
        hers = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
        key = engine.admin_keys.create("owner", scope="owner")
        log_in = engine.admin_keys.log_in(key.key.id, key.private_key)

        engine.admin_keys.verify(log_in.access_token)
        for token in (hers.access_token, hers.refresh_token):
            with pytest.raises(SessionInvalid):
                engine.admin_keys.verify(token)
            with pytest.raises(SessionInvalid):
                engine.admin_keys.refresh(token)
        with pytest.raises(SessionInvalid):
            engine.verify(log_in.access_token)


@pytest.mark.parametrize("bad", ["", "x", "a.b", "a.b.c", "ä.b.c", None, 7])
def test_j2_what_is_no_token_opens_nothing(engine: Engine, log_in: AdminLogIn, bad: str) -> None:
    """Whatever it is."""
    for verb in (engine.admin_keys.verify, engine.admin_keys.refresh, engine.admin_keys.log_out):
        with pytest.raises(SessionInvalid):
            verb(bad)


def test_j1_a_token_that_was_changed_opens_nothing(engine: Engine, log_in: AdminLogIn) -> None:
    """Its signature covers all of it."""
    text = log_in.access_token.reveal()
    header, payload, signature = text.split(".")
    for forged in (
        f"{header}.{payload[:-2]}AA.{signature}",
        f"{header}.{payload}.",
        f"eyJhbGciOiJub25lIn0.{payload}.",
    ):
        with pytest.raises(SessionInvalid):
            engine.admin_keys.verify(forged)


def test_s1_a_refresh_token_that_was_not_given_opens_nothing(
    engine: Engine, log_in: AdminLogIn, clock: SettableClock
) -> None:
    """
    Given a key that signs tokens and leaked,
    when somebody signs a refresh token of a live session, then its digest is not the one kept.
    """
    claims = {"sub": log_in.key.id, "sid": log_in.session_id, "exp": 2**33, "jti": "guessed"}
    forged = engine._core.signer.sign_admin(claims, "admin-refresh", clock.now())

    for verb in (engine.admin_keys.refresh, engine.admin_keys.log_out):
        with pytest.raises(SessionInvalid):
            verb(forged)
    engine.admin_keys.refresh(log_in.refresh_token)


# --- guessing ------------------------------------------------------------------------------------


def at(engine: Engine, address: str | None) -> Engine:
    client = None if address is None else Client(address=address)
    return engine.acting(admit.Actor("user"), client=client)


@pytest.mark.parametrize("way", ["log_in", "verify_key"])
def test_p5_wrong_keys_are_counted_like_guesses(
    engine: Engine, key: NewAdminKey, clock: SettableClock, way: str
) -> None:
    """
    Given a network from which as many wrong keys came as may,
    when the right one comes from there, then it waits; from another network it opens, and a quarter
    of an hour later from there, too. One way counts for the other.
    """
    near, far = at(engine, "203.0.113.9"), at(engine, "198.51.100.4")
    limit = engine.settings.get(LIMIT)
    assert isinstance(limit, int)
    tries: dict[str, Callable[[], object]] = {
        "log_in": lambda: near.admin_keys.log_in(key.key.id, wrong(key)),
        "verify_key": lambda: near.admin_keys.verify_key(wrong(key)),
    }
    for _ in range(limit):
        with pytest.raises(WrongCredentials):
            tries[way]()

    with pytest.raises(TryLater):
        near.admin_keys.log_in(key.key.id, key.private_key)
    with pytest.raises(TryLater):
        near.admin_keys.verify_key(key.private_key)
    far.admin_keys.log_in(key.key.id, key.private_key)

    clock.advance(timedelta(minutes=15))
    near.admin_keys.log_in(key.key.id, key.private_key)
    near.admin_keys.verify_key(key.private_key)


def test_p5_right_keys_are_not_counted(engine: Engine, key: NewAdminKey) -> None:
    """A script may come as often as it likes."""
    near = at(engine, "203.0.113.9")
    for _ in range(50):
        near.admin_keys.log_in(key.key.id, key.private_key)
        near.admin_keys.verify_key(key.private_key)


def test_p5_who_has_no_address_is_counted_too(engine: Engine, key: NewAdminKey) -> None:
    """All who have none together: a front door that does not say from where leaves no hole."""
    limit = engine.settings.get(LIMIT)
    assert isinstance(limit, int)
    for _ in range(limit):
        with pytest.raises(WrongCredentials):
            at(engine, None).admin_keys.log_in(key.key.id, wrong(key))

    with pytest.raises(TryLater):
        engine.admin_keys.log_in(key.key.id, key.private_key)


def test_e2_an_unknown_public_key_is_counted_alike(engine: Engine, key: NewAdminKey) -> None:
    """Known and unknown ones get the same answers, and the same number of them."""

    def answers(address: str, public: str, private: str) -> list[str]:
        desk = at(engine, address)
        found: list[str] = []
        for _ in range(30):
            with pytest.raises(admit.AdmitError) as refused:
                desk.admin_keys.log_in(public, private)
            found.append(refused.value.code)
        return found

    unknown = "9" * 24
    assert answers("203.0.113.9", key.key.id, wrong(key)) == answers(
        "198.51.100.4", unknown, "admit_ak_" + unknown + "0" * 64
    )


def test_a6_a_refused_key_is_recorded_with_the_reason(
    engine: Engine, key: NewAdminKey, clock: SettableClock
) -> None:
    """
    Given a wrong, a disabled and an expired key,
    when each is tried, then all are told the same, and the events say which it was.
    """
    until = clock.now() + timedelta(minutes=1)
    old = engine.admin_keys.create("old", scope="viewer", expires_at=until)
    off = engine.admin_keys.create("off", scope="viewer")
    engine.admin_keys.disable(off.key.id)
    clock.advance(timedelta(minutes=1))

    tried: list[tuple[NewAdminKey, str | Secret]]
    tried = [(key, wrong(key)), (off, off.private_key), (old, old.private_key)]
    for one, private in tried:
        with pytest.raises(WrongCredentials):
            engine.admin_keys.log_in(one.key.id, private)

    assert [
        {"asked": "admin-log-in", "because": "wrong-credentials", "admin_key": key.key.id},
        {"asked": "admin-log-in", "because": "disabled", "admin_key": off.key.id},
        {"asked": "admin-log-in", "because": "expired", "admin_key": old.key.id},
    ] == refusals(engine)
