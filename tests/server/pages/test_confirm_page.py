"""The page behind a confirmation link: inert to look at, and a press of its button confirms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from mailed_pages import ADA, PASSWORD, Desk, heading, problems

OTHER = "a password of her own"
UNKNOWN = {"token": "0" * 128, "tokenId": "0" * 24}


def test_a_press_with_the_password_confirms(desk: Desk) -> None:
    """Given the link of a mail, when its page is opened it asks for the password; and when the
    button is pressed with it, then she is confirmed."""
    link = desk.registered()

    page = desk.follow()
    assert (200, "Confirm your e-mail address") == (page.status_code, heading(page))
    assert link["token"] in page.text
    assert "pending" == desk.state()

    done = desk.press(**link, password=PASSWORD)
    assert (200, "Your address is confirmed") == (done.status_code, heading(done))
    assert link["token"] not in done.text
    assert "confirmed" == desk.state()


def test_h7_the_password_that_she_types_is_the_one_that_opens(desk: Desk) -> None:
    """Given somebody registered her address with a password of his, when she presses the button
    with her own, then hers opens the account and his does not."""
    link = desk.registered()

    desk.press(**link, password=OTHER)

    assert (True, False) == (desk.opens(OTHER), desk.opens(PASSWORD))


def test_a_second_click_is_as_friendly_as_the_first(desk: Desk) -> None:
    """Given a link that was used, when it is opened and pressed again, then it says that the
    address is confirmed; a password typed then changes nothing."""
    link = desk.registered()
    desk.press(**link, password=PASSWORD)

    again = desk.press(**link, password=OTHER)

    assert (200, "Your address is confirmed") == (again.status_code, heading(again))
    assert (True, False) == (desk.opens(PASSWORD), desk.opens(OTHER))


def test_a_typed_code_is_the_other_way(desk: Desk) -> None:
    """Given the page without a link, when address, code and password are typed, then she is
    confirmed; a code that is wrong is told beside its field, and what was typed stays."""
    desk.registered()
    assert "Type the code of the message" == heading(desk.look())
    typed = {"address": ADA, "password": PASSWORD}

    wrong = desk.press(**typed, code="AAAA-2222")
    assert (400, {"code"}) == (wrong.status_code, set(problems(wrong)))
    assert f'value="{ADA}"' in wrong.text
    assert PASSWORD not in wrong.text

    assert 200 == desk.press(**typed, code=desk.inbox.last_code().lower()).status_code
    assert "confirmed" == desk.state()


def test_e1_a_wrong_code_says_the_same_of_an_address_that_nobody_has(desk: Desk) -> None:
    """Given Ada waits and Bob is unknown, when a wrong code is typed for either, then the answers
    differ by the address alone."""
    desk.registered()

    ada, bob = (
        desk.press(address=address, password=PASSWORD, code="AAAA-2222")
        for address in (ADA, "bob@example.com")
    )

    assert ada.status_code == bob.status_code
    assert ada.text == bob.text.replace("bob@example.com", ADA)


def test_what_is_missing_or_misshapen_is_told_beside_its_field(desk: Desk) -> None:
    """Given forms that are not as they should be, when they are sent, then each problem stands at
    its field, and the link stays good."""
    link = desk.registered()

    assert {"password"} == set(problems(desk.press(**link)))
    assert {"address", "code", "password"} == set(problems(desk.press()))
    short = problems(desk.press(**link, password="short"))
    assert "fewer than 8" in short["password"]
    typed = {"password": PASSWORD, "code": "AAAA-2222"}
    assert {"address"} == set(problems(desk.press(**typed, address="nobody")))
    assert {"code"} == set(problems(desk.press(**typed | {"address": ADA, "code": "12"})))
    assert {"again"} == set(problems(desk.press(do="again")))
    assert {"again"} == set(problems(desk.press(do="again", again="nobody")))
    assert "pending" == desk.state()

    assert 200 == desk.press(**link, password=PASSWORD).status_code


def test_an_expired_link_is_told_apart_and_sent_again_by_one_press(desk: Desk) -> None:
    """Given a link that is past its time, when it is pressed, then that is said; the button below
    sends a new one, without that she types her address, and the new one confirms."""
    link = desk.registered()
    desk.clock.advance(timedelta(minutes=31))

    dead = desk.press(**link, password=PASSWORD)
    assert (410, "This link has expired") == (dead.status_code, heading(dead))
    assert "E-mail address" not in dead.text

    sent = desk.press(**link, do="again")
    assert (200, "Look into your mailbox") == (sent.status_code, heading(sent))
    assert 200 == desk.press(**desk.link(), password=PASSWORD).status_code
    assert "confirmed" == desk.state()


def test_a_superseded_link_is_told_apart(desk: Desk) -> None:
    """Given a newer message was sent, when the older link is pressed, then that is said."""
    older = desk.registered()
    desk.engine.resend(address=ADA)

    dead = desk.press(**older, password=PASSWORD)

    assert (410, "There is a newer message") == (dead.status_code, heading(dead))


def test_a_link_that_nobody_sent_is_told_apart(desk: Desk) -> None:
    """Given tokens that are unknown, cut off, or of another purpose, when they are pressed, then it
    is said that they do not work, and an address is asked for."""
    link = desk.registered()
    cut_off = {**link, "token": link["token"][:40]}

    for token in (UNKNOWN, cut_off, {"token": "nothing"}):
        dead = desk.press(**token, password=PASSWORD)
        assert (410, "This link does not work") == (dead.status_code, heading(dead))
        assert 'name="again"' in dead.text

    desk.engine.reset(address=ADA)
    assert 410 == desk.press(**desk.link(), password=PASSWORD).status_code


def test_h7_asked_for_by_address_alone_the_message_is_a_reset(desk: Desk) -> None:
    """Given somebody whose link is lost, when the message is asked for by her address, then it
    leads – by the same page – to a new password, which confirms her."""
    desk.registered()

    assert "Look into your mailbox" == heading(desk.press(do="again", again=ADA))

    page = desk.follow()
    assert "Choose a new password" == heading(page)
    done = desk.press("reset", **desk.link(), password=OTHER, repeated=OTHER)
    assert "Your new password is set" == heading(done)
    assert ("confirmed", True) == (desk.state(), desk.opens(OTHER))


def test_e1_sending_again_says_the_same_of_everybody(desk: Desk) -> None:
    """Given Ada waits and Bob is unknown, when a message is asked for, then the answers are equal;
    so they are for a token that was never sent."""
    desk.registered()

    answers = {
        desk.press(do="again", again=ADA).text,
        desk.press(do="again", again="bob@example.com").text,
        desk.press(do="again", **UNKNOWN).text,
    }

    assert 1 == len(answers)


def test_asking_too_often_is_told_with_the_time_to_wait(open_desk: Callable[..., Desk]) -> None:
    """Given a cool-down of a minute, when a message is asked for twice, then the second is told to
    wait, in a header too."""
    desk = open_desk(settings={"cool_down": "1 minute"})
    desk.registered()
    desk.clock.advance(timedelta(minutes=2))
    desk.press(do="again", again=ADA)

    late = desk.press(do="again", again=ADA)

    assert (429, "Too often") == (late.status_code, heading(late))
    assert 0 < int(late.headers["retry-after"]) <= 60


def test_a_new_address_is_confirmed_where_she_is_logged_in(desk: Desk) -> None:
    """Given a user who asked for another address, when the link in its message is opened, then it
    says where to go: her session is needed, and this page has none."""
    user = desk.engine.create(ADA, PASSWORD, must_change=False)
    desk.engine.identities.change_address(user, to="ada@example.org")

    assert "One step is left" == heading(desk.follow("ada@example.org"))


def test_e1_only_who_holds_a_good_link_learns_that_it_did_its_work(desk: Desk) -> None:
    """Given a page that waits, when it asks, then there is nothing to say before she is confirmed,
    and nothing changes; afterwards it is told, and nobody with another link is."""
    link = desk.registered()
    before = desk.engine.users.find(ADA)
    assert 204 == desk.press("confirm/seen", **link).status_code
    assert before == desk.engine.users.find(ADA)

    desk.press(**link, password=PASSWORD)

    assert "Your address is confirmed" == heading(desk.press("confirm/seen", **link))
    strangers = [UNKNOWN, {}, {**link, "token": link["token"][:24] + "0" * 104}]
    assert {204} == {desk.press("confirm/seen", **one).status_code for one in strangers}
    desk.clock.advance(timedelta(minutes=31))
    assert 204 == desk.press("confirm/seen", **link).status_code
