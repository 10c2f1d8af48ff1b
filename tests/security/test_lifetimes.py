"""T5, T8: how long a token lives, and what a newer message does to it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

import admit
from admit import Engine
from admit.errors import (
    CodeWrong,
    FlowFailed,
    InvalidSetting,
    TokenExpired,
    TokenSuperseded,
)
from admit.testing import KEY, Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
OTHER_PASSWORD = "another horse, another staple"
HALF_AN_HOUR = timedelta(minutes=30)
INSTANT = timedelta(milliseconds=1)


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
