"""The flows `email`: settings and templates that are missing, wrong, or replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from email_entries import COMPLETE, LINK, Sent, html_of
from plugin_services import MakeServices

from admit.errors import DeliveryFailed, InvalidInput, InvalidSetting, NotConfigured, PluginFailed
from admit.flows import Entry, Outcome
from admit.plugins.email import (
    Email,
    register_confirmation_flows,
    register_reset_flows,
)
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


def test_missing_settings_are_named_all_at_once(
    flow: Email, reset_flow: Email, make_services: MakeServices
) -> None:
    """
    Given nothing but defaults,
    when the flows are checked,
    then everything that is missing is named in one error.
    """
    for checked in (flow, reset_flow):
        with pytest.raises(NotConfigured) as raised:
            checked.check(make_services())

        assert ("email.sender", "email.link_base", "transport") == raised.value.settings


def test_a_reset_page_alone_is_enough_for_resets_only(
    flow: Email, reset_flow: Email, make_services: MakeServices
) -> None:
    """
    Given a base for reset links and none for confirmations,
    when the flows are checked,
    then the reset flow is content, and the confirmation flow names what it lacks.
    """
    settings = {**COMPLETE, "email.reset_link_base": "https://shop.example/reset"}
    del settings["email.link_base"]
    services = make_services(settings)

    reset_flow.check(services)
    with pytest.raises(NotConfigured) as raised:
        flow.check(services)
    assert ("email.link_base",) == raised.value.settings


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("email.link_base", "/confirm"),
        ("email.link_base", "shop.example/confirm"),
        ("email.link_base", "javascript://alert(1)"),
        ("email.link_base", "https://shop.example/ confirm"),
        ("email.link_base", "https://shop.example/\u202econfirm"),
        ("email.reset_link_base", 'https://shop.example/"onload="'),
        ("email.sender", "Shop"),
        ("email.sender", "hello@shop.example\r\nBcc: eve@evil.example"),
        ("email.subject", "Hi\nBcc: eve@evil.example"),
        ("email.subject", "x" * 257),
        ("email.reset_subject", "x" * 257),
        ("email.notice_subject", "Hi\x00"),
    ],
)
def test_settings_that_no_message_may_have_are_refused_before_anything_is_written(
    flow: Email, make_services: MakeServices, setting: str, value: str
) -> None:
    """
    Given a link base that is no page, a sender that is no mailbox, a subject with a line break,
    when the flow is checked,
    then the setting is named.
    """
    with pytest.raises(InvalidSetting) as raised:
        flow.check(make_services(COMPLETE | {setting: value}))

    assert setting == raised.value.field


def test_complete_settings_pass(
    flow: Email, reset_flow: Email, make_services: MakeServices
) -> None:
    """
    Given complete settings,
    when the flows are checked,
    then they are content.
    """
    for checked in (flow, reset_flow):
        checked.check(make_services(COMPLETE))


@pytest.mark.parametrize(
    ("change", "settings"),
    [
        ({}, {"email.subject": "Hi\r\nBcc: eve@evil.example"}),
        ({}, {"email.sender": "a@b.example\r\nBcc: eve@evil.example"}),
        ({"username": "ada@example.com\r\nBcc: eve@evil.example"}, {}),
    ],
)
def test_a_line_break_in_a_header_is_refused(
    flow: Email,
    entry: Entry,
    make_services: MakeServices,
    change: dict[str, Any],
    settings: dict[str, str],
    inbox: Inbox,
) -> None:
    """
    Given an address, a sender or a subject with a line break,
    when a message would be sent,
    then it is not.
    """
    services = make_services(COMPLETE | settings)

    with pytest.raises(InvalidInput):
        flow.begin(attrs.evolve(entry, **change), services)

    assert [] == inbox.messages


def test_a_login_that_is_no_address_is_a_permanent_failure(
    flow: Email, entry: Entry, make_services: MakeServices, inbox: Inbox
) -> None:
    """
    Given a user whose login is no address, from a time of another flow,
    when this flow is entered,
    then the failure is permanent, and nothing is sent.
    """
    services = make_services(COMPLETE)

    with pytest.raises(DeliveryFailed) as raised:
        flow.begin(attrs.evolve(entry, username="ada"), services)

    assert (False, []) == (raised.value.temporary, inbox.messages)


@pytest.mark.parametrize("missing", ["email.sender", "email.link_base"])
def test_settings_that_vanished_meanwhile_are_named(
    flow: Email, entry: Entry, make_services: MakeServices, missing: str, inbox: Inbox
) -> None:
    """
    Given settings that were removed after the check,
    when the flow is entered,
    then they are named, and nothing is sent.
    """
    services = make_services({name: value for name, value in COMPLETE.items() if name != missing})

    with pytest.raises(NotConfigured) as raised:
        flow.begin(entry, services)

    assert ((missing,), []) == (raised.value.settings, inbox.messages)


def test_templates_can_be_replaced_one_by_one(
    flow: Email, entry: Entry, make_services: MakeServices, tmp_path: Path, sent: Sent
) -> None:
    """
    Given a folder with one template of one's own,
    when a message is written,
    then that one is used, with all values at hand, and the built-in one for the other form.
    """
    (tmp_path / "confirm.txt.j2").write_text(
        "{{ application }}|{{ username }}|{{ link }}|{{ code }}|{{ valid_for }}|{{ purpose }}|"
        "{{ reason }}|{{ locale }}|{{ expires_at.isoformat() }}|{{ subject }}"
    )

    message = sent(
        flow,
        attrs.evolve(entry, locale="de"),
        make_services(COMPLETE | {"templates": tmp_path}),
    )

    assert (
        f"Shop|Ada@example.com|https://shop.example/confirm?{LINK}|K7QM-3XRP|30 minutes|confirm|"
        "register|de|2026-03-04T05:36:07.890000+00:00|Confirm your e-mail address"
    ) == message.text
    assert "Welcome to Shop!" in html_of(message)


def test_the_layout_can_be_replaced_for_all(
    flow: Email, entry: Entry, make_services: MakeServices, tmp_path: Path, sent: Sent
) -> None:
    """
    Given a layout of one's own,
    when a message is written,
    then the built-in text stands in it.
    """
    (tmp_path / "layout.html.j2").write_text("<main>{% block body %}{% endblock %}</main>")

    html = html_of(sent(flow, entry, make_services(COMPLETE | {"templates": tmp_path})))

    assert html.startswith("<main>")
    assert "Please confirm" in html


def test_a_broken_template_sends_nothing(
    flow: Email, entry: Entry, make_services: MakeServices, tmp_path: Path, inbox: Inbox
) -> None:
    """
    Given a template of one's own that names a value that does not exist,
    when a message would be written,
    then the error names the template, and nothing is sent.
    """
    (tmp_path / "confirm.html.j2").write_text("{{ first_name }}")
    services = make_services(COMPLETE | {"templates": tmp_path})

    with pytest.raises(PluginFailed, match=r"confirm\.html\.j2"):
        flow.begin(entry, services)

    assert [] == inbox.messages


def test_the_flow_says_what_it_is(
    flow: Email, reset_flow: Email, make_services: MakeServices
) -> None:
    """
    Given the two flows,
    when the engine looks at them,
    then they can send again, prove the address, run under a limit, and are called `email`.
    """
    for each in (flow, reset_flow):
        assert ("email", True, True, False) == (
            each.name,
            each.resends,
            each.proves_address,
            getattr(each, "inline", False),
        )
        assert 12.0 == each.limit_seconds(make_services({"email.time_limit": "12 seconds"}))
