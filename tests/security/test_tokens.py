"""T1, T2, T4, T5, T8: what a token or code opens, how often, and until when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

import admit
from admit import Actor, Client, Engine
from admit.errors import (
    CodeResting,
    CodeWrong,
    FlowFailed,
    InvalidSetting,
    TokenExpired,
    TokenSuperseded,
    TokenUnknown,
    TokenUsed,
    TryLater,
)
from admit.public import PublicFace
from admit.testing import KEY, Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
OTHER_PASSWORD = "another horse, another staple"
WRONG_CODE = "AAAA-2222"
HALF_AN_HOUR = timedelta(minutes=30)
INSTANT = timedelta(milliseconds=1)


@pytest.fixture
def admin(engine: Engine) -> Engine:
    """The engine as an admin uses it."""
    return engine.acting(Actor("admin", "support-1"), "asked on the phone")


def tire(engine: Engine, address: str, tries: int = 5) -> None:
    """Type wrong codes for an address."""
    for _ in range(tries):
        with pytest.raises(CodeWrong):
            engine.confirm(address=address, code=WRONG_CODE)


# --- T1 ------------------------------------------------------------------------------------------


def test_t1_a_token_has_416_random_bits_behind_the_user_id(engine: Engine, inbox: Inbox) -> None:
    """Given many messages to one user, then each token is 128 hex digits that begin with the id,
    and no random part, nor any half of one, ever comes again."""
    ada = engine.register("ada@example.com", PASSWORD)
    for _ in range(50):
        engine.rerun(ada)

    tokens = [inbox.last_link("ada@example.com").token.reveal()]
    tokens += [m.text.split("token=")[1][:128] for m in inbox.messages]

    assert {128} == {len(token) for token in tokens}
    assert {ada.id} == {token[:24] for token in tokens}
    assert 51 == len({token[24:76] for token in tokens})
    assert 51 == len({token[76:] for token in tokens})


def test_t1_ids_open_nothing(engine: Engine, inbox: Inbox) -> None:
    """Given somebody who knows user and run ids, when they make a token of them, then it is
    unknown: an id is never a secret."""
    ada = engine.register("ada@example.com", PASSWORD)
    run = ada.runs[-1]

    with pytest.raises(TokenUnknown):
        engine.confirm(token_id=run.id, token=(ada.id + run.id * 5)[:128])

    assert "pending" == engine.users.get(ada.id).state


# --- T2 ------------------------------------------------------------------------------------------


def test_t2_a_code_has_at_least_20_bits(engine: Engine, inbox: Inbox) -> None:
    """Given many messages, then codes are eight of 32 signs and none comes twice."""
    ada = engine.register("ada@example.com", PASSWORD)
    codes = {inbox.last_code()}
    for _ in range(50):
        engine.rerun(ada)
        codes.add(inbox.last_code())

    assert 51 == len(codes)
    assert {8} == {len(code.replace("-", "")) for code in codes}


def test_t2_after_five_wrong_codes_the_right_one_rests_too(engine: Engine, inbox: Inbox) -> None:
    """Given a pending user, when five wrong codes were typed, then even the right one is not looked
    at, and the error names the link."""
    engine.register("ada@example.com", PASSWORD)
    tire(engine, "ada@example.com")

    with pytest.raises(CodeResting) as resting:
        engine.confirm(address="ada@example.com", code=inbox.last_code())

    assert "link" in resting.value.next_step
    assert "pending" == engine.users.find("ada@example.com").state


def test_t2_four_wrong_codes_leave_the_right_one_good(engine: Engine, inbox: Inbox) -> None:
    """Given four slips of the finger, when the right code is typed, then the user is confirmed."""
    engine.register("ada@example.com", PASSWORD)
    tire(engine, "ada@example.com", 4)

    user = engine.confirm(address="ada@example.com", code=inbox.last_code())

    assert "confirmed" == user.state


def test_t2_the_link_works_while_the_code_rests(engine: Engine, inbox: Inbox) -> None:
    """Given a stranger who guessed until the code rests, when the owner presses her link, then she
    is confirmed: nobody can lock her out."""
    engine.register("ada@example.com", PASSWORD)
    tire(engine, "ada@example.com")

    user = engine.confirm(**inbox.last_link().credentials)

    assert "confirmed" == user.state


def test_t2_a_new_run_gives_five_more_tries_but_not_more_than_15_a_day(
    engine: Engine, inbox: Inbox
) -> None:
    """
    Given a stranger who tires three runs in one day,
    when a fourth is begun,
    then its code rests from the start.
    """
    engine.register("ada@example.com", PASSWORD)
    for _ in range(3):
        tire(engine, "ada@example.com")
        engine.rerun(address="ada@example.com")

    with pytest.raises(CodeResting):
        engine.confirm(address="ada@example.com", code=inbox.last_code())


def test_t2_the_next_day_opens_the_code_way_again(
    engine: Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """Given a user whose 15 tries of the day are gone, when the next UTC day has begun and a run is
    begun in it, then its code is good."""
    engine.register("ada@example.com", PASSWORD)
    for _ in range(3):
        tire(engine, "ada@example.com")
        engine.rerun(address="ada@example.com")

    clock.set(clock.now().replace(hour=0, minute=0) + timedelta(days=1))
    engine.rerun(address="ada@example.com")

    user = engine.confirm(address="ada@example.com", code=inbox.last_code())
    assert "confirmed" == user.state


def test_t2_an_admins_rerun_opens_the_code_way_again(
    engine: Engine, admin: Engine, inbox: Inbox
) -> None:
    """Given a user whose 15 tries of the day are gone, when an admin re-runs her, then the code of
    the new message is good at once."""
    engine.register("ada@example.com", PASSWORD)
    for _ in range(3):
        tire(engine, "ada@example.com")
        engine.rerun(address="ada@example.com")

    admin.rerun(address="ada@example.com")

    user = engine.confirm(address="ada@example.com", code=inbox.last_code())
    assert "confirmed" == user.state


def test_t2_reset_codes_rest_as_well_and_an_admins_reset_opens_them(
    engine: Engine, admin: Engine, inbox: Inbox
) -> None:
    """
    Given a confirmed user for whom a stranger typed 15 wrong reset codes,
    when the right one is typed it rests, and after a reset by an admin
    then the code of the new message sets the password.
    """
    engine.confirm_manually(engine.register("ada@example.com", PASSWORD))
    for _ in range(3):
        engine.reset(address="ada@example.com")
        for _ in range(5):
            with pytest.raises(CodeWrong):
                engine.set_password(
                    address="ada@example.com", code=WRONG_CODE, password=OTHER_PASSWORD
                )
    engine.reset(address="ada@example.com")
    with pytest.raises(CodeResting):
        engine.set_password(
            address="ada@example.com", code=inbox.last_code(), password=OTHER_PASSWORD
        )

    admin.reset(address="ada@example.com")

    engine.set_password(address="ada@example.com", code=inbox.last_code(), password=OTHER_PASSWORD)
    engine.log_in("local-userpass", username="ada@example.com", password=OTHER_PASSWORD)


def test_t2_the_code_of_one_user_opens_no_other(engine: Engine, inbox: Inbox) -> None:
    """Given two pending users, when the one's code is typed with the other's address, then it is
    wrong and both stay pending."""
    engine.register("ada@example.com", PASSWORD)
    code = inbox.last_code()
    engine.register("grace@example.com", PASSWORD)

    with pytest.raises(CodeWrong):
        engine.confirm(address="grace@example.com", code=code)

    assert 2 == engine.users.count("pending")


TYPED: dict[str, Callable[[PublicFace, str], object]] = {
    "confirm": lambda public, address: public.confirm(
        address=address, code=WRONG_CODE, password=PASSWORD
    ),
    "set_password": lambda public, address: public.set_password(
        address=address, code=WRONG_CODE, password=PASSWORD
    ),
}


@pytest.mark.parametrize("typed", TYPED.values(), ids=TYPED.keys())
def test_t2_strangers_tries_are_throttled_by_address(
    engine: Engine, typed: Callable[[PublicFace, str], object]
) -> None:
    """Given a stranger who tries codes for one address from many clients, when twenty were tried
    within ten minutes, then every further one has to wait – also for an address of nobody."""
    for address in ("ada@example.com", "nobody@example.com"):
        if address.startswith("ada"):
            engine.register(address, PASSWORD)
        for number in range(20):
            client = Client(address=f"203.0.113.{number}")
            public = engine.acting(Actor("user"), client=client).public
            with pytest.raises(CodeWrong):
                typed(public, address)

        with pytest.raises(TryLater):
            typed(engine.public, address)


@pytest.mark.parametrize("typed", TYPED.values(), ids=TYPED.keys())
def test_t2_strangers_tries_are_throttled_by_client(
    engine: Engine, typed: Callable[[PublicFace, str], object]
) -> None:
    """Given one client who tries codes for many addresses, when sixty were tried within ten
    minutes, then it has to wait, and another client has not."""
    one = engine.acting(Actor("user"), client=Client(address="203.0.113.1")).public
    other = engine.acting(Actor("user"), client=Client(address="203.0.113.2")).public
    for number in range(60):
        with pytest.raises(CodeWrong):
            typed(one, f"a{number}@example.com")

    with pytest.raises(TryLater):
        typed(one, "b@example.com")

    with pytest.raises(CodeWrong):
        typed(other, "b@example.com")


def test_t2_a_strangers_wrong_reset_codes_rest_while_the_link_works(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a reset mail, when a stranger has typed five wrong codes, then the right one is refused
    like a wrong one, and the link still sets the password."""
    engine.confirm_manually(engine.register("ada@example.com", PASSWORD))
    engine.reset(address="ada@example.com")
    for _ in range(5):
        with pytest.raises(CodeWrong):
            TYPED["set_password"](engine.public, "ada@example.com")

    with pytest.raises(CodeWrong):
        engine.public.set_password(
            address="ada@example.com", code=inbox.last_code(), password=OTHER_PASSWORD
        )
    engine.public.set_password(**inbox.last_link().credentials, password=OTHER_PASSWORD)

    engine.log_in("local-userpass", username="ada@example.com", password=OTHER_PASSWORD)


# --- T4 ------------------------------------------------------------------------------------------


def test_t4_a_confirmation_token_used_for_reset_is_unknown(engine: Engine, inbox: Inbox) -> None:
    """Given a confirmation link, when its token is used to set a password, then it is unknown, the
    password stays, and the link still confirms."""
    engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link()

    with pytest.raises(TokenUnknown):
        engine.set_password(**link.credentials, password=OTHER_PASSWORD)

    engine.confirm(**link.credentials)
    engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)


def test_t4_a_reset_token_used_for_confirmation_is_unknown(engine: Engine, inbox: Inbox) -> None:
    """Given a pending user's reset link, when its token is used to confirm, then it is unknown and
    the user stays pending."""
    ada = engine.register("ada@example.com", PASSWORD)
    engine.reset(ada)

    with pytest.raises(TokenUnknown):
        engine.confirm(**inbox.last_link().credentials)

    assert "pending" == engine.users.get(ada.id).state


def test_t4_a_confirmation_code_used_for_reset_is_wrong(engine: Engine, inbox: Inbox) -> None:
    """Given a confirmation code, when it is typed to set a password, then it is wrong."""
    engine.register("ada@example.com", PASSWORD)

    with pytest.raises(CodeWrong):
        engine.set_password(
            address="ada@example.com", code=inbox.last_code(), password=OTHER_PASSWORD
        )


def test_t4_a_reset_code_used_for_confirmation_is_wrong(engine: Engine, inbox: Inbox) -> None:
    """Given a reset code, when it is typed to confirm, then it is wrong."""
    engine.reset(engine.register("ada@example.com", PASSWORD))

    with pytest.raises(CodeWrong):
        engine.confirm(address="ada@example.com", code=inbox.last_code())


def test_t4_a_reset_token_works_once(engine: Engine, inbox: Inbox) -> None:
    """Given a reset link that was used, when it is used again, then it says so and the first
    password stays."""
    engine.reset(engine.confirm_manually(engine.register("ada@example.com", PASSWORD)))
    link = inbox.last_link()
    engine.set_password(**link.credentials, password=OTHER_PASSWORD)

    with pytest.raises(TokenUsed):
        engine.set_password(**link.credentials, password=PASSWORD)

    engine.log_in("local-userpass", username="ada@example.com", password=OTHER_PASSWORD)


def test_t4_a_reset_code_works_once(engine: Engine, inbox: Inbox) -> None:
    """Given a reset code that was used, when it is typed again, then nothing is set."""
    engine.reset(engine.confirm_manually(engine.register("ada@example.com", PASSWORD)))
    code = inbox.last_code()
    engine.set_password(address="ada@example.com", code=code, password=OTHER_PASSWORD)

    with pytest.raises((TokenUsed, CodeWrong)):
        engine.set_password(address="ada@example.com", code=code, password=PASSWORD)

    engine.log_in("local-userpass", username="ada@example.com", password=OTHER_PASSWORD)


def test_t4_the_token_kills_its_code_and_the_code_its_token(engine: Engine, inbox: Inbox) -> None:
    """Given a reset message whose link was used, when its code is typed, then nothing is set."""
    engine.reset(engine.confirm_manually(engine.register("ada@example.com", PASSWORD)))
    link, code = inbox.last_link(), inbox.last_code()
    engine.set_password(address="ada@example.com", code=code, password=OTHER_PASSWORD)

    with pytest.raises(TokenUsed):
        engine.set_password(**link.credentials, password=PASSWORD)


def test_t4_pressing_a_confirmation_twice_changes_nothing_more(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a link that was pressed, when it is pressed again, then it is a success and the user is
    exactly as before."""
    engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link()
    first = engine.confirm(**link.credentials)

    assert first == engine.confirm(**link.credentials)


def test_t4_a_token_with_another_runs_id_is_unknown(engine: Engine, inbox: Inbox) -> None:
    """Given the links of two users, when the token of the one is used with the token id of the
    other, then it is unknown for both."""
    engine.register("ada@example.com", PASSWORD)
    ada = inbox.last_link()
    engine.register("grace@example.com", PASSWORD)
    grace = inbox.last_link()

    for token_id, token in ((ada.token_id, grace.token), (grace.token_id, ada.token)):
        with pytest.raises(TokenUnknown):
            engine.confirm(token_id=token_id, token=token)

    assert 2 == engine.users.count("pending")


def test_t4_a_token_is_for_one_address_alone(engine: Engine, inbox: Inbox) -> None:
    """Given a link sent to a mistyped address, when the address was corrected since, then the
    stranger who got the mail has a dead link, and the new one confirms."""
    ada = engine.register("ada@exmaple.com", PASSWORD)
    link, code = inbox.last_link(), inbox.last_code()
    engine.correct_address(ada, to="ada@example.com")

    with pytest.raises(TokenSuperseded):
        engine.confirm(**link.credentials)
    with pytest.raises(CodeWrong):
        engine.confirm(address="ada@example.com", code=code)

    assert "confirmed" == engine.confirm(**inbox.last_link().credentials).state


def test_t4_a_reset_link_to_a_mistyped_address_dies_with_its_correction(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a reset link sent to a mistyped address, when the address was corrected since, then the
    link sets no password."""
    ada = engine.register("ada@exmaple.com", PASSWORD)
    engine.reset(ada)
    link = inbox.last_link()
    engine.correct_address(ada, to="ada@example.com")

    with pytest.raises(TokenSuperseded):
        engine.set_password(**link.credentials, password=OTHER_PASSWORD)


def test_t4_deleting_and_registering_again_kills_every_earlier_token(
    engine: Engine, inbox: Inbox
) -> None:
    """
    Given a user with a confirmation and a reset link,
    when she is deleted and the address registers again,
    then neither the old links nor the old codes open the new account.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    confirmation, code = inbox.last_link(), inbox.last_code()
    engine.reset(ada)
    reset, reset_code = inbox.last_link(), inbox.last_code()
    engine.delete(ada)
    new = engine.register("ada@example.com", OTHER_PASSWORD)

    with pytest.raises(TokenUnknown):
        engine.confirm(**confirmation.credentials)
    with pytest.raises(TokenUnknown):
        engine.set_password(**reset.credentials, password=PASSWORD)
    with pytest.raises(CodeWrong):
        engine.confirm(address="ada@example.com", code=code)
    with pytest.raises(CodeWrong):
        engine.set_password(address="ada@example.com", code=reset_code, password=PASSWORD)
    assert "pending" == engine.users.get(new.id).state


def test_t4_a_token_cut_or_changed_anywhere_is_no_token(engine: Engine, inbox: Inbox) -> None:
    """Given a good link, when any one of its digits is another, then it confirms nobody."""
    ada = engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link()
    good = link.token.reveal()

    for place in range(0, 128, 7):
        changed = good[:place] + ("0" if good[place] != "0" else "1") + good[place + 1 :]
        with pytest.raises(TokenUnknown):
            engine.confirm(token_id=link.token_id, token=changed)

    assert "pending" == engine.users.get(ada.id).state


# --- T5 ------------------------------------------------------------------------------------------

BEYOND_BOUNDS = [
    ("token_lifetime", timedelta(hours=24, seconds=1)),
    ("token_lifetime", timedelta(seconds=59)),
    ("token_lifetime", timedelta(0)),
    ("token_lifetime", timedelta(seconds=-1)),
    ("reset_token_lifetime", timedelta(hours=1, seconds=1)),
    ("reset_token_lifetime", timedelta(seconds=59)),
    ("access_token_lifetime", timedelta(hours=24, seconds=1)),
    ("access_token_lifetime", timedelta(minutes=4, seconds=59)),
    ("refresh_token_lifetime", timedelta(days=5 * 365 + 1)),
    ("refresh_token_lifetime", timedelta(minutes=29, seconds=59)),
]


@pytest.mark.parametrize(("name", "value"), BEYOND_BOUNDS)
def test_t5_a_lifetime_beyond_its_bounds_is_refused_in_code(name: str, value: timedelta) -> None:
    """Given a lifetime out of bounds in code, when the engine opens, then it refuses by name."""
    with pytest.raises(InvalidSetting, match="must be at (least|most)") as refused:
        admit.open(MemoryStore(), key=KEY, settings={name: value})

    assert name == refused.value.field


@pytest.mark.parametrize(("name", "value"), BEYOND_BOUNDS)
def test_t5_a_lifetime_beyond_its_bounds_is_refused_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, name: str, value: timedelta
) -> None:
    """Given a lifetime out of bounds in the environment, when the engine opens, then it refuses by
    name."""
    monkeypatch.setenv(f"ADMIT_{name.upper()}", f"{value.total_seconds():.0f}")

    with pytest.raises(InvalidSetting) as refused:
        admit.open(MemoryStore(), key=KEY)

    assert name == refused.value.field


@pytest.mark.parametrize(("name", "value"), BEYOND_BOUNDS)
def test_t5_a_lifetime_beyond_its_bounds_is_refused_in_the_file(
    tmp_path: Path, name: str, value: timedelta
) -> None:
    """Given a lifetime out of bounds in admit.toml, when the engine opens, then it refuses by
    name."""
    file = tmp_path / "admit.toml"
    file.write_text(f"{name} = {value.total_seconds()}\n")

    with pytest.raises(InvalidSetting, match="must be at (least|most)") as refused:
        admit.open(MemoryStore(), key=KEY, config=file)

    assert name == refused.value.field


@pytest.mark.parametrize(("name", "value"), BEYOND_BOUNDS)
def test_t5_a_lifetime_beyond_its_bounds_is_refused_at_run_time(
    engine: Engine, name: str, value: timedelta
) -> None:
    """Given an admin, when she sets a lifetime out of bounds, then it is refused and the old one
    stays in force."""
    before = engine.settings.get(name)

    with pytest.raises(InvalidSetting) as refused:
        engine.settings.set(name, value)

    assert name == refused.value.field
    assert before == engine.settings.get(name)


def test_t5_both_defaults_are_half_an_hour(engine: Engine) -> None:
    """Given nothing was set, then confirmations and resets live for 30 minutes."""
    assert HALF_AN_HOUR == engine.settings.get("token_lifetime")
    assert HALF_AN_HOUR == engine.settings.get("reset_token_lifetime")


def test_t5_a_link_is_good_until_the_last_millisecond(
    engine: Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """Given a link, when it is pressed a millisecond before its lifetime ends, then it confirms."""
    engine.register("ada@example.com", PASSWORD)
    clock.advance(HALF_AN_HOUR - INSTANT)

    assert "confirmed" == engine.confirm(**inbox.last_link().credentials).state


def test_t5_at_exactly_the_instant_of_expiry_a_link_is_expired(
    engine: Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """Given a link, when it is pressed in the very instant its lifetime ends, then it is expired,
    and the error says to ask for a new message."""
    ada = engine.register("ada@example.com", PASSWORD)
    clock.advance(HALF_AN_HOUR)

    with pytest.raises(TokenExpired) as expired:
        engine.confirm(**inbox.last_link().credentials)

    assert "new message" in expired.value.next_step
    assert "pending" == engine.users.get(ada.id).state


def test_t5_at_exactly_the_instant_of_expiry_a_code_is_wrong(
    engine: Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """Given a code, when it is typed in the instant its lifetime ends, then it opens nothing."""
    engine.register("ada@example.com", PASSWORD)
    clock.advance(HALF_AN_HOUR)

    with pytest.raises(CodeWrong):
        engine.confirm(address="ada@example.com", code=inbox.last_code())


def test_t5_at_exactly_the_instant_of_expiry_a_reset_link_is_expired(
    engine: Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """Given a reset link, when it is used in the instant its lifetime ends, then it is expired and
    the old password stays."""
    engine.reset(engine.confirm_manually(engine.register("ada@example.com", PASSWORD)))
    clock.advance(HALF_AN_HOUR)

    with pytest.raises(TokenExpired):
        engine.set_password(**inbox.last_link().credentials, password=OTHER_PASSWORD)

    engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)


def test_t5_an_expired_link_stays_dead_after_it_was_pressed(
    engine: Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """Given a link that confirmed, when it is pressed after its lifetime, then it is expired."""
    engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link()
    engine.confirm(**link.credentials)
    clock.advance(HALF_AN_HOUR)

    with pytest.raises(TokenExpired):
        engine.confirm(**link.credentials)


def test_t5_the_lifetime_counts_from_dispatch(
    engine: Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """
    Given a mail server that takes 20 seconds to take a message,
    when the link is pressed 30 minutes after it was minted, but not after it was sent,
    then it confirms.
    """
    inbox.before_mail(lambda message: clock.advance(timedelta(seconds=20)))
    engine.register("ada@example.com", PASSWORD)
    clock.advance(HALF_AN_HOUR - INSTANT)

    assert "confirmed" == engine.confirm(**inbox.last_link().credentials).state


def test_t5_a_token_that_was_never_dispatched_lives_from_its_minting(
    engine: Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """Given a mail that arrived though the server refused it in the end, when its link is pressed
    half an hour after it was minted, then it is expired, however often it was retried."""
    links: list[str] = []
    inbox.before_mail(lambda message: links.append(message.text.split("token=")[1][:160]))
    inbox.refuse_mail(temporary=True)
    ada = engine.register("ada@example.com", PASSWORD)
    token, token_id = links[0][:128], ada.runs[-1].id
    clock.advance(timedelta(minutes=20))
    engine.work_once()
    clock.advance(timedelta(minutes=10))

    with pytest.raises(TokenExpired):
        engine.confirm(token_id=token_id, token=token)


# --- T8 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("temporary", [True, False])
def test_t8_a_rerun_whose_mail_fails_leaves_the_older_link_good(
    engine: Engine, inbox: Inbox, temporary: bool
) -> None:
    """
    Given a pending user who holds a good link,
    when the mail of a re-run cannot be sent, for now or for good,
    then the older link still confirms.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link()
    inbox.refuse_mail(temporary=temporary)
    if temporary:
        engine.rerun(ada)
    else:
        with pytest.raises(FlowFailed):
            engine.rerun(ada)

    assert "confirmed" == engine.confirm(**link.credentials).state


def test_t8_a_reset_whose_mail_fails_leaves_the_older_link_good(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a good reset link, when the mail of another reset cannot be sent, then the older link
    still sets the password."""
    ada = engine.confirm_manually(engine.register("ada@example.com", PASSWORD))
    engine.reset(ada)
    link = inbox.last_link()
    inbox.refuse_mail()
    with pytest.raises(FlowFailed):
        engine.reset(ada)

    engine.set_password(**link.credentials, password=OTHER_PASSWORD)

    engine.log_in("local-userpass", username="ada@example.com", password=OTHER_PASSWORD)


def test_t8_a_dispatched_rerun_supersedes_the_older_link(engine: Engine, inbox: Inbox) -> None:
    """Given a good link, when a newer message was sent, then the older says so, and the newer
    confirms."""
    ada = engine.register("ada@example.com", PASSWORD)
    older = inbox.last_link()
    engine.rerun(ada)

    with pytest.raises(TokenSuperseded):
        engine.confirm(**older.credentials)

    assert "confirmed" == engine.confirm(**inbox.last_link().credentials).state


def test_t8_a_strangers_request_kills_nothing_before_it_is_sent(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a reset link, when a stranger asks for another and nobody has worked the queue yet,
    then the first link still works."""
    engine.reset(engine.confirm_manually(engine.register("ada@example.com", PASSWORD)))
    link = inbox.last_link()
    engine.public.reset(address="ada@example.com")

    engine.set_password(**link.credentials, password=OTHER_PASSWORD)

    engine.log_in("local-userpass", username="ada@example.com", password=OTHER_PASSWORD)


def test_t8_a_confirmation_kills_no_reset_and_a_reset_no_confirmation_by_being_sent(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a pending user's confirmation link, when a reset message is sent as well, then the
    older link of the other purpose is still good."""
    ada = engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link()
    engine.reset(ada)

    assert "confirmed" == engine.confirm(**link.credentials).state


def test_t8_tokens_survive_on_a_store_that_is_opened_again(
    store: MemoryStore, inbox: Inbox, clock: SettableClock
) -> None:
    """Given a link that was sent by one engine, when it is pressed at another on the same store,
    then it confirms there."""
    open_engine(store, inbox=inbox, clock=clock).register("ada@example.com", PASSWORD)
    other = open_engine(store, inbox=inbox, clock=clock)

    assert "confirmed" == other.confirm(**inbox.last_link().credentials).state
