"""H6, H7: an account made with somebody else's address is worth nothing to who made it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from admit import Actor, Engine, Receipt
from admit.errors import (
    AddressTaken,
    CodeWrong,
    ConfirmationRequired,
    LogInRefused,
    PasswordRefused,
    TokenRefused,
    TokenSuperseded,
    TokenUsed,
    UserNotFound,
    WrongCredentials,
)
from admit.public import PublicFace
from admit.testing import Inbox, SettableClock
from admit.testing import open as open_engine

ADDRESS = "victim@example.com"
ATTACKERS = "the password of the attacker"
VICTIMS = "the password of the victim"

LATER = timedelta(minutes=2)
"""Longer than the cool-down between two messages."""


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


# --- H7: public.confirm ---------------------------------------------------------------------------


def test_h7_public_confirm_with_another_password_replaces_the_stored_one(
    engine: Engine, inbox: Inbox
) -> None:
    """Given the attacker's registration, when the victim presses its link on our page, which asks
    for a password, then hers is the one that opens."""
    engine.register(ADDRESS, ATTACKERS)

    user = engine.public.confirm(**inbox.last_link().credentials, password=VICTIMS)

    assert "confirmed" == user.state
    assert (True, False) == (opens(engine, VICTIMS), opens(engine, ATTACKERS))


def test_h7_public_confirm_by_code_replaces_it_as_well(engine: Engine, inbox: Inbox) -> None:
    """Given the attacker's registration, when the victim types its code with her password, then
    hers is the one that opens."""
    engine.register(ADDRESS, ATTACKERS)

    engine.public.confirm(address=ADDRESS, code=inbox.last_code(), password=VICTIMS)

    assert (True, False) == (opens(engine, VICTIMS), opens(engine, ATTACKERS))


def test_h7_public_confirm_with_the_stored_password_keeps_it(engine: Engine, inbox: Inbox) -> None:
    """Given a user's own registration, when she presses the link with the password of then, then
    its hash is as it was."""
    before = engine.register(ADDRESS, VICTIMS).identities[0].private

    user = engine.public.confirm(**inbox.last_link().credentials, password=VICTIMS)

    assert before == user.identities[0].private


def test_h7_public_confirm_needs_a_password(engine: Engine, inbox: Inbox) -> None:
    """Given a link, when it is pressed without a password, then Python refuses the call."""
    engine.register(ADDRESS, ATTACKERS)

    with pytest.raises(TypeError, match="password"):
        engine.public.confirm(**inbox.last_link().credentials)

    assert "pending" == engine.users.find(ADDRESS).state


def test_h7_public_confirm_refuses_a_bad_password_and_keeps_the_link_good(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a link, when the password given with it is refused, then nobody is confirmed, and with
    a better one the link works."""
    engine.register(ADDRESS, ATTACKERS)
    link = inbox.last_link()

    for bad in ("password", ADDRESS, "short"):
        with pytest.raises(PasswordRefused):
            engine.public.confirm(**link.credentials, password=bad)
    assert "pending" == engine.users.find(ADDRESS).state

    engine.public.confirm(**link.credentials, password=VICTIMS)
    assert (True, False) == (opens(engine, VICTIMS), opens(engine, ATTACKERS))


def test_h7_the_first_press_replaces_the_password_of_who_was_confirmed_by_hand(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a registration by an attacker that an admin confirmed by hand, when the owner of the
    mailbox presses the link with her own password, then hers holds and his is gone."""
    user = engine.register(ADDRESS, ATTACKERS)
    link = inbox.last_link()
    engine.confirm_manually(user)

    proved = engine.public.confirm(**link.credentials, password=VICTIMS)

    assert proved.address is not None
    assert proved.address.proved_at is not None
    assert (True, False) == (opens(engine, VICTIMS), opens(engine, ATTACKERS))


def test_h7_a_second_press_changes_no_password(engine: Engine, inbox: Inbox) -> None:
    """Given a user who proved her address, when the link is pressed again with another password,
    then the password stays: that would be a reset."""
    engine.register(ADDRESS, VICTIMS)
    link = inbox.last_link()
    engine.public.confirm(**link.credentials, password=VICTIMS)

    engine.public.confirm(**link.credentials, password="another one entirely")

    assert opens(engine, VICTIMS)


def test_h7_a_user_registered_without_a_password_sets_one_by_confirming(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a registration without a password, when its link is pressed with one, then it opens."""
    engine.register(ADDRESS)

    engine.public.confirm(**inbox.last_link().credentials, password=VICTIMS)

    assert opens(engine, VICTIMS)


def test_h7_the_trusted_confirm_activates_what_is_stored(engine: Engine, inbox: Inbox) -> None:
    """Given a registration, when the application itself confirms by its link, then the stored
    password opens: that face tells the truth, and says so in its documentation."""
    engine.register(ADDRESS, ATTACKERS)

    engine.confirm(**inbox.last_link().credentials)

    assert opens(engine, ATTACKERS)
    assert "Activates the password that is stored" in (Engine.confirm.__doc__ or "")


# --- H7: several who wait (first-proof) -----------------------------------------------------------


def test_h7_each_of_several_confirms_with_its_own_password_only(
    first_proof: Engine, inbox: Inbox
) -> None:
    """
    Given an attacker and the victim who both registered the address,
    when the victim presses the link of her own message,
    then her password opens, the attacker's does not, and his registration is gone.
    """
    attacker = first_proof.register(ADDRESS, ATTACKERS)
    first_proof.register(ADDRESS, VICTIMS)

    first_proof.confirm(**inbox.last_link().credentials)
    first_proof.work_once()

    assert (True, False) == (opens(first_proof, VICTIMS), opens(first_proof, ATTACKERS))
    with pytest.raises(UserNotFound):
        first_proof.users.get(attacker.id)


def test_h7_a_later_confirmer_of_the_same_address_is_refused(
    first_proof: Engine, inbox: Inbox
) -> None:
    """Given two who wait, when one has confirmed, then the other's link is refused, whether or not
    a worker came by, and its password never opens."""
    first_proof.register(ADDRESS, ATTACKERS)
    later = inbox.last_link()
    first_proof.register(ADDRESS, VICTIMS)
    first_proof.confirm(**inbox.last_link().credentials)

    with pytest.raises(AddressTaken):
        first_proof.confirm(**later.credentials)

    assert (True, False) == (opens(first_proof, VICTIMS), opens(first_proof, ATTACKERS))


@pytest.mark.parametrize("whose", ["the-attackers-mail", "her-own-mail"])
def test_h7_a_typed_code_finds_its_own_registration_among_several(
    first_proof: Engine, inbox: Inbox, whose: str
) -> None:
    """
    Given an attacker and then the victim who registered the address,
    when she types the code of either mail with her password,
    then her password opens and the attacker's does not, whichever code it was.
    """
    first_proof.register(ADDRESS, ATTACKERS)
    codes = {"the-attackers-mail": inbox.last_code()}
    first_proof.register(ADDRESS, VICTIMS)
    codes["her-own-mail"] = inbox.last_code()

    first_proof.public.confirm(address=ADDRESS, code=codes[whose], password=VICTIMS)

    assert (True, False) == (opens(first_proof, VICTIMS), opens(first_proof, ATTACKERS))


@pytest.mark.parametrize("first", [True, False], ids=["attacker-first", "attacker-last"])
def test_h7_the_link_of_either_registration_takes_the_password_of_who_presses(
    first_proof: Engine, inbox: Inbox, first: bool
) -> None:
    """Given the attacker's and the victim's registration, when she presses the link of his with her
    password, then hers opens."""
    passwords = [ATTACKERS, VICTIMS] if first else [VICTIMS, ATTACKERS]
    links = {}
    for password in passwords:
        first_proof.register(ADDRESS, password)
        links[password] = inbox.last_link()

    first_proof.public.confirm(**links[ATTACKERS].credentials, password=VICTIMS)

    assert (True, False) == (opens(first_proof, VICTIMS), opens(first_proof, ATTACKERS))


def test_h7_a_sixth_registration_mails_a_reset_token_instead(
    first_proof: Engine, inbox: Inbox
) -> None:
    """Given five who wait, when a sixth registers from outside, then nobody is added, the answer is
    the same, and the mail leads to choosing a password."""
    for number in range(5):
        first_proof.register(ADDRESS, f"{ATTACKERS} {number}")

    receipt = first_proof.public.register(ADDRESS, VICTIMS)
    first_proof.work_once()

    assert Receipt() == receipt
    assert 5 == first_proof.users.count("pending")
    assert asks_for_a_password(inbox)
    first_proof.set_password(**inbox.last_link().credentials, password=VICTIMS)
    first_proof.work_once()
    assert opens(first_proof, VICTIMS)
    assert 1 == first_proof.users.count()


def test_h7_the_application_is_told_that_five_wait(first_proof: Engine) -> None:
    """Given five who wait, when a sixth registers from inside, then the address is taken by pending
    users."""
    for number in range(5):
        first_proof.register(ADDRESS, f"{ATTACKERS} {number}")

    with pytest.raises(AddressTaken) as taken:
        first_proof.register(ADDRESS, VICTIMS)

    assert "pending" == taken.value.holder_state


def test_h7_a_confirmed_holder_is_no_rival_to_anybody(first_proof: Engine, inbox: Inbox) -> None:
    """Given a confirmed user under `first-proof`, when an attacker registers her address, then
    nobody new waits for it, and she is told without a token."""
    first_proof.register(ADDRESS, VICTIMS)
    first_proof.confirm(**inbox.last_link().credentials)

    first_proof.public.register(ADDRESS, ATTACKERS)
    first_proof.work_once()

    assert 1 == first_proof.users.count()
    assert "token=" not in inbox.last().text
    assert opens(first_proof, VICTIMS)


def test_h7_a_wrong_code_opens_none_of_several(first_proof: Engine) -> None:
    """Given two who wait, when a wrong code is typed, then both stay pending."""
    first_proof.register(ADDRESS, ATTACKERS)
    first_proof.register(ADDRESS, VICTIMS)

    with pytest.raises(CodeWrong):
        first_proof.public.confirm(address=ADDRESS, code="AAAA-2222", password=VICTIMS)

    assert 2 == first_proof.users.count("pending")


def test_h7_proof_ends_the_sessions_of_whoever_was_let_in_before(
    engine: Engine, inbox: Inbox
) -> None:
    """
    Given an attacker whom an admin confirmed by hand and who logged in,
    when the owner of the mailbox resets the password,
    then his session is dead at the next request.
    """
    engine.acting(Actor("admin")).confirm_manually(engine.register(ADDRESS, ATTACKERS))
    attacker = engine.log_in("local-userpass", username=ADDRESS, password=ATTACKERS)
    engine.public.reset(address=ADDRESS)
    engine.work_once()

    engine.public.set_password(**inbox.last_link().credentials, password=VICTIMS)

    for use in (engine.verify, engine.refresh):
        token = attacker.access_token if use == engine.verify else attacker.refresh_token
        with pytest.raises(Exception, match="ended"):
            use(token)
    with pytest.raises(WrongCredentials):
        engine.log_in("local-userpass", username=ADDRESS, password=ATTACKERS)
