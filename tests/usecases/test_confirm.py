"""Confirm: by the token of a link, or by a typed code."""

from __future__ import annotations

from datetime import timedelta

import pytest
from told_flow import ToldFlow

import admit
from admit import hookimpl
from admit.errors import (
    CodeResting,
    CodeWrong,
    InvalidInput,
    TokenExpired,
    TokenMalformed,
    TokenSuperseded,
    TokenUnknown,
    UserNotFound,
    Vetoed,
)
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
OTHER_CODE = "ZZZZ-ZZZZ"


def test_a_link_confirms_and_proves_the_address(engine: admit.Engine, inbox: Inbox) -> None:
    """
    Given a pending user,
    when the link of its mail is pressed,
    then it is confirmed, and its address is proved by that run.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link()

    confirmed = engine.confirm(**link.credentials)

    assert (ada.id, "confirmed") == (confirmed.id, confirmed.state)
    assert confirmed.address is not None
    assert link.token_id == confirmed.address.proved_by
    assert confirmed.confirmed_at == confirmed.address.proved_at


def test_a_typed_code_does_the_same(engine: admit.Engine, inbox: Inbox) -> None:
    """Address and code are what a link is."""
    engine.register("ada@example.com", PASSWORD)

    confirmed = engine.confirm(address="ada@example.com", code=inbox.last_code())

    assert "confirmed" == confirmed.state
    assert confirmed.address is not None
    assert confirmed.address.proved_at is not None


def test_a_code_may_be_typed_as_people_do(engine: admit.Engine, inbox: Inbox) -> None:
    """Small letters, spaces and another spelling of the address are all right."""
    engine.register("ada@example.com", PASSWORD)
    typed = f" {inbox.last_code().lower().replace('-', ' ')} "

    assert "confirmed" == engine.confirm(address="ADA@example.com", code=typed).state


def test_a_link_may_have_lost_its_case(engine: admit.Engine, inbox: Inbox) -> None:
    """Some mail programs shout."""
    engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link().credentials

    shouted = engine.confirm(token_id=link["token_id"].upper(), token=link["token"].upper())

    assert "confirmed" == shouted.state


def test_pressing_twice_is_a_success_that_changes_nothing(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """
    Given a user who has pressed the link,
    when she presses it again,
    then she gets the same answer, and no event is added.
    """
    engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link().credentials
    first = engine.confirm(**link)

    second = engine.confirm(**link)

    assert first == second
    assert ["register", "dispatched", "confirm"] == [
        event.trigger for event in engine.users.timeline(first)
    ]


def test_typing_the_code_twice_is_a_success_too(engine: admit.Engine, inbox: Inbox) -> None:
    """The code of a press that succeeded still opens the same door."""
    engine.register("ada@example.com", PASSWORD)
    code = inbox.last_code()
    first = engine.confirm(address="ada@example.com", code=code)

    assert first == engine.confirm(address="ada@example.com", code=code)


def test_a_token_is_good_until_the_instant_before_its_end(
    engine: admit.Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """Half an hour from dispatch, less a millisecond."""
    engine.register("ada@example.com", PASSWORD)
    clock.advance(timedelta(minutes=30, milliseconds=-1))

    assert "confirmed" == engine.confirm(**inbox.last_link().credentials).state


def test_a_token_is_expired_at_exactly_its_end(
    engine: admit.Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """
    Given a pending user,
    when the link is pressed at exactly the end of its lifetime,
    then it has expired, and nothing was changed.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    clock.advance(timedelta(minutes=30))

    with pytest.raises(TokenExpired):
        engine.confirm(**inbox.last_link().credentials)

    assert ada == engine.users.get(ada.id)


def test_a_code_expires_with_its_link(
    engine: admit.Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """An expired code is a wrong one: it cannot be told apart from a guess."""
    engine.register("ada@example.com", PASSWORD)
    clock.advance(timedelta(minutes=30))

    with pytest.raises(CodeWrong):
        engine.confirm(address="ada@example.com", code=inbox.last_code())


def test_a_lifetime_counts_from_dispatch(told: ToldFlow, clock: SettableClock) -> None:
    """
    Given a flow that takes ten minutes to hand its message over,
    when the link is pressed half an hour after the run began,
    then it is still good: its lifetime counts from dispatch.
    """
    with open_engine(clock=clock, plugins=[told], settings={"confirmation_flow": "told"}) as engine:

        def slowly(entry: admit.Entry) -> admit.Outcome:
            clock.advance(timedelta(minutes=10))
            return admit.Outcome.pending()

        told.act = slowly
        engine.register("ada@example.com", PASSWORD)
        clock.advance(timedelta(minutes=30, milliseconds=-1))

        assert "confirmed" == engine.confirm(**told.link).state


def test_a_token_that_was_replaced_says_so(engine: admit.Engine, inbox: Inbox) -> None:
    """
    Given a user to whom a newer message was sent,
    when the older link is pressed,
    then it says so, and the newer one works.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    older = inbox.last_link().credentials
    engine.rerun(ada)

    with pytest.raises(TokenSuperseded):
        engine.confirm(**older)

    assert "confirmed" == engine.confirm(**inbox.last_link().credentials).state


def test_a_wrong_token_of_the_right_shape_is_unknown(engine: admit.Engine, inbox: Inbox) -> None:
    """One digit off is another token."""
    engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link().credentials
    last = "0" if link["token"][-1] != "0" else "1"

    with pytest.raises(TokenUnknown):
        engine.confirm(token_id=link["token_id"], token=link["token"][:-1] + last)


def test_a_token_belongs_to_its_own_run(engine: admit.Engine, inbox: Inbox) -> None:
    """The token of one user with the token id of another is unknown."""
    engine.register("ada@example.com", PASSWORD)
    ada = inbox.last_link().credentials
    engine.register("grace@example.com", PASSWORD)
    grace = inbox.last_link().credentials

    with pytest.raises(TokenUnknown):
        engine.confirm(token_id=grace["token_id"], token=ada["token"])


@pytest.mark.parametrize(
    ("token_id", "token"),
    [("x" * 24, "0" * 128), ("0" * 24, "0" * 127), ("0" * 24, ""), ("", "0" * 128)],
    ids=["not hex", "short", "no token", "no id"],
)
def test_what_is_no_token_at_all_is_told_apart(
    engine: admit.Engine, token_id: str, token: str
) -> None:
    """A link cut off by a mail program is not a dead token."""
    with pytest.raises(TokenMalformed):
        engine.confirm(token_id=token_id, token=token)


def test_either_a_link_or_an_address_and_a_code_is_needed(engine: admit.Engine) -> None:
    """The error says what to pass."""
    with pytest.raises(InvalidInput, match="address= and code="):
        engine.confirm()


def test_a_deleted_users_token_is_unknown(engine: admit.Engine, inbox: Inbox) -> None:
    """Deleting kills every token, also after the address was registered again."""
    engine.delete(engine.register("ada@example.com", PASSWORD))
    old = inbox.last_link().credentials
    engine.register("ada@example.com", PASSWORD)

    with pytest.raises(TokenUnknown):
        engine.confirm(**old)

    assert "pending" == engine.users.find("ada@example.com").state


def test_a_reset_token_confirms_nothing(engine: admit.Engine, inbox: Inbox) -> None:
    """A token works for one purpose."""
    ada = engine.register("ada@example.com", PASSWORD)
    engine.reset(ada)

    with pytest.raises(TokenUnknown):
        engine.confirm(**inbox.last_link().credentials)


def test_a_live_token_pressed_by_a_confirmed_user_proves_the_address(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """
    Given a user whom an admin confirmed, with a live link in her mailbox,
    when she presses it,
    then nothing moves, but the address is proved, with an event of its own.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    by_hand = engine.confirm_manually(ada)
    assert by_hand.address is not None
    assert by_hand.address.proved_at is None

    pressed = engine.confirm(**inbox.last_link().credentials)

    assert ("confirmed", by_hand.confirmed_at) == (pressed.state, pressed.confirmed_at)
    assert pressed.address is not None
    assert pressed.address.proved_at is not None
    event = engine.users.timeline(ada)[-1]
    assert ("proved", None) == (event.trigger, event.to_state)


def test_the_first_proof_ends_sessions_of_before(engine: admit.Engine, inbox: Inbox) -> None:
    """
    Given a session of a user whose address was never proved,
    when the owner of the mailbox proves it,
    then that session is dead: whoever holds it may be somebody else.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    engine.confirm_manually(ada)
    engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    assert 1 == len(engine.sessions.of(ada))

    engine.confirm(**inbox.last_link().credentials)

    assert () == engine.sessions.of(ada)


def test_confirming_never_enables(engine: admit.Engine, inbox: Inbox) -> None:
    """Disabled is another axis."""
    ada = engine.register("ada@example.com", PASSWORD)
    engine.disable(ada)

    confirmed = engine.confirm(**inbox.last_link().credentials)

    assert ("confirmed", True) == (confirmed.state, confirmed.disabled)


def test_a_veto_leaves_the_token_good(told: ToldFlow) -> None:
    """
    Given a plugin that says no,
    when the link is pressed,
    then the caller reads why, and the same link works once the plugin lets it.
    """
    with open_engine(plugins=[told], settings={"confirmation_flow": "told"}) as engine:
        ada = engine.register("ada@example.com", PASSWORD)
        told.veto = "Not before noon."
        with pytest.raises(Vetoed, match=r"Not before noon\."):
            engine.confirm(**told.link)
        assert "pending" == engine.users.get(ada.id).state

        told.veto = None

        assert "confirmed" == engine.confirm(**told.link).state


def test_a_flow_that_proves_nothing_proves_nothing_by_its_token(told: ToldFlow) -> None:
    """A token counts as proof of the address only if its flow says that it went there."""
    with open_engine(plugins=[told], settings={"confirmation_flow": "told"}) as engine:
        engine.register("ada@example.com", PASSWORD)

        confirmed = engine.confirm(**told.link)

        assert "confirmed" == confirmed.state
        assert confirmed.address is not None
        assert confirmed.address.proved_at is None


def test_after_confirm_is_called_once_a_user() -> None:
    """
    Given a plugin that counts confirmations,
    when a link is pressed twice,
    then it has counted one.
    """

    class Counting:
        def __init__(self) -> None:
            self.confirmed: list[admit.User] = []

        @hookimpl
        def after_confirm(self, user: admit.User) -> None:
            self.confirmed.append(user)

    counting, inbox = Counting(), Inbox()
    with open_engine(plugins=[counting], inbox=inbox) as engine:
        engine.register("ada@example.com", PASSWORD)
        link = inbox.last_link().credentials
        first = engine.confirm(**link)
        engine.confirm(**link)

    assert [first] == counting.confirmed


def test_a_code_for_an_address_of_nobody_is_told_to_the_application(engine: admit.Engine) -> None:
    """The engine's own methods tell the truth; `public` does not."""
    with pytest.raises(UserNotFound):
        engine.confirm(address="ada@example.com", code=OTHER_CODE)


def test_five_wrong_codes_let_the_code_rest_while_the_link_works(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """
    Given a pending user whose code somebody guesses five times,
    when the right code is typed,
    then it rests; the link still confirms: nobody can lock the owner out.
    """
    engine.register("ada@example.com", PASSWORD)
    for _ in range(5):
        with pytest.raises(CodeWrong):
            engine.confirm(address="ada@example.com", code=OTHER_CODE)

    with pytest.raises(CodeResting):
        engine.confirm(address="ada@example.com", code=inbox.last_code())

    assert "confirmed" == engine.confirm(**inbox.last_link().credentials).state


def test_fifteen_wrong_codes_a_day_let_the_code_rest_across_runs(
    engine: admit.Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """
    Given a user whose codes were guessed at fifteen times on one day, over three runs,
    when a fourth run sends a new code,
    then that rests until the next day.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    for _ in range(3):
        for _ in range(5):
            with pytest.raises(CodeWrong):
                engine.confirm(address="ada@example.com", code=OTHER_CODE)
        engine.rerun(ada)
    with pytest.raises(CodeResting):
        engine.confirm(address="ada@example.com", code=inbox.last_code())

    clock.advance(timedelta(days=1))
    engine.rerun(ada)

    confirmed = engine.confirm(address="ada@example.com", code=inbox.last_code())
    assert "confirmed" == confirmed.state


def test_an_admin_opens_the_code_way_again(engine: admit.Engine, inbox: Inbox) -> None:
    """
    Given a user whose codes rest for the day,
    when an admin re-runs her,
    then the new code works.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    for _ in range(3):
        for _ in range(5):
            with pytest.raises(CodeWrong):
                engine.confirm(address="ada@example.com", code=OTHER_CODE)
        engine.rerun(ada)

    engine.acting(admit.Actor("admin", "support")).rerun(ada)

    confirmed = engine.confirm(address="ada@example.com", code=inbox.last_code())
    assert "confirmed" == confirmed.state


@pytest.mark.parametrize("code", ["", "ABCD", "ABCD-EFGH-JKLM", "ÄÖÜß-ABCD", "x" * 100])
def test_what_cannot_be_a_code_is_not_counted(
    engine: admit.Engine, inbox: Inbox, code: str
) -> None:
    """A slip of the finger is no guess."""
    engine.register("ada@example.com", PASSWORD)
    for _ in range(6):
        with pytest.raises(InvalidInput):
            engine.confirm(address="ada@example.com", code=code)

    confirmed = engine.confirm(address="ada@example.com", code=inbox.last_code())
    assert "confirmed" == confirmed.state


def test_a_press_between_two_readings_is_decided_again(
    engine: admit.Engine, inbox: Inbox, store: MemoryStore
) -> None:
    """
    Given two presses of one link at the same time,
    when the second one's commit finds the user moved,
    then it decides again and is an idempotent success.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link().credentials
    raced: list[admit.User] = []

    def race(change: object) -> None:
        store.before_commit = None
        raced.append(engine.confirm(**link))

    store.before_commit = race
    pressed = engine.confirm(**link)

    assert raced == [pressed]
    assert 1 == [event.trigger for event in engine.users.timeline(ada)].count("confirm")


def test_who_holds_a_link_may_ask_whether_it_did_its_work(
    engine: admit.Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """
    Given a page that waits while its link is pressed elsewhere,
    when it asks before and after, then it learns both, and nothing is written or counted;
    with a link that is unknown or past its time nothing is learnt.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link().credentials

    assert not engine.public.is_confirmed(**link)
    assert ada == engine.users.get(ada.id)
    engine.confirm(**link)

    assert engine.public.is_confirmed(**link)
    for nobody in (ada.id, "0" * 24):
        with pytest.raises(TokenUnknown):
            engine.public.is_confirmed(token_id=link["token_id"], token=nobody + "0" * 104)
    clock.advance(timedelta(minutes=30))
    with pytest.raises(TokenExpired):
        engine.public.is_confirmed(**link)
