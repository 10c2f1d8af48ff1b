"""H6, H7: an account made with somebody else's address is worth nothing to who made it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from admit import Engine, Receipt
from admit.errors import (
    ConfirmationRequired,
    LogInRefused,
    PasswordRefused,
    TokenRefused,
    TokenSuperseded,
    TokenUsed,
    UserNotFound,
)
from admit.public import PublicFace
from admit.testing import Inbox, SettableClock
from admit.testing import open as open_engine

ADDRESS = "victim@example.com"
ATTACKERS = "the password of the attacker"
VICTIMS = "the password of the victim"


def opens(engine: Engine, password: str) -> bool:
    """Whether a password opens the account of the address."""
    try:
        engine.log_in("local-userpass", username=ADDRESS, password=password)
    except LogInRefused:
        return False
    return True


def asks_for_a_password(inbox: Inbox) -> bool:
    """Whether the newest message leads to choosing a password rather than to a bare press."""
    return "purpose=reset" in inbox.last_link(ADDRESS).url


@pytest.fixture
def first_proof(inbox: Inbox, clock: SettableClock) -> Iterator[Engine]:
    """An engine under the policy `first-proof`."""
    with open_engine(
        inbox=inbox, clock=clock, settings={"address_policy": "first-proof"}
    ) as engine:
        yield engine


# --- H6 ------------------------------------------------------------------------------------------


def test_h6_nothing_is_usable_before_confirmation(engine: Engine) -> None:
    """Given a pending user, when the right password is given, then no session comes of it, nor by
    changing the password."""
    user = engine.register(ADDRESS, ATTACKERS)

    with pytest.raises(ConfirmationRequired):
        engine.log_in("local-userpass", username=ADDRESS, password=ATTACKERS)
    engine.change_password(user, current=ATTACKERS, new="another of the attacker's")
    with pytest.raises(ConfirmationRequired):
        engine.log_in("local-userpass", username=ADDRESS, password="another of the attacker's")

    assert () == engine.sessions.of(user)
    assert "pending" == engine.users.get(user.id).state


def test_h6_what_is_never_proved_can_be_expired(engine: Engine, clock: SettableClock) -> None:
    """Given a deadline for pending users, when it has passed, then the squatter is gone, the
    address is free, and a confirmed user stays."""
    engine.settings.set("expire_pending_after", timedelta(days=7))
    squatter = engine.register(ADDRESS, ATTACKERS)
    kept = engine.confirm_manually(engine.register("ada@example.com", VICTIMS))
    clock.advance(timedelta(days=7))

    engine.sweep()

    with pytest.raises(UserNotFound):
        engine.users.get(squatter.id)
    assert kept.id == engine.users.get(kept.id).id
    assert squatter.id != engine.register(ADDRESS, VICTIMS).id


def test_h6_an_expired_squatters_link_is_dead(
    engine: Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """Given a pending user who expired, when the link of before is pressed, then nobody is
    confirmed, also when the address has registered again."""
    engine.settings.set("expire_pending_after", timedelta(hours=1))
    engine.settings.set("token_lifetime", timedelta(hours=24))
    engine.register(ADDRESS, ATTACKERS)
    link = inbox.last_link()
    clock.advance(timedelta(hours=1))
    engine.sweep()
    engine.register(ADDRESS, VICTIMS)

    with pytest.raises(TokenRefused):
        engine.confirm(**link.credentials)

    assert "pending" == engine.users.find(ADDRESS).state


# --- H7: what is asked for by address alone -------------------------------------------------------


ASKED_BY_ADDRESS: dict[str, Callable[[PublicFace], Receipt]] = {
    "register": lambda public: public.register(ADDRESS, VICTIMS),
    "resend": lambda public: public.resend(address=ADDRESS),
    "rerun": lambda public: public.rerun(address=ADDRESS),
    "reset": lambda public: public.reset(address=ADDRESS),
    "resend-with-another-password": lambda public: public.resend(address=ADDRESS, password=VICTIMS),
    "rerun-with-another-password": lambda public: public.rerun(address=ADDRESS, password=VICTIMS),
}


@pytest.mark.parametrize("asked", ASKED_BY_ADDRESS.values(), ids=ASKED_BY_ADDRESS.keys())
def test_h7_nothing_asked_for_by_address_alone_sends_a_link_to_anothers_password(
    engine: Engine, inbox: Inbox, asked: Callable[[PublicFace], Receipt]
) -> None:
    """
    Given an attacker who registered the victim's address with his password,
    when the victim registers herself, or asks for a message in any way,
    then it leads to choosing a password; using it confirms her with hers, and his is dead.
    """
    engine.register(ADDRESS, ATTACKERS)

    asked(engine.public)
    engine.work_once()

    assert asks_for_a_password(inbox)
    user = engine.set_password(**inbox.last_link().credentials, password=VICTIMS)
    assert "confirmed" == user.state
    assert (True, False) == (opens(engine, VICTIMS), opens(engine, ATTACKERS))


@pytest.mark.parametrize("asked", ASKED_BY_ADDRESS.values(), ids=ASKED_BY_ADDRESS.keys())
def test_h7_the_same_holds_where_several_wait_for_the_address(
    first_proof: Engine, inbox: Inbox, asked: Callable[[PublicFace], Receipt]
) -> None:
    """
    Given two attackers who wait for the victim's address under `first-proof`,
    when she asks for a message by address alone, or registers as well,
    then only she is confirmed by what she gets, with her own password, and they are gone.
    """
    public = first_proof.public
    attackers = [
        first_proof.register(ADDRESS, ATTACKERS),
        first_proof.register(ADDRESS, f"{ATTACKERS} too"),
    ]
    asked(public)
    first_proof.work_once()

    credentials = inbox.last_link(ADDRESS).credentials
    if asks_for_a_password(inbox):
        public.set_password(**credentials, password=VICTIMS)
    else:
        public.confirm(**credentials, password=VICTIMS)
    first_proof.work_once()

    assert opens(first_proof, VICTIMS)
    assert not opens(first_proof, ATTACKERS)
    assert not opens(first_proof, f"{ATTACKERS} too")
    assert 1 == first_proof.users.count()
    for attacker in attackers:
        if attacker.id != first_proof.users.find(ADDRESS).id:
            with pytest.raises(UserNotFound):
                first_proof.users.get(attacker.id)


@pytest.mark.parametrize("verb", ["resend", "rerun"])
def test_h7_who_gives_the_stored_password_gets_a_confirmation_link(
    engine: Engine, inbox: Inbox, verb: str
) -> None:
    """Given a pending user, when a message is asked for with her own password, then a press is
    enough: what it activates is what she knows."""
    engine.register(ADDRESS, VICTIMS)

    getattr(engine.public, verb)(address=ADDRESS, password=VICTIMS)
    engine.work_once()

    assert 2 == len(inbox.messages)
    assert not asks_for_a_password(inbox)


@pytest.mark.parametrize("verb", ["resend", "rerun"])
def test_h7_who_names_the_user_gets_a_confirmation_link(
    engine: Engine, inbox: Inbox, verb: str
) -> None:
    """Given a pending user, when a message is asked for by her id, as her own page does after
    registering, then a press is enough."""
    user = engine.register(ADDRESS, VICTIMS)

    getattr(engine.public, verb)(user=user.id)
    engine.work_once()

    assert 2 == len(inbox.messages)
    assert not asks_for_a_password(inbox)


def test_h7_the_older_link_is_never_sent_again_to_a_second_registration(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a pending user, when her address registers again from outside, then the new message
    carries another token than the old one, and another purpose."""
    engine.register(ADDRESS, ATTACKERS)
    older = inbox.last_link()

    engine.public.register(ADDRESS, VICTIMS)
    engine.work_once()

    assert older.token != inbox.last_link().token
    assert older.token_id != inbox.last_link().token_id
    assert not opens(engine, VICTIMS)


# --- H7: a reset on a pending user ----------------------------------------------------------------


def test_h7_a_reset_on_a_pending_user_sets_the_password_and_confirms_in_one(
    engine: Engine, inbox: Inbox
) -> None:
    """
    Given a pending user with an attacker's password,
    when the owner of the mailbox uses a reset link,
    then she is confirmed and proved with hers, and the earlier confirmation link is dead.
    """
    engine.register(ADDRESS, ATTACKERS)
    confirmation = inbox.last_link()
    engine.reset(address=ADDRESS)

    user = engine.set_password(**inbox.last_link().credentials, password=VICTIMS)

    assert "confirmed" == user.state
    assert user.address is not None
    assert user.address.proved_at is not None
    assert (True, False) == (opens(engine, VICTIMS), opens(engine, ATTACKERS))
    with pytest.raises(TokenSuperseded):
        engine.confirm(**confirmation.credentials)


def test_h7_a_reset_code_on_a_pending_user_does_the_same(engine: Engine, inbox: Inbox) -> None:
    """Given a pending user, when the owner of the mailbox types a reset code, then she is confirmed
    with her password."""
    engine.register(ADDRESS, ATTACKERS)
    engine.reset(address=ADDRESS)

    engine.set_password(address=ADDRESS, code=inbox.last_code(), password=VICTIMS)

    assert (True, False) == (opens(engine, VICTIMS), opens(engine, ATTACKERS))


def test_h7_a_refused_password_leaves_the_reset_link_good(engine: Engine, inbox: Inbox) -> None:
    """Given a pending user's reset link, when the password is refused, then nothing is confirmed
    and the link is still good."""
    engine.register(ADDRESS, ATTACKERS)
    engine.reset(address=ADDRESS)
    link = inbox.last_link()

    with pytest.raises(PasswordRefused):
        engine.public.set_password(**link.credentials, password="password")

    assert "pending" == engine.users.find(ADDRESS).state
    engine.public.set_password(**link.credentials, password=VICTIMS)
    assert opens(engine, VICTIMS)


def test_h7_a_typed_reset_code_sets_the_password_on_the_public_face_too(
    engine: Engine, inbox: Inbox
) -> None:
    """
    Given a pending registration of an attacker's, and the reset mail that its owner asked for,
    when she types the code on our page – first with a password that is refused –,
    then the refusal leaves the code good, and hers is the password that opens; the code is used.
    """
    engine.register(ADDRESS, ATTACKERS)
    engine.public.reset(address=ADDRESS)
    engine.work_once()
    code = inbox.last_code()
    with pytest.raises(PasswordRefused):
        engine.public.set_password(address=ADDRESS, code=code, password="password")

    user = engine.public.set_password(address=ADDRESS, code=code.lower(), password=VICTIMS)

    assert "confirmed" == user.state
    assert (True, False) == (opens(engine, VICTIMS), opens(engine, ATTACKERS))
    with pytest.raises(TokenUsed):
        engine.public.set_password(address=ADDRESS, code=code, password=ATTACKERS)
