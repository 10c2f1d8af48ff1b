"""The transport `console`."""

from __future__ import annotations

import pytest
from plugin_services import MakeServices

from admit.plugins.console import Console
from admit.transports import Message


def test_a_message_is_printed_to_standard_error(
    make_services: MakeServices, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Given the transport `console`,
    when a message is sent,
    then its headers and its plain text stand on standard error, and nothing on standard output.
    """
    message = Message(
        to="ada@example.com", sender="hello@shop.example", subject="Confirm", text="Hi\n\nLink\n"
    )

    Console().send(message, make_services())

    out, err = capsys.readouterr()
    assert "" == out
    body = [line.removeprefix("│").strip() for line in err.splitlines()]
    assert ["To:      ada@example.com", "From:    hello@shop.example", "Subject: Confirm"] == [
        *body[1:4]
    ]
    assert ["Hi", "", "Link"] == body[5:8]


def test_a2_a_message_cannot_rewrite_the_terminal(
    make_services: MakeServices, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Given a message with escape sequences and direction marks in it,
    when it is printed,
    then they are shown, not obeyed.
    """
    message = Message(
        to="\u202eada@example.com",
        sender="a@b.example",
        subject="Hi",
        text="\x1b[2Jgone\u2028\rend\n",
    )

    Console().send(message, make_services())

    err = capsys.readouterr().err
    assert "\\u202eada@example.com" in err
    assert "\\x1b[2Jgone\\u2028\\rend" in err
    assert "\x1b" not in err
