"""The page behind a reset link: a new password, typed twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from mailed_pages import ADA, PASSWORD, Desk, heading, problems

NEW = "a password that is new"


@pytest.fixture
def link(desk: Desk) -> dict[str, str]:
    """What the link of a reset brings."""
    desk.engine.create(ADA, PASSWORD, must_change=False)
    desk.press("reset", do="again", again=ADA)
    return desk.link()


def test_a_password_typed_twice_is_set(desk: Desk, link: dict[str, str]) -> None:
    """Given the link, when it is opened, nothing is done; with the password twice, it is set."""
    page = desk.follow()
    assert (200, "Choose a new password") == (page.status_code, heading(page))
    assert desk.opens(PASSWORD)

    done = desk.press("reset", **link, password=NEW, repeated=NEW)

    assert (200, "Your new password is set") == (done.status_code, heading(done))
    assert (False, True) == (desk.opens(PASSWORD), desk.opens(NEW))


def test_two_that_differ_are_refused(desk: Desk, link: dict[str, str]) -> None:
    """Given a slip in the second, when it is sent, then that is said, nothing is set, and neither
    is shown."""
    slip = desk.press("reset", **link, password=NEW, repeated=f"{NEW}!")

    assert (400, {"repeated"}) == (slip.status_code, set(problems(slip)))
    assert NEW not in slip.text
    assert desk.opens(PASSWORD)


def test_a_typed_code_is_the_other_way(desk: Desk, link: dict[str, str]) -> None:
    """Given the code of the message, when it is typed with the address, then that sets it."""
    typed = {"address": ADA, "code": desk.inbox.last_code()}

    desk.press("reset", **typed, password=NEW, repeated=NEW)

    assert desk.opens(NEW)


def test_a_link_that_was_used_is_told_apart(desk: Desk, link: dict[str, str]) -> None:
    """Given a link that set a password, when it is used again, then that is said, and the password
    stays."""
    desk.press("reset", **link, password=NEW, repeated=NEW)

    used = desk.press("reset", **link, password=PASSWORD, repeated=PASSWORD)

    assert (410, "This link was used already") == (used.status_code, heading(used))
    assert desk.opens(NEW)


def test_an_expired_link_is_told_apart(desk: Desk, link: dict[str, str]) -> None:
    """Given a link past its time, when it is used, then that is said, and an address is asked for
    to send another: it is never taken from the link."""
    desk.clock.advance(timedelta(minutes=31))

    dead = desk.press("reset", **link, password=NEW, repeated=NEW)

    assert (410, "This link has expired") == (dead.status_code, heading(dead))
    assert 'name="again"' in dead.text
