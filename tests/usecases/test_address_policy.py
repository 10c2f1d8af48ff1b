"""Who holds an address before anything is proved: the setting `address_policy`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

import admit
from admit import (
    Check,
    Claim,
    Entry,
    Identity,
    NewIdentity,
    Outcome,
    RegistrationRequest,
    Services,
    hookimpl,
)
from admit.errors import (
    AddressTaken,
    CodeWrong,
    ConfirmationRequired,
    UserNotFound,
    WrongCredentials,
)
from admit.flows import ConfirmationFlow
from admit.masked import Secret
from admit.providers import Provider
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

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


class Nicknames:
    """A provider whose users register with a nickname, and perhaps an address for messages; one
    who comes with the master key proves that the nickname is his."""

    name = "nickname"
    inline = True

    @hookimpl
    def register_providers(self) -> Iterable[Provider]:
        return [self]

    def new_identity(self, request: RegistrationRequest, services: Services) -> NewIdentity:
        address = request.data.get("address")
        return NewIdentity(
            login_key=request.login, address=None if address is None else str(address)
        )

    def private_data(self, password: Secret, services: Services) -> Mapping[str, str]:
        return {}

    def verify_private(
        self, password: Secret, identity: Identity | None, services: Services
    ) -> bool:
        return False

    def identify(self, credentials: Mapping[str, Any], services: Services) -> Claim:
        proved = "master-key" in credentials
        return Claim(login_key=credentials["nickname"], proved=proved, creates_users=proved)

    def check(
        self, credentials: Mapping[str, Any], identity: Identity | None, services: Services
    ) -> Check:
        return Check(accepted=False)


def test_who_waits_for_another_login_is_not_rejected(
    store: MemoryStore, clock: SettableClock, inbox: Inbox
) -> None:
    """
    Given two who carry one address, but log in through different providers,
    when one of them proves it,
    then the other, whose login is still free, goes on waiting: a shared mailbox is data.
    """
    with open_engine(
        store,
        clock=clock,
        inbox=inbox,
        plugins=[Nicknames()],
        settings={"address_policy": "first-proof"},
    ) as engine:
        countess = engine.register(
            "countess", provider="nickname", data={"address": "ada@example.com"}
        )
        link = inbox.last_link().credentials
        waiting(engine, inbox, 2)
        engine.confirm(**inbox.last_link().credentials)

        engine.work_once()

        assert (countess.id,) == tuple(user.id for user in engine.users.pending().items)
        assert "confirmed" == engine.confirm(**link).state


@pytest.fixture
def nicknames(store: MemoryStore, clock: SettableClock, inbox: Inbox) -> Iterator[admit.Engine]:
    """An engine whose users have nicknames, under `first-proof`."""
    with open_engine(
        store,
        clock=clock,
        inbox=inbox,
        plugins=[Nicknames(), Waiting()],
        settings={"address_policy": "first-proof", "confirmation_flow": "waiting"},
    ) as engine:
        yield engine


class Waiting:
    """A flow that sends nothing."""

    name = "waiting"
    inline = True

    @hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        return [self]

    def begin(self, entry: Entry, services: Services) -> Outcome:
        return Outcome.pending()


def test_a_login_without_an_address_is_waited_for_like_any_other(nicknames: admit.Engine) -> None:
    """
    Given a provider that knows no addresses,
    when six register with one login, then the sixth is refused; when one is confirmed, then the
    worker rejects the others.
    """
    users = [nicknames.register("countess", provider="nickname") for _ in range(5)]
    with pytest.raises(AddressTaken):
        nicknames.register("countess", provider="nickname")

    nicknames.confirm_manually(users[2])
    nicknames.work_once()

    assert 0 == nicknames.users.count("pending")
    assert users[2].id == nicknames.users.find_login("nickname", "countess").id


def test_a_first_log_in_that_proves_the_login_takes_it_from_those_who_wait(
    nicknames: admit.Engine,
) -> None:
    """
    Given two who wait for a login,
    when somebody else proves at her first log-in that it is hers,
    then it is hers, and the worker rejects the others.
    """
    for _ in range(2):
        nicknames.register("countess", provider="nickname")
    with pytest.raises(WrongCredentials):
        nicknames.log_in("nickname", nickname="countess")

    login = nicknames.log_in("nickname", **{"nickname": "countess", "master-key": True})
    nicknames.work_once()

    assert (0, 1) == (nicknames.users.count("pending"), nicknames.users.count("confirmed"))
    assert login.user.id == nicknames.users.find_login("nickname", "countess").id


def test_who_only_carries_the_address_takes_none_of_the_five_places(
    nicknames: admit.Engine, inbox: Inbox
) -> None:
    """
    Given twenty users of another provider who gave Ada's address,
    when she registers with it after them, and types her code,
    then she may wait, is found by her address, and is confirmed.
    """
    for number in range(20):
        data = {"address": "ada@example.com"}
        nicknames.register(f"nick{number}", provider="nickname", data=data)
    nicknames.settings.set("confirmation_flow", "email")

    ada = nicknames.register("ada@example.com", PASSWORDS[0])
    code = inbox.last_code()
    for number in range(20, 40):
        nicknames.register(f"nick{number}", provider="nickname", data=data)

    assert ada.id == nicknames.users.find("ada@example.com").id
    assert ada.id == nicknames.confirm(address="ada@example.com", code=code).id
