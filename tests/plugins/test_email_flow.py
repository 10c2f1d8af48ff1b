"""The flows `email`: which message goes where, and what stands in it."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest
from email_entries import COMPLETE, LINK, Sent, html_of
from plugin_services import MakeServices

from admit.flows import Entry, Outcome
from admit.plugins.email import (
    Email,
    in_words,
    link_to,
    register_confirmation_flows,
    register_reset_flows,
)
from admit.records import Purpose
from admit.services import Services
from admit.testing import Inbox
from admit.transports import Message


@pytest.fixture
def flow() -> Email:
    (flow,) = register_confirmation_flows()
    assert isinstance(flow, Email)
    return flow


@pytest.fixture
def reset_flow() -> Email:
    (flow,) = register_reset_flows()
    assert isinstance(flow, Email)
    return flow


@pytest.fixture
def sent(inbox: Inbox) -> Sent:
    """What a flow sends for an entry."""

    def sent(flow: Email, entry: Entry, services: Services) -> Message:
        assert Outcome.pending() == flow.begin(entry, services)
        return inbox.messages[-1]

    return sent


def test_a_confirmation_carries_link_code_and_lifetime_in_both_forms(
    flow: Email, entry: Entry, make_services: MakeServices, sent: Sent
) -> None:
    """
    Given complete settings,
    when a pending user enters the flow,
    then her typed address gets link, code and lifetime, as text and as HTML.
    """
    message = sent(flow, entry, make_services(COMPLETE))

    assert ("Ada@example.com", "Shop <hello@shop.example>", "Confirm your e-mail address") == (
        message.to,
        message.sender,
        message.subject,
    )
    assert f"\nhttps://shop.example/confirm?{LINK}\n" in message.text
    assert (
        html_of(message).count(f'"https://shop.example/confirm?{LINK.replace("&", "&amp;")}"') == 2
    )
    for form in (message.text, html_of(message)):
        assert "K7QM-3XRP" in form
        assert "30 minutes" in form
        assert "Welcome to Shop!" in form
        assert "If this was not you, ignore this message" in form
    assert entry.idempotency_key == message.idempotency_key


def test_a_message_loads_nothing_from_elsewhere(
    flow: Email, entry: Entry, make_services: MakeServices, sent: Sent
) -> None:
    """
    Given a message in HTML,
    when it is opened,
    then no picture, script, style sheet or form is fetched or run: only links to our page.
    """
    html = html_of(sent(flow, entry, make_services(COMPLETE)))

    for forbidden in ("<img", "<script", "<link", "<form", "url(", "@import", "src="):
        assert forbidden not in html
    assert html.count("https://") == html.count("https://shop.example/confirm?token=")


@pytest.mark.parametrize("purpose", ["confirm", "reset", "change-address", "notice"])
@pytest.mark.parametrize("application", [None, "Shop"])
@pytest.mark.parametrize("reason", ["register", "already-registered", "never heard of"])
def test_every_purpose_has_a_message(
    reset_flow: Email,
    entry: Entry,
    make_services: MakeServices,
    purpose: Purpose,
    application: str | None,
    reason: str,
    sent: Sent,
) -> None:
    """
    Given each purpose, with and without a name of the application, for any reason,
    when the flow is entered,
    then a message goes out that names the address and says what to do if it was not you.
    """
    message = sent(
        reset_flow,
        attrs.evolve(entry, purpose=purpose, reason=reason),
        make_services(COMPLETE | {"email.application": application}),
    )

    for form in (message.text, html_of(message)):
        assert "Ada@example.com" in form
        assert "this was not you" in form
        assert (application is not None) == ("Shop" in form)
        assert "\n\n\n\n" not in form


@pytest.mark.parametrize(
    ("purpose", "subject"),
    [
        ("confirm", "Confirm your e-mail address"),
        ("change-address", "Confirm your e-mail address"),
        ("reset", "Choose a new password"),
        ("notice", "About your account"),
    ],
)
def test_each_purpose_has_its_subject(
    flow: Email,
    entry: Entry,
    make_services: MakeServices,
    purpose: Purpose,
    subject: str,
    sent: Sent,
) -> None:
    """
    Given no subjects of one's own,
    when a message goes out,
    then its subject says what it is about.
    """
    message = sent(flow, attrs.evolve(entry, purpose=purpose), make_services(COMPLETE))

    assert subject == message.subject


def test_a_subject_can_be_set(
    flow: Email, entry: Entry, make_services: MakeServices, sent: Sent
) -> None:
    """
    Given a subject of one's own,
    when a confirmation goes out,
    then it has that subject.
    """
    services = make_services(COMPLETE | {"email.subject": "Willkommen – bitte bestätigen"})

    assert "Willkommen – bitte bestätigen" == sent(flow, entry, services).subject


def test_a_reset_link_has_a_page_of_its_own(
    reset_flow: Email, entry: Entry, make_services: MakeServices, sent: Sent
) -> None:
    """
    Given a base for reset links,
    when a reset is asked for,
    then its link is that page with token and tokenId, as existing clients expect it.
    """
    services = make_services(COMPLETE | {"email.reset_link_base": "https://shop.example/reset"})

    text = sent(reset_flow, attrs.evolve(entry, purpose="reset"), services).text

    assert f"\nhttps://shop.example/reset?{LINK}\n" in text


@pytest.mark.parametrize("purpose", ["reset", "change-address"])
def test_t4_a_page_for_several_purposes_is_told_which(
    reset_flow: Email, entry: Entry, make_services: MakeServices, purpose: Purpose, sent: Sent
) -> None:
    """
    Given one page for all links,
    when something else than a confirmation is asked for,
    then the link says what its token is for, since it works for nothing else.
    """
    message = sent(reset_flow, attrs.evolve(entry, purpose=purpose), make_services(COMPLETE))

    assert f"\nhttps://shop.example/confirm?{LINK}&purpose={purpose}\n" in message.text


def test_a_notice_carries_neither_link_nor_code(
    reset_flow: Email, entry: Entry, make_services: MakeServices, sent: Sent
) -> None:
    """
    Given a notice,
    when it goes out,
    then no token and no code are in it, and no address of a page.
    """
    message = sent(
        reset_flow, attrs.evolve(entry, purpose="notice", reason="password-changed"),
        make_services(COMPLETE),
    )  # fmt: skip

    for form in (message.text, html_of(message)):
        assert "The password of your account was changed." in form
        assert "https://" not in form
        assert "K7QM" not in form
        assert "0123456789abcdef" not in form


def test_a_harmless_notice_does_not_alarm(
    reset_flow: Email, entry: Entry, make_services: MakeServices, sent: Sent
) -> None:
    """
    Given somebody who registers with an address that has an account,
    when its owner is told,
    then the message says that nothing has changed; after a real change it says what to do – where
    the address was taken away, not to ask for a password that would not come there.
    """
    notice = attrs.evolve(entry, purpose="notice")
    services = make_services(COMPLETE)

    harmless = sent(reset_flow, attrs.evolve(notice, reason="already-registered"), services)
    changed = sent(reset_flow, attrs.evolve(notice, reason="password-changed"), services)
    gone = sent(reset_flow, attrs.evolve(notice, reason="address-changed"), services)

    assert "nothing has\nchanged" in harmless.text
    assert "ask for a new\npassword at once" in changed.text
    assert "password" not in gone.text
    assert "tell the people\nwho run Shop at once" in gone.text
    assert "until now the address of this account" in gone.text


def test_a_further_login_is_not_called_a_change(
    reset_flow: Email, entry: Entry, make_services: MakeServices, sent: Sent
) -> None:
    """
    Given a user who adds an address to log in with,
    when it is to be confirmed,
    then the message says so, and does not say that the other one goes.
    """
    asked = attrs.evolve(entry, purpose="change-address", reason="link")
    message = sent(reset_flow, asked, make_services(COMPLETE))

    for form in (message.text, message.html or ""):
        assert "log in to your account" in form
        assert "with this address, too." in form
        assert "from now on" not in form


def test_hostile_values_are_escaped_in_html(
    flow: Email, entry: Entry, make_services: MakeServices, sent: Sent
) -> None:
    """
    Given an address and an application's name with markup in them,
    when a message is written,
    then the markup is text, nowhere a tag.
    """
    message = sent(
        flow,
        attrs.evolve(entry, username="<script>alert(1)</script>@example.com"),
        make_services(COMPLETE | {"email.application": "<b onclick='x'>A&B</b>"}),
    )

    assert "<script" not in html_of(message)
    assert "<b onclick" not in html_of(message)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;@example.com" in html_of(message)
    assert "A&amp;B" in html_of(message)


@pytest.mark.parametrize(
    ("base", "link"),
    [
        ("https://a.example/c", "https://a.example/c?token=1&tokenId=2"),
        ("https://a.example", "https://a.example?token=1&tokenId=2"),
        ("https://a.example/c?lang=de", "https://a.example/c?lang=de&token=1&tokenId=2"),
        ("https://a.example/c?", "https://a.example/c?token=1&tokenId=2"),
        ("https://a.example/c?lang=de&", "https://a.example/c?lang=de&token=1&tokenId=2"),
        ("https://a.example/#/c", "https://a.example/?token=1&tokenId=2#/c"),
        ("https://a.example/?x#/c?y", "https://a.example/?x&token=1&tokenId=2#/c?y"),
        ("shop://confirm", "shop://confirm?token=1&tokenId=2"),
    ],
)
def test_parameters_join_the_query_before_the_fragment(base: str, link: str) -> None:
    """
    Given the address of a page, with or without query and fragment,
    when token and tokenId are added,
    then they end the query, where a page and its server both find them.
    """
    assert link == link_to(base, {"token": "1", "tokenId": "2"})


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(minutes=30), "30 minutes"),
        (timedelta(minutes=29, seconds=59, milliseconds=900), "30 minutes"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(seconds=3), "1 minute"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=1, minutes=5), "1 hour and 5 minutes"),
        (timedelta(hours=24), "1 day"),
        (timedelta(days=2, hours=3, minutes=4), "2 days and 3 hours"),
    ],
)
def test_a_lifetime_is_said_in_words(duration: timedelta, words: str) -> None:
    """
    Given how long a token lives,
    when a person is told,
    then it is said to the minute, in at most two units.
    """
    assert words == in_words(duration)
