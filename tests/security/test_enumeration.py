"""E1, E2, E4: what a stranger can learn about accounts – nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from statistics import median

import pytest
from accounts import ACCOUNTS, Commits, Shape
from races import meanwhile, records

import admit
from admit import (
    Actor,
    Check,
    Claim,
    Client,
    Engine,
    Identity,
    LogIn,
    NewIdentity,
    Receipt,
    RegistrationRequest,
    Secret,
    Services,
    User,
    hookimpl,
)
from admit.errors import AdmitError, CodeWrong, LogInRefused, TokenUnknown, TryLater
from admit.providers import Credentials, Provider
from admit.public import PublicFace
from admit.records import UserId
from admit.stores import KeyTaken
from admit.testing import KEY, Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
WRONG = "not the password at all"
ADDRESS = "ada@example.com"

Request = Callable[[PublicFace], object]

REQUESTS: Mapping[str, Request] = {
    "register": lambda public: public.register("Ada@example.com", "my own long password"),
    "register-with-the-same-password": lambda public: public.register(ADDRESS, PASSWORD),
    "resend": lambda public: public.resend(address=ADDRESS),
    "resend-with-a-wrong-password": lambda public: public.resend(address=ADDRESS, password=WRONG),
    "resend-with-the-password": lambda public: public.resend(address=ADDRESS, password=PASSWORD),
    "rerun": lambda public: public.rerun(address=ADDRESS),
    "rerun-with-a-wrong-password": lambda public: public.rerun(address=ADDRESS, password=WRONG),
    "reset": lambda public: public.reset(address=ADDRESS),
    "reset-with-a-new-password": lambda public: public.reset(address=ADDRESS, password=WRONG),
    "log-in-with-a-wrong-password": lambda public: public.log_in(
        "local-userpass", username=ADDRESS, password=WRONG
    ),
    "delete-with-a-wrong-password": lambda public: public.delete(address=ADDRESS, password=WRONG),
    "change-password-with-a-wrong-one": lambda public: public.change_password(
        address=ADDRESS, current=WRONG, new="my own long password"
    ),
    "correct-address-with-a-wrong-password": lambda public: public.correct_address(
        address=ADDRESS, password=WRONG, to="grace@example.com"
    ),
    "confirm-with-a-wrong-code": lambda public: public.confirm(
        address=ADDRESS, code="AAAA-2222", password=PASSWORD
    ),
    "confirm-with-a-wrong-code-and-a-common-password": lambda public: public.confirm(
        address=ADDRESS, code="AAAA-2222", password="password"
    ),
    "set-password-with-a-wrong-code": lambda public: public.set_password(
        address=ADDRESS, code="AAAA-2222", password="my own long password"
    ),
    "set-password-with-a-wrong-code-and-a-common-password": lambda public: public.set_password(
        address=ADDRESS, code="AAAA-2222", password="password"
    ),
}


def answer(request: Request, public: PublicFace) -> object:
    """What a stranger is told: the Receipt, or an error's class and sentence."""
    try:
        return request(public)
    except AdmitError as refused:
        return type(refused), str(refused)


def seen(
    request: Request, account: Callable[[Engine, str], None], settings: Mapping[str, object]
) -> tuple[object, list[Shape]]:
    """What a stranger is told about one account, and what it costs in commits."""
    store = MemoryStore()
    with open_engine(store, settings=settings) as engine:
        account(engine, ADDRESS)
        stranger = engine.acting(Actor("user"), client=Client(address="203.0.113.7"))
        with Commits(store).watched() as shapes:
            told = answer(request, stranger.public)
    return told, shapes


@pytest.mark.parametrize("policy", ["reserve", "first-proof"])
@pytest.mark.parametrize("request_made", REQUESTS.values(), ids=REQUESTS.keys())
def test_e1_every_state_of_an_account_answers_a_stranger_alike_at_equal_cost(
    request_made: Request, policy: str
) -> None:
    """
    Given an account that is unknown, pending, confirmed, disabled or deleted,
    when a stranger asks for anything by its address, or with a wrong secret,
    then the answer is equal to the last letter, and so are the number and the shape of commits.
    """
    answers = {
        name: seen(request_made, account, {"address_policy": policy})
        for name, account in ACCOUNTS.items()
    }

    assert dict.fromkeys(answers, answers["unknown"]) == answers


BY_ID: Mapping[str, Callable[[PublicFace, UserId], object]] = {
    "resend": lambda public, who: public.resend(user=who),
    "rerun": lambda public, who: public.rerun(user=who),
    "delete": lambda public, who: public.delete(user=who, password=WRONG),
    "change_password": lambda public, who: public.change_password(
        user=who, current=WRONG, new="my own long password"
    ),
    "correct_address": lambda public, who: public.correct_address(
        user=who, password=WRONG, to="grace@example.com"
    ),
}


@pytest.mark.parametrize("request_made", BY_ID.values(), ids=BY_ID.keys())
def test_e1_an_id_tells_as_little_as_an_address(
    request_made: Callable[[PublicFace, UserId], object],
) -> None:
    """Given an account in any state whose id a stranger knows, when she names it by that, then the
    answer and its cost are the same as for an id of nobody."""

    def told(account: Callable[[Engine, str], None]) -> tuple[object, list[Shape]]:
        store = MemoryStore()
        with open_engine(store) as engine:
            account(engine, ADDRESS)
            ids = [event.user for event in engine.events.unsealed(limit=50) if event.user]
            user_id = ids[0] if ids else UserId("64f0aa64f0aa64f0aa64f0aa")
            with Commits(store).watched() as shapes:
                answered = answer(lambda public: request_made(public, user_id), engine.public)
        return answered, shapes

    answers = {name: told(account) for name, account in ACCOUNTS.items()}

    assert dict.fromkeys(answers, answers["unknown"]) == answers


@pytest.mark.parametrize("flow", ["auto", "function"])
@pytest.mark.parametrize(
    "request_made",
    [REQUESTS["register"], REQUESTS["resend"], REQUESTS["rerun"], REQUESTS["reset"]],
    ids=["register", "resend", "rerun", "reset"],
)
def test_e1_the_answer_is_alike_in_every_flow(request_made: Request, flow: str) -> None:
    """Given a flow that sends no messages, when a stranger asks, then no state of an account
    answers otherwise than another."""

    def function_told(
        account: Callable[[Engine, str], None],
    ) -> tuple[object, list[Shape]]:
        store = MemoryStore()
        functions = {"decide": lambda call: {"status": "pending"}}
        with open_engine(store, functions=functions) as engine:
            account(engine, ADDRESS)
            engine.settings.set("function.confirmation", "decide")
            engine.settings.set("confirmation_flow", flow)
            with Commits(store).watched() as shapes:
                told = answer(request_made, engine.public)
        return told, shapes

    answers = {name: function_told(account) for name, account in ACCOUNTS.items()}

    assert dict.fromkeys(answers, answers["unknown"]) == answers


@pytest.mark.parametrize("named", ["resend", "rerun", "reset", "register"])
def test_e1_what_is_asked_for_is_always_the_same_receipt(
    engine: Engine, account: Callable[[Engine, str], None], named: str
) -> None:
    """Given any account, when a stranger asks for a message, then she gets the one Receipt."""
    account(engine, ADDRESS)

    assert Receipt() == REQUESTS[named](engine.public)


def test_e1_a_wrong_password_is_one_error_without_a_reason(
    engine: Engine, account: Callable[[Engine, str], None]
) -> None:
    """Given any account, when a stranger logs in with a wrong password, then it is LogInRefused
    itself, and says nothing about the state."""
    account(engine, ADDRESS)

    with pytest.raises(LogInRefused) as refused:
        engine.public.log_in("local-userpass", username=ADDRESS, password=WRONG)

    assert LogInRefused is type(refused.value)
    assert refused.value.because is None


@pytest.mark.parametrize(
    ("state", "because"),
    [("pending", "pending"), ("disabled", "disabled"), ("disabled-pending", "disabled")],
)
def test_e1_the_state_is_told_only_after_the_right_password(
    engine: Engine, state: str, because: str
) -> None:
    """Given an account that may not log in, when its owner gives the right password, then she is
    told why."""
    ACCOUNTS[state](engine, ADDRESS)

    with pytest.raises(LogInRefused) as refused:
        engine.public.log_in("local-userpass", username=ADDRESS, password=PASSWORD)

    assert because == refused.value.because


def test_e1_the_owner_alone_learns_what_was_asked(engine: Engine, inbox: Inbox) -> None:
    """
    Given a confirmed user,
    when a stranger registers her address,
    then the stranger gets the Receipt of a new registration, and she a notice without a token.
    """
    engine.confirm_manually(engine.register(ADDRESS, PASSWORD))

    receipt = engine.public.register(ADDRESS, "my own long password")
    engine.work_once()

    assert Receipt() == receipt
    assert ADDRESS == inbox.last().to
    assert "already have an account" in inbox.last().text
    assert "token" not in inbox.last().text


def test_e1_an_unknown_address_gets_no_mail(engine: Engine, inbox: Inbox) -> None:
    """Given an address of nobody, when a stranger asks for messages to it, then none is sent: we
    are no relay for spam."""
    engine.public.resend(address="nobody@example.com")
    engine.public.reset(address="somebody@example.com")
    engine.work_once()

    assert [] == inbox.messages


@pytest.mark.parametrize("state", sorted(ACCOUNTS))
def test_e1_correcting_an_address_does_not_tell_whose_the_new_one_is(
    engine: Engine, commits: Commits, state: str
) -> None:
    """
    Given a pending user of one's own and any account at another address,
    when one corrects one's address to the other,
    then the Receipt is the same, whether anybody is there or not.
    """
    ACCOUNTS[state](engine, ADDRESS)
    engine.register("mallory@example.com", PASSWORD)

    receipt = engine.public.correct_address(
        address="mallory@example.com", password=PASSWORD, to=ADDRESS
    )

    assert Receipt() == receipt


def test_e1_registering_and_resending_does_not_tell_whether_the_address_was_new(
    clock: SettableClock,
) -> None:
    """
    Given an address that is free, and one that somebody holds,
    when a stranger registers it and asks at once for the message again with that password,
    then both answer alike: no cool-down shows that a registration was the first.
    """
    told = []
    for holder in ("unknown", "pending", "confirmed"):
        with open_engine(clock=clock) as engine:
            ACCOUNTS[holder](engine, ADDRESS)
            public = engine.acting(Actor("user")).public
            public.register(ADDRESS, WRONG)
            told.append(answer(lambda face: face.resend(address=ADDRESS, password=WRONG), public))

    assert [Receipt()] * 3 == told


def test_e1_a_made_up_token_tells_nothing_of_the_user_it_names(
    engine: Engine, account: Callable[[Engine, str], None], commits: Commits
) -> None:
    """
    Given any account whose id a stranger knows,
    when she presses a made-up token of it with a password that no policy would take,
    then it is unknown: neither the password nor the account is looked at.
    """
    account(engine, ADDRESS)
    ids = [event.user for event in engine.events.unsealed(limit=50) if event.user]
    user_id = ids[0] if ids else "64f0aa64f0aa64f0aa64f0aa"

    with commits.watched() as shapes, pytest.raises(TokenUnknown):
        engine.public.confirm(token_id="0" * 24, token=user_id + "0" * 104, password="password")

    assert [] == shapes


@pytest.mark.parametrize("purpose", ["confirm", "reset"])
def test_e1_a_code_that_rests_looks_like_a_wrong_one(engine: Engine, purpose: str) -> None:
    """Given a user whose code rests after five wrong tries, when a stranger types another, then it
    is wrong, as for an address of nobody: only somebody's code can rest."""
    engine.register(ADDRESS, PASSWORD)
    engine.reset(address=ADDRESS)
    verb = engine.public.confirm if purpose == "confirm" else engine.public.set_password

    for address in (ADDRESS, "nobody@example.com"):
        for _ in range(10):
            with pytest.raises(CodeWrong):
                verb(address=address, code="AAAA-2222", password=PASSWORD)


# --- E2 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", ["register", "resend", "rerun", "reset"])
def test_e2_known_and_unknown_addresses_are_throttled_alike(
    engine: Engine,
    clock: SettableClock,
    account: Callable[[Engine, str], None],
    named: str,
) -> None:
    """
    Given any account,
    when a stranger asks twice within the cool-down,
    then the second has to wait, equally long, and is served when the cool-down is over.
    """
    account(engine, ADDRESS)
    REQUESTS[named](engine.public)

    with pytest.raises(TryLater) as waits:
        REQUESTS[named](engine.public)

    assert engine.settings.get("cool_down") == waits.value.after
    assert waits.value.after is not None
    clock.advance(waits.value.after)
    assert Receipt() == REQUESTS[named](engine.public)


def test_e2_the_throttle_counts_the_canonical_address(engine: Engine) -> None:
    """Given a request for an address, when it is asked for in another case, then it counts as the
    same."""
    engine.public.reset(address="ada@example.com")

    with pytest.raises(TryLater):
        engine.public.reset(address="ADA@Example.com")


def test_e2_a_throttled_request_looks_nothing_up(
    engine: Engine, account: Callable[[Engine, str], None], commits: Commits
) -> None:
    """Given any account and a request that has to wait, then nothing is written for it."""
    account(engine, ADDRESS)
    engine.public.reset(address=ADDRESS)

    with commits.watched() as shapes, pytest.raises(TryLater):
        engine.public.reset(address=ADDRESS)

    assert [] == shapes


def test_e2_one_client_is_throttled_over_all_addresses(engine: Engine) -> None:
    """Given a client who asks about sixty addresses within ten minutes, when it asks about one
    more, known or not, then it has to wait, and another client has not."""
    engine.register(ADDRESS, PASSWORD)
    client = engine.acting(Actor("user"), client=Client(address="203.0.113.7"))
    for number in range(60):
        client.public.reset(address=f"a{number}@example.com")

    for address in (ADDRESS, "nobody@example.com"):
        with pytest.raises(TryLater):
            client.public.reset(address=address)
        with pytest.raises(TryLater):
            client.public.log_in("local-userpass", username=address, password=WRONG)

    other = engine.acting(Actor("user"), client=Client(address="203.0.113.8"))
    assert Receipt() == other.public.reset(address=ADDRESS)


def test_e2_requests_of_one_client_at_the_same_instant_are_all_counted(
    engine: Engine, store: MemoryStore
) -> None:
    """
    Given a client whose requests come in at the same instant, as a browser's do,
    when both are being counted,
    then both are, and neither has to wait for that.
    """
    engine.settings.set("requests_per_client", 10)
    client = engine.acting(Actor("user"), client=Client(address="203.0.113.7"))

    def at_the_same_instant(change: object) -> None:
        store.before_commit = None
        client.public.reset(address="grace@example.com")

    store.before_commit = at_the_same_instant

    assert Receipt() == client.public.reset(address=ADDRESS)

    for number in range(8):
        client.public.reset(address=f"a{number}@example.com")
    with pytest.raises(TryLater):
        client.public.reset(address="b@example.com")


def test_e2_of_two_requests_for_one_address_at_the_same_instant_one_waits(
    engine: Engine, store: MemoryStore
) -> None:
    """Given a request that is being counted, when another for the same address comes first, then
    one message goes out."""

    def at_the_same_instant(change: object) -> None:
        store.before_commit = None
        engine.public.reset(address=ADDRESS)

    store.before_commit = at_the_same_instant

    with pytest.raises(TryLater):
        engine.public.reset(address=ADDRESS)


def test_e2_a_counter_that_others_keep_changing_lets_nobody_through_uncounted(
    engine: Engine, store: MemoryStore
) -> None:
    """Given a client whose requests come in faster than one can be counted, when that was tried
    five times, then the request has to wait: none passes without being counted."""
    client = engine.acting(Actor("user"), client=Client(address="203.0.113.7"))
    numbers = iter(range(100))

    def at_the_same_instant(change: object) -> None:
        store.before_commit = None
        client.public.reset(address=f"a{next(numbers)}@example.com")
        store.before_commit = at_the_same_instant

    store.before_commit = at_the_same_instant

    with pytest.raises(TryLater):
        client.public.reset(address=ADDRESS)
    assert 5 == next(numbers)


def test_e2_a_throttle_keeps_neither_address_nor_client(engine: Engine, store: MemoryStore) -> None:
    """Given a throttled request, then the counter that is kept names nobody."""
    client = engine.acting(Actor("user"), client=Client(address="203.0.113.7"))
    client.public.reset(address="nobody@example.com")

    kept = repr(store.page("throttle", "until").items)

    assert 2 == store.count("throttle", "until")
    assert "nobody" not in kept
    assert "203.0.113.7" not in kept


# --- E4 ------------------------------------------------------------------------------------------

SLOW_HASHING = {
    "password_time_cost": 100,
    "password_memory_kibibytes": 512,
    "password_parallelism": 1,
}
"""About 20 ms: far above what the rest of a log-in takes, and far below argon2's real default."""


def costs(known: Callable[[], object], unknown: Callable[[], object]) -> tuple[float, float]:
    """How long each takes to be refused: the medians of eleven, taken in turn, in seconds of this
    process's work, which a busy machine does not stretch."""
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(11):
        for call, seconds in zip((known, unknown), took, strict=True):
            start = time.process_time()
            with pytest.raises(LogInRefused):
                call()
            seconds.append(time.process_time() - start)
    return median(took[0]), median(took[1])


@pytest.fixture
def hashing() -> Iterator[Engine]:
    """An engine whose hashes take a hundred times as long as the rest of a log-in, so that one
    more or less doubles or ends what a request costs."""
    settings = {**SLOW_HASHING, "confirmation_flow": "auto"}
    with admit.open(MemoryStore(), key=KEY, settings=settings) as engine:
        yield engine


@pytest.mark.parametrize("nobody", ["nobody@example.com", "no address at all", "\u202eada@x.y"])
@pytest.mark.parametrize("password", [PASSWORD, None], ids=["with a password", "without one yet"])
def test_e4_a_log_in_of_nobody_costs_one_hash_with_the_current_parameters(
    hashing: Engine, nobody: str, password: str | None
) -> None:
    """
    Given a user, also one who has no password yet,
    when somebody logs in with a wrong password as her, and as nobody,
    then the one costs as much as the other.
    """
    hashing.register(ADDRESS, password)

    known, unknown = costs(
        lambda: hashing.log_in("local-userpass", username=ADDRESS, password=WRONG),
        lambda: hashing.log_in("local-userpass", username=nobody, password=WRONG),
    )

    assert known / 2 < unknown < known * 2


@pytest.mark.parametrize("named", ["delete", "change_password", "correct_address"])
def test_e4_a_password_asked_for_as_proof_costs_nobody_a_hash_less(
    hashing: Engine, named: str
) -> None:
    """Given a user, when a stranger gives a wrong password as proof for her and for nobody, then
    the one costs as much as the other."""
    hashing.register(ADDRESS, PASSWORD)
    proofs: dict[str, Callable[[str], User | LogIn | Receipt]] = {
        "delete": lambda who: hashing.public.delete(address=who, password=WRONG),
        "change_password": lambda who: hashing.public.change_password(
            address=who, current=WRONG, new="my own long password"
        ),
        "correct_address": lambda who: hashing.public.correct_address(
            address=who, password=WRONG, to="grace@example.com"
        ),
    }

    known, unknown = costs(
        lambda: proofs[named](ADDRESS), lambda: proofs[named]("nobody@example.com")
    )

    assert known / 2 < unknown < known * 2


def test_e1_a_reset_that_is_not_configured_says_nothing_of_the_account(
    store: MemoryStore, clock: SettableClock, account: Callable[[Engine, str], None]
) -> None:
    """
    Given any account, in an application whose resets are not configured,
    when a stranger asks for one,
    then the answer is the one that everybody gets.
    """
    with open_engine(store, clock=clock) as engine:
        account(engine, ADDRESS)
        engine.settings.unset("email.link_base")

        assert Receipt() == engine.public.reset(address=ADDRESS)


def test_e1_a_login_that_is_no_address_is_registered_alike_when_taken(
    store: MemoryStore, clock: SettableClock
) -> None:
    """
    Given a provider whose logins are no addresses,
    when a stranger registers one that is taken in this very instant,
    then the answer is the one that everybody gets, and nobody is there to be told.
    """

    class Cards:
        name = "card"
        inline = True

        @hookimpl
        def register_providers(self) -> Iterable[Provider]:
            return [self]

        def identify(self, credentials: Credentials, services: Services) -> Claim:
            return Claim(login_key="7-42")

        def check(
            self, credentials: Credentials, identity: Identity | None, services: Services
        ) -> Check:
            return Check(accepted=False)

        def new_identity(self, request: RegistrationRequest, services: Services) -> NewIdentity:
            return NewIdentity(login_key=request.login)

        def private_data(self, password: Secret, services: Services) -> dict[str, str]:
            return {}

        def verify_private(
            self, password: Secret, identity: Identity | None, services: Services
        ) -> bool:
            return False

    with open_engine(store, clock=clock, plugins=[Cards()]) as engine:

        def taken() -> None:
            raise KeyTaken("card:7-42")

        meanwhile(store, taken, before=records("register"))

        assert Receipt() == engine.public.register("7-42", PASSWORD, provider="card")
        assert 0 == engine.users.count()
