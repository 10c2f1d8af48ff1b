"""H7: several who wait for one address, of whom one is its owner."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from admit import Actor, Engine, Receipt
from admit.errors import AddressTaken, CodeWrong, LogInRefused, UserNotFound, WrongCredentials
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
