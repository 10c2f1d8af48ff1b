"""The keys that sign access tokens: replaced with overlap (J7), published for others to verify."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import jwt
import pytest
from ada import ADDRESS, PASSWORD
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet
from opened import OpenWith, engines, entered
from tokens import header_of, text_of

import admit
from admit import Engine, Secret
from admit.errors import InvalidInput, MissingExtra, SessionInvalid, StoreDamaged
from admit.stores import Page, Record
from admit.testing import MemoryStore, SettableClock
from admit.testing import open as open_engine

ALGORITHMS = ("HS256", "EdDSA", "ES256", "RS256")
PUBLIC = ALGORITHMS[1:]
A_DAY = timedelta(days=1)
A_SECOND = timedelta(seconds=1)


@pytest.fixture
def open_with(store: MemoryStore, clock: SettableClock) -> Iterator[OpenWith]:
    """Opens engines on one store, with an algorithm."""
    yield from engines(store, clock)


def refused(engine: Engine, token: str | Secret) -> str:
    """Why an access token opens nothing."""
    with pytest.raises(SessionInvalid) as invalid:
        engine.verify(token)
    return invalid.value.because


def states(engine: Engine) -> dict[str, str]:
    """The keys of the algorithm in force, and what each is for."""
    return {key.id: key.state for key in engine.sessions.signing_keys()}


def by_pyjwt(jwks: dict[str, Any], token: Secret, **expected: Any) -> dict[str, Any]:
    """Verify as a service does that knows the key set and uses PyJWT."""
    key = jwt.PyJWKSet.from_dict(jwks)[header_of(token)["kid"]]
    options: Any = {"verify_exp": False, "verify_iat": False}  # the test's clock stands still
    found: dict[str, Any] = jwt.decode(
        text_of(token), key, algorithms=[key.algorithm_name], options=options, **expected
    )
    return found


def by_joserfc(jwks: dict[str, Any], token: Secret) -> dict[str, Any]:
    """Verify as a service does that knows the key set and uses joserfc."""
    keys = KeySet.import_key_set(jwks)  # type: ignore[arg-type]  # its TypedDict is narrower
    return dict(joserfc_jwt.decode(text_of(token), keys, algorithms=list(PUBLIC)).claims)


# --- others verify -----------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", PUBLIC)
@pytest.mark.parametrize("verify", [by_pyjwt, by_joserfc])
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # RFC 9864 came after the readers of it
def test_others_verify_access_tokens_with_the_published_keys(
    open_with: OpenWith, algorithm: str, verify: Callable[..., dict[str, Any]]
) -> None:
    """
    Given an engine whose key set is published,
    when a service that knows nothing else gets an access token,
    then a library of its own verifies it, and it says whose it is.
    """
    engine = open_with(access_token_algorithm=algorithm)
    login = entered(engine)

    claims = verify(engine.sessions.jwks(), login.access_token)

    assert (login.user.id, login.session.id) == (claims["sub"], claims["sid"])
    assert "access" == claims["typ"]


def test_others_can_ask_for_issuer_and_audience(open_with: OpenWith) -> None:
    """Given both are set, when a service asks for them, then its library finds them."""
    engine = open_with(
        access_token_algorithm="ES256", token_issuer="https://shop.example", token_audience="shop"
    )
    token = entered(engine).access_token

    claims = by_pyjwt(engine.sessions.jwks(), token, issuer="https://shop.example", audience="shop")
    assert "https://shop.example" == claims["iss"]
    with pytest.raises(jwt.InvalidAudienceError):
        by_pyjwt(engine.sessions.jwks(), token, audience="blog")


@pytest.mark.parametrize("algorithm", PUBLIC)
def test_the_key_set_is_public(open_with: OpenWith, algorithm: str) -> None:
    """Given an algorithm with public keys, then the set has nothing of a private one in it."""
    engine = open_with(access_token_algorithm=algorithm)

    (key,) = engine.sessions.jwks()["keys"]

    assert (algorithm, "sig") == (key["alg"], key["use"])
    assert set() == key.keys() & {"d", "p", "q", "dp", "dq", "qi", "k"}


def test_with_hs256_nothing_is_published(open_with: OpenWith) -> None:
    """Given the default, then its key, with which whoever verifies could sign, stays here."""
    engine = open_with(access_token_algorithm="HS256")
    entered(engine)
    engine.sessions.rotate_keys()

    assert {"keys": []} == engine.sessions.jwks()


# --- rotation ----------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("stateless", [False, True])
def test_j7_old_tokens_are_good_until_the_longest_has_expired(
    open_with: OpenWith, clock: SettableClock, algorithm: str, stateless: bool
) -> None:
    """
    Given tokens that live a day, the longest there is,
    when the key is replaced,
    then the new one signs at once, and the tokens of the old one are good to their end.
    """
    engine = open_with(
        access_token_algorithm=algorithm,
        access_token_lifetime=A_DAY,
        sessions_end_at_once=not stateless,
    )
    before = entered(engine)

    engine.sessions.rotate_keys()
    after = entered(engine)

    old, new = header_of(before.access_token)["kid"], header_of(after.access_token)["kid"]
    assert ("verifies", "signs") == (states(engine)[old], states(engine)[new])
    clock.advance(A_DAY - A_SECOND)
    engine.verify(before.access_token)
    engine.verify(after.access_token)
    clock.advance(A_SECOND)
    assert "signed with a key that was replaced" == refused(engine, before.access_token)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_j7_every_engine_on_the_store_knows_a_new_key_at_once(
    open_with: OpenWith, algorithm: str
) -> None:
    """Given two processes, when one replaces the key, then the other takes its tokens."""
    here, there = (
        open_with(access_token_algorithm=algorithm),
        open_with(access_token_algorithm=algorithm),
    )
    there.verify(entered(here).access_token)

    here.sessions.rotate_keys()

    login = entered(here)
    assert login.user.id == there.verify(login.access_token).user_id


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_j7_a_rotation_ends_no_session(open_with: OpenWith, algorithm: str) -> None:
    """Given a session, when keys are replaced again and again, then it can still be refreshed."""
    engine = open_with(access_token_algorithm=algorithm)
    login = entered(engine)

    for _ in range(3):
        engine.sessions.rotate_keys(overlap=timedelta(0))

    assert login.session.id == engine.refresh(login.refresh_token).session.id


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_j7_a_key_that_leaked_is_replaced_without_overlap(
    open_with: OpenWith, algorithm: str
) -> None:
    """Given a key that leaked, when it is replaced without overlap, then its tokens are dead at
    once, those of older keys too, and it stands in no key set."""
    engine = open_with(access_token_algorithm=algorithm)
    first = entered(engine)
    engine.sessions.rotate_keys()
    second = entered(engine)

    engine.sessions.rotate_keys(overlap=timedelta(0))

    for login in (first, second):
        assert "signed with a key that was replaced" == refused(engine, login.access_token)
    third = engine.refresh(second.refresh_token)
    engine.verify(third.access_token)
    published = {key["kid"] for key in engine.sessions.jwks()["keys"]}
    assert published <= {header_of(third.access_token)["kid"]}


@pytest.mark.parametrize("algorithm", PUBLIC)
def test_j7_a_key_can_be_published_before_it_signs(
    open_with: OpenWith, clock: SettableClock, algorithm: str
) -> None:
    """
    Given services that keep the key set for an hour,
    when a new key is published an hour ahead,
    then the old one signs until then, and both stand in the set before and after.
    """
    engine = open_with(access_token_algorithm=algorithm)
    old = header_of(entered(engine).access_token)["kid"]

    engine.sessions.rotate_keys(publish_for=timedelta(hours=1))

    new = next(id for id, state in states(engine).items() if state == "next")
    clock.advance(timedelta(hours=1) - A_SECOND)
    assert old == header_of(entered(engine).access_token)["kid"]
    assert [old, new] == [key["kid"] for key in engine.sessions.jwks()["keys"]]
    clock.advance(A_SECOND)
    assert new == header_of(entered(engine).access_token)["kid"]
    assert [old, new] == [key["kid"] for key in engine.sessions.jwks()["keys"]]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_j7_there_is_always_a_key_that_signs(open_with: OpenWith, algorithm: str) -> None:
    """Given a store in which no token was ever signed, when a key is published ahead, then another
    one signs until its time has come."""
    engine = open_with(access_token_algorithm=algorithm)

    engine.sessions.rotate_keys(publish_for=timedelta(hours=1))

    assert ["signs", "next"] == [
        key.state for key in engine.sessions.signing_keys() if key.algorithm == algorithm
    ]
    engine.verify(entered(engine).access_token)


@pytest.mark.parametrize("algorithm", PUBLIC)
def test_j7_a_key_under_a_lost_engine_key_is_replaced(
    store: MemoryStore, clock: SettableClock, algorithm: str
) -> None:
    """
    Given a signing key that was sealed with an engine key which is not given any more,
    when somebody logs in, then the error says so; tokens of before are still good;
    and when the signing key is replaced, then all is well again.
    """
    old, new = bytes([1]) * 32, bytes([2]) * 32
    settings = {"confirmation_flow": "auto", "access_token_algorithm": algorithm}

    def opened(key: Any) -> Engine:
        return admit.open(store, key=key, settings=settings, clock=clock, worker=False)

    engine = opened(old)
    engine.register(ADDRESS, PASSWORD)
    credentials = {"username": ADDRESS, "password": PASSWORD}
    before = engine.log_in("local-userpass", **credentials)
    both = opened([new, old])
    assert before.user.id == both.log_in("local-userpass", **credentials).user.id

    engine = opened(new)
    engine.verify(before.access_token)
    with pytest.raises(StoreDamaged, match="key="):
        engine.log_in("local-userpass", **credentials)
    engine.sessions.rotate_keys()

    after = engine.log_in("local-userpass", **credentials)
    assert before.user.id == engine.verify(after.access_token).user_id
    engine.verify(before.access_token)


@pytest.mark.parametrize("algorithm", PUBLIC)
def test_j7_what_is_left_of_old_keys_is_swept(
    open_with: OpenWith, store: MemoryStore, clock: SettableClock, algorithm: str
) -> None:
    """Given a key that was replaced, when a worker sweeps, then its private half goes at once, and
    the rest of it when its tokens are over; the new one stays."""
    engine = open_with(access_token_algorithm=algorithm)
    entered(engine)
    engine.sessions.rotate_keys()

    assert 0 == engine.sweep().keys
    kept = store.page("secret", "signing-key").items
    assert [False, True] == ["sealed" in record.body for record in kept]
    clock.advance(A_DAY)
    assert 1 == engine.sweep().keys
    assert ["signs"] == [
        k.state for k in engine.sessions.signing_keys() if k.algorithm == algorithm
    ]
    engine.verify(entered(engine).access_token)


def test_switching_the_algorithm_ends_nothing(open_with: OpenWith) -> None:
    """Given tokens of one algorithm, when an engine is opened with another, then both are good."""
    before = open_with(access_token_algorithm="HS256")
    old = entered(before)
    after = open_with(access_token_algorithm="EdDSA")
    new = entered(after)

    for engine in (before, after):
        for login in (old, new):
            assert login.user.id == engine.verify(login.access_token).user_id


def test_rotating_is_recorded(open_with: OpenWith) -> None:
    """Given a rotation, then the trail says which key came, and nothing secret."""
    engine = open_with(access_token_algorithm="ES256")
    engine.sessions.rotate_keys()

    (event,) = (e for e in engine.events.unsealed() if e.trigger == "rotate-keys")

    assert {"algorithm": "ES256", "key": engine.sessions.signing_keys()[-1].id} == dict(event.codes)


@pytest.mark.parametrize(
    "wrong",
    [
        {"publish_for": -A_SECOND},
        {"publish_for": A_DAY + A_SECOND},
        {"overlap": -A_SECOND},
        {"overlap": A_DAY + A_SECOND},
        {"overlap": 5},
    ],
    ids=str,
)
def test_times_of_a_rotation_are_checked(open_with: OpenWith, wrong: dict[str, Any]) -> None:
    """Given a time that is none, then nothing is replaced."""
    engine = open_with(access_token_algorithm="HS256")

    with pytest.raises(InvalidInput):
        engine.sessions.rotate_keys(**wrong)

    assert 1 == len(engine.sessions.signing_keys())


# --- secrets -----------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", PUBLIC)
def test_t3_private_keys_are_sealed(
    open_with: OpenWith, store: MemoryStore, algorithm: str
) -> None:
    """Given keys in the store, when a byte of one is changed, or one is put in another's place,
    then it signs nothing."""
    engine = open_with(access_token_algorithm=algorithm)
    entered(engine)
    engine.sessions.rotate_keys()
    first, second = store.page("secret", "signing-key").items

    for sealed in (second.body["sealed"][:-2] + "AA", first.body["sealed"]):
        body = {**second.body, "sealed": sealed}
        put = second._replace(body=body)
        spoilt = MemoryStore()
        spoilt.restore([*_records(store, but=second.id), put], [])
        with (
            open_engine(spoilt, settings={"access_token_algorithm": algorithm}) as other,
            pytest.raises(StoreDamaged),
        ):
            other.log_in("local-userpass", username=ADDRESS, password=PASSWORD)


def _records(store: MemoryStore, *, but: str) -> list[Any]:
    with store.view() as view:
        kinds = ("user", "session", "secret", "setting")
        return [r for kind in kinds for r in view.records(kind) if r.id != but]


def test_no_engine_opens_whose_algorithm_lacks_its_package(
    open_with: OpenWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given `cryptography` is not installed, when the setting needs it, then the error names the
    extra; with HS256 nothing is missed."""
    monkeypatch.setitem(sys.modules, "cryptography", None)

    with pytest.raises(MissingExtra, match="cryptography"):
        open_engine(settings={"access_token_algorithm": "EdDSA"})
    engine = open_with(access_token_algorithm="HS256")
    engine.sessions.rotate_keys()
    engine.verify(entered(engine).access_token)


class _CountedStore(MemoryStore):
    """Counts how often keys are looked for."""

    looked = 0

    def page(self, kind: str, label: str, *rest: Any, **more: Any) -> Page[Record]:
        self.looked += kind == "secret"
        return super().page(kind, label, *rest, **more)


def test_j6_inventing_key_ids_makes_nobody_read_the_store(clock: SettableClock) -> None:
    """Given a stranger who sends a thousand tokens, each with a key id of its own, then the keys
    are looked for a few times a second, not for each."""
    store = _CountedStore()
    settings = {"access_token_algorithm": "EdDSA", "sessions_end_at_once": False}
    with open_engine(store, clock=clock, settings=settings) as engine:
        rest = text_of(entered(engine).access_token).partition(".")[2]
        store.looked = 0
        start = time.monotonic()

        for number in range(1000):
            refused(engine, f"{number:044}.{rest}")

        assert store.looked <= 7 * (2 + int(time.monotonic() - start))
