"""Who holds an address before anything is proved: the setting `address_policy`."""

from __future__ import annotations

import pytest

import admit
from admit.errors import (
    AddressTaken,
    CodeWrong,
    ConfirmationRequired,
    UserNotFound,
    WrongCredentials,
)
from admit.testing import Inbox

PASSWORDS = [f"the password of number {number}" for number in range(6)]


@pytest.fixture
def first_proof(engine: admit.Engine) -> admit.Engine:
    """An engine under the policy `first-proof`."""
    engine.settings.set("address_policy", "first-proof")
    engine.settings.set("cool_down", 0)
    return engine


def waiting(engine: admit.Engine, inbox: Inbox, count: int) -> list[dict[str, str]]:
    """Let *count* users wait for one address, and return their links."""
    links = []
    for number in range(count):
        engine.register("ada@example.com", PASSWORDS[number])
        links.append(inbox.last_link().credentials)
    return links


def log_in(engine: admit.Engine, number: int) -> admit.LogIn:
    return engine.log_in("local-userpass", username="ada@example.com", password=PASSWORDS[number])


def test_reserve_is_the_default_and_lets_one_wait(engine: admit.Engine) -> None:
    """Whoever registers first holds the address, proved or not."""
    engine.register("ada@example.com", PASSWORDS[0])

    with pytest.raises(AddressTaken):
        engine.register("ada@example.com", PASSWORDS[1])

    assert 1 == engine.users.count("pending")


def test_under_first_proof_several_wait(first_proof: admit.Engine, inbox: Inbox) -> None:
    """Each with a message of her own."""
    waiting(first_proof, inbox, 3)

    assert (3, 3) == (first_proof.users.count("pending"), len(inbox.messages))


def test_who_proves_it_first_gets_it(first_proof: admit.Engine, inbox: Inbox) -> None:
    """
    Given three who wait for one address,
    when the second presses her link,
    then the address and the log-in are hers, with her own password.
    """
    links = waiting(first_proof, inbox, 3)

    second = first_proof.confirm(**links[1])

    assert second == first_proof.users.find("ada@example.com")
    assert second.id == log_in(first_proof, 1).user.id
    for number in (0, 2):
        with pytest.raises(WrongCredentials):
            log_in(first_proof, number)


def test_the_worker_rejects_those_who_were_slower(first_proof: admit.Engine, inbox: Inbox) -> None:
    """They are gone, with an event that says how; the first prover stays as she is."""
    links = waiting(first_proof, inbox, 3)
    winner = first_proof.confirm(**links[1])
    losers = first_proof.users.pending().items

    first_proof.work_once()

    assert (0, 1) == (first_proof.users.count("pending"), first_proof.users.count("confirmed"))
    for loser in losers:
        last = first_proof.users.timeline(loser)[-1]
        assert ("reject", "pending", "deleted") == (last.trigger, last.from_state, last.to_state)
    assert "confirmed" == first_proof.users.get(winner.id).state


def test_a_slower_press_is_refused_and_its_user_gone(
    first_proof: admit.Engine, inbox: Inbox
) -> None:
    """Also before a worker has come by."""
    links = waiting(first_proof, inbox, 2)
    winner = first_proof.confirm(**links[1])
    [loser] = first_proof.users.pending().items

    with pytest.raises(AddressTaken) as taken:
        first_proof.confirm(**links[0])

    assert "confirmed" == taken.value.holder_state
    with pytest.raises(UserNotFound):
        first_proof.users.get(loser.id)
    assert "confirmed" == first_proof.users.get(winner.id).state


def test_a_slower_reset_is_refused_and_its_user_gone(
    first_proof: admit.Engine, inbox: Inbox
) -> None:
    """
    Given two who wait for an address, one of whom has asked for a reset,
    when the other proves it first and the reset is used before any worker came by,
    then it is refused, and its user is gone, as after a slower press.
    """
    first, _ = waiting(first_proof, inbox, 2)
    slower = first_proof.users.pending().items[1]
    first_proof.reset(slower)
    link = inbox.last_link().credentials
    first_proof.confirm(**first)

    with pytest.raises(AddressTaken):
        first_proof.set_password(**link, password="a new horse, a new staple")

    with pytest.raises(UserNotFound):
        first_proof.users.get(slower.id)


def test_at_most_five_wait(first_proof: admit.Engine, inbox: Inbox) -> None:
    """A sixth is told that the address is taken; there is room again once one of them goes."""
    waiting(first_proof, inbox, 5)

    with pytest.raises(AddressTaken) as taken:
        first_proof.register("ada@example.com", PASSWORDS[5])

    assert ("pending", 5) == (taken.value.holder_state, first_proof.users.count())
    first_proof.delete(first_proof.users.pending().items[0])
    first_proof.register("ada@example.com", PASSWORDS[5])


def test_a_stranger_who_comes_sixth_is_answered_by_a_reset_for_the_newest(
    first_proof: admit.Engine, inbox: Inbox
) -> None:
    """
    Given five who wait for one address,
    when a stranger registers it,
    then nobody is added, and the mailbox gets a reset token: who uses it sets her own password,
    is confirmed, and the rest is rejected.
    """
    waiting(first_proof, inbox, 5)
    newest = first_proof.users.pending().items[-1]

    first_proof.public.register("ada@example.com", PASSWORDS[5])
    first_proof.work_once()

    assert 5 == first_proof.users.count("pending")
    owner = first_proof.set_password(password=PASSWORDS[5], **inbox.last_link().credentials)
    assert newest.id == owner.id
    assert owner.id == log_in(first_proof, 5).user.id
    first_proof.work_once()
    assert (0, 1) == (first_proof.users.count("pending"), first_proof.users.count("confirmed"))


def test_a_confirmed_address_lets_nobody_wait(first_proof: admit.Engine, inbox: Inbox) -> None:
    """It is proved; there is nothing to wait for."""
    [link] = waiting(first_proof, inbox, 1)
    first_proof.confirm(**link)

    with pytest.raises(AddressTaken) as taken:
        first_proof.register("ada@example.com", PASSWORDS[1])

    assert "confirmed" == taken.value.holder_state


def test_a_typed_code_belongs_to_whoever_got_it(first_proof: admit.Engine, inbox: Inbox) -> None:
    """
    Given three who wait for one address, each with a code,
    when the first one's is typed,
    then it is she who is confirmed.
    """
    first = first_proof.register("ada@example.com", PASSWORDS[0])
    code = inbox.last_code()
    for number in (1, 2):
        first_proof.register("ada@example.com", PASSWORDS[number])

    confirmed = first_proof.confirm(address="ada@example.com", code=code)

    assert first.id == confirmed.id


def test_a_wrong_code_counts_for_each_of_them(first_proof: admit.Engine, inbox: Inbox) -> None:
    """Guessing is not cheaper because several wait."""
    waiting(first_proof, inbox, 3)

    with pytest.raises(CodeWrong):
        first_proof.confirm(address="ada@example.com", code="ZZZZ-ZZZZ")

    assert [1, 1, 1] == [user.runs[-1].wrong_codes for user in first_proof.users.pending().items]


def test_an_address_leads_to_the_newest_who_waits(first_proof: admit.Engine, inbox: Inbox) -> None:
    """Until somebody has proved it."""
    waiting(first_proof, inbox, 2)
    third = first_proof.register("ada@example.com", PASSWORDS[2])

    assert third == first_proof.users.find("ada@example.com")
    with pytest.raises(ConfirmationRequired):
        log_in(first_proof, 2)


def test_a_rerun_of_one_leaves_the_others_links_good(
    first_proof: admit.Engine, inbox: Inbox
) -> None:
    """Runs are retired within one user only."""
    links = waiting(first_proof, inbox, 2)
    newest = first_proof.users.pending().items[-1]
    first_proof.rerun(newest)

    assert newest.id != first_proof.confirm(**links[0]).id


def test_a_success_of_the_flow_takes_the_address_too(
    first_proof: admit.Engine, inbox: Inbox
) -> None:
    """
    Given one who waits, and the flow `auto` from now on,
    when another registers, she is confirmed at once and has the address;
    when the first presses her link, it is too late.
    """
    [link] = waiting(first_proof, inbox, 1)
    first_proof.settings.set("confirmation_flow", "auto")

    second = first_proof.register("ada@example.com", PASSWORDS[1])

    assert "confirmed" == second.state
    with pytest.raises(AddressTaken):
        first_proof.confirm(**link)


def test_a_rerun_that_succeeds_too_late_is_told(first_proof: admit.Engine, inbox: Inbox) -> None:
    """The flow says `success`, but the address is somebody else's by now: this user is gone."""
    links = waiting(first_proof, inbox, 2)
    first, _ = first_proof.users.pending().items
    first_proof.confirm(**links[1])
    first_proof.settings.set("confirmation_flow", "auto")

    with pytest.raises(AddressTaken):
        first_proof.rerun(first)

    with pytest.raises(UserNotFound):
        first_proof.users.get(first.id)


def test_a_manual_creation_takes_the_address_from_those_who_wait(
    first_proof: admit.Engine, inbox: Inbox
) -> None:
    """
    Given two who wait for an address,
    when an admin creates a user with it,
    then it is that user's, and the worker rejects the others.
    """
    waiting(first_proof, inbox, 2)

    created = first_proof.create("ada@example.com")
    first_proof.work_once()

    assert created.id == first_proof.users.find("ada@example.com").id
    assert 0 == first_proof.users.count("pending")


def test_an_address_cannot_be_corrected_to_a_confirmed_one(
    first_proof: admit.Engine, inbox: Inbox
) -> None:
    """What would only be lost at the press is refused at once."""
    [link] = waiting(first_proof, inbox, 1)
    first_proof.confirm(**link)
    grace = first_proof.register("grace@exmaple.com", PASSWORDS[1])

    with pytest.raises(AddressTaken):
        first_proof.correct_address(grace, to="ada@example.com")

    assert grace == first_proof.users.get(grace.id)


def test_a_correction_is_no_way_past_the_five(first_proof: admit.Engine, inbox: Inbox) -> None:
    """Who corrects her address waits like everybody else."""
    waiting(first_proof, inbox, 5)
    grace = first_proof.register("grace@example.com", PASSWORDS[5])

    with pytest.raises(AddressTaken):
        first_proof.correct_address(grace, to="ada@example.com")


def test_correcting_only_the_spelling_is_no_conflict_with_herself(
    first_proof: admit.Engine, inbox: Inbox
) -> None:
    """Also when all five places are taken."""
    waiting(first_proof, inbox, 5)
    newest = first_proof.users.pending().items[-1]

    corrected = first_proof.correct_address(newest, to="Ada@Example.com")

    assert corrected.address is not None
    assert "Ada@Example.com" == corrected.address.typed


def test_who_registered_under_reserve_and_corrects_under_first_proof_waits_too(
    first_proof: admit.Engine, inbox: Inbox
) -> None:
    """
    Given a user who holds her address, since she registered under `reserve`,
    when it is corrected, under `first-proof`, to one for which four wait,
    then she is the fifth who waits, lets go of the old address, and holds the new one as soon as
    she proves it; the worker rejects the others.
    """
    first_proof.settings.set("address_policy", "reserve")
    grace = first_proof.register("grace@exmaple.com", PASSWORDS[5])
    first_proof.settings.set("address_policy", "first-proof")
    waiting(first_proof, inbox, 4)

    first_proof.correct_address(grace, to="ada@example.com")

    link = inbox.last_link().credentials
    first_proof.register("grace@exmaple.com", PASSWORDS[5])
    with pytest.raises(AddressTaken):
        first_proof.register("ada@example.com", PASSWORDS[5])
    assert "confirmed" == first_proof.confirm(**link).state
    first_proof.work_once()
    assert ["grace@exmaple.com"] == [
        user.addresses[0].typed for user in first_proof.users.pending().items
    ]


def test_who_waited_under_first_proof_and_corrects_under_reserve_holds_the_address(
    first_proof: admit.Engine, inbox: Inbox
) -> None:
    """As whoever registers with it today would."""
    waiting(first_proof, inbox, 1)
    [ada] = first_proof.users.pending().items
    first_proof.settings.set("address_policy", "reserve")

    first_proof.correct_address(ada, to="ada@example.org")

    with pytest.raises(AddressTaken):
        first_proof.register("ada@example.org", PASSWORDS[1])


def test_who_waits_is_rejected_also_when_the_policy_was_switched_back(
    first_proof: admit.Engine, inbox: Inbox
) -> None:
    """
    Given two who wait, and a third who took the address under `reserve`,
    when the third confirms,
    then the worker rejects the two: nobody waits for what can not be had.
    """
    waiting(first_proof, inbox, 2)
    first_proof.settings.set("address_policy", "reserve")
    ada = first_proof.register("ada@example.com", PASSWORDS[2])

    first_proof.confirm(**inbox.last_link().credentials)
    first_proof.work_once()

    assert 0 == first_proof.users.count("pending")
    assert ada.id == first_proof.users.find("ada@example.com").id
