"""The transport `smtp`, against real servers on loopback."""

from __future__ import annotations

import socket

import attrs
import pytest
from mail_servers import StartMailServer, StartScript
from plugin_services import MakeServices
from smtp_messages import MESSAGE, ServicesFor, failure, send

from admit.flows import Entry
from admit.plugins.email import Email
from admit.services import Services
from admit.testing import Inbox


@pytest.fixture
def services_for(make_services: MakeServices) -> ServicesFor:
    """Make services that send to this port, in the clear unless told otherwise."""

    def make(port: int, **settings: object) -> Services:
        given = {"host": "127.0.0.1", "port": port, "tls": "off"} | settings
        return make_services({f"smtp.{name}": value for name, value in given.items()})

    return make


def test_a_message_arrives_with_both_parts_and_proper_headers(
    mail_server: StartMailServer, services_for: ServicesFor
) -> None:
    """
    Given a mail server,
    when a message is sent,
    then it arrives as plain text and HTML, from and to whom it says, and robots do not answer it.
    """
    server = mail_server()

    send(services_for(server.port))

    (mail,) = server.received
    assert ("hello@shop.example", ["Ada@example.com"]) == (mail.sender, mail.recipients)
    email = mail.email
    assert "multipart/alternative" == email.get_content_type()
    plain, html = email.iter_parts()
    assert ("text/plain", "text/html") == (plain.get_content_type(), html.get_content_type())
    assert "The code is K7QM-3XRP." == plain.get_content().strip()
    assert MESSAGE.html == html.get_content().strip()
    assert "Shop <hello@shop.example>" == email["From"]
    assert "Ada@example.com" == email["To"]
    assert "Wed, 04 Mar 2026 05:06:07 +0000" == email["Date"]
    assert "<64f0aa64f0aa64f0aa64f0aa-1@shop.example>" == email["Message-ID"]
    assert "auto-generated" == email["Auto-Submitted"]


def test_a_link_of_two_hundred_characters_survives(
    mail_server: StartMailServer,
    services_for: ServicesFor,
    make_services: MakeServices,
    entry: Entry,
    inbox: Inbox,
) -> None:
    """
    Given the flow `email`, whose link is longer than a line of mail may be,
    when its message travels by SMTP,
    then link and code stand whole in both parts.
    """
    server = mail_server()
    flow_services = make_services(
        {
            "email.sender": "hello@shop.example",
            "email.link_base": "https://shop.example/confirm",
            "transport": "inbox",
        }
    )
    Email("link_base").begin(entry, flow_services)

    send(services_for(server.port), inbox.messages[0])

    plain, html = (part.get_content() for part in server.received[0].email.iter_parts())
    query = f"token={entry.token.reveal()}{{}}tokenId={entry.token_id}"
    assert f"https://shop.example/confirm?{query.format('&')}\r\n" in plain
    assert f'href="https://shop.example/confirm?{query.format("&amp;")}"' in html
    assert "K7QM-3XRP" in plain
    assert "K7QM-3XRP" in html


def test_a_message_without_html_is_plain_text(
    mail_server: StartMailServer, services_for: ServicesFor
) -> None:
    """
    Given a plugin's message without HTML, and without an idempotency key,
    when it is sent,
    then it arrives as plain text, with a Message-ID all the same.
    """
    server = mail_server()

    send(
        services_for(server.port),
        attrs.evolve(MESSAGE, html=None, idempotency_key=None),
    )

    email = server.received[0].email
    assert "text/plain" == email.get_content_type()
    assert email["Message-ID"].endswith("@shop.example>")


def test_a_key_that_is_no_message_id_is_digested(
    mail_server: StartMailServer, services_for: ServicesFor
) -> None:
    """
    Given an idempotency key with characters that a Message-ID must not have,
    when the message is sent twice,
    then both carry the same harmless Message-ID.
    """
    server = mail_server()
    message = attrs.evolve(MESSAGE, idempotency_key="order <7>\u00e4")

    send(services_for(server.port), message)
    send(services_for(server.port), message)

    first, second = (mail.email["Message-ID"] for mail in server.received)
    assert first == second
    assert first.isascii()
    assert "order" not in first


@pytest.mark.parametrize(
    ("step", "reply", "temporary", "sentence"),
    [
        ("RCPT", "550 5.1.1 No such user", False, "refused the recipient: 550 5.1.1 No such user"),
        ("RCPT", "451 4.7.1 Greylisted", True, "refused the recipient: 451 4.7.1 Greylisted"),
        ("MAIL", "553 Not yours", False, "refused the sender: 553 Not yours"),
        ("MAIL", "452 Full", True, "refused the sender: 452 Full"),
        ("DATA", "554 Spam", False, "refused the message: 554 Spam"),
        ("DATA", "421 Going down", True, "refused the message: 421 Going down"),
    ],
)
def test_a_refusal_is_permanent_or_temporary_as_the_server_says(
    mail_server: StartMailServer,
    services_for: ServicesFor,
    step: str,
    reply: str,
    temporary: bool,
    sentence: str,
) -> None:
    """
    Given a server that refuses at some step,
    when a message is sent,
    then 5xx is permanent, 4xx temporary, and the sentence quotes code and reply.
    """
    server = mail_server()
    server.replies[step] = reply

    error = failure(services_for(server.port))

    assert (temporary, f"The mail server {sentence}") == (error.temporary, error.sentence)
    assert [] == server.received


def test_a_reply_is_quoted_without_addresses_tokens_and_control_characters(
    mail_server: StartMailServer, services_for: ServicesFor
) -> None:
    """
    Given a server that quotes the address, a token and an escape sequence in its reply,
    when it refuses a message,
    then the sentence has none of them, and is short.
    """
    server = mail_server()
    server.replies["RCPT"] = f"550 <Ada@example.com>: {'ab12' * 32} \x1b[2Jgone {'x' * 300}"

    error = failure(services_for(server.port))

    assert "Ada@example.com" not in str(error)
    assert "ab12ab12" not in error.sentence
    assert error.sentence.isprintable()
    assert len(error.sentence) < 300
    assert error.sentence.startswith("The mail server refused the recipient: 550 … …")
    assert error.__cause__ is None


def test_a_connection_that_breaks_inside_the_message_is_temporary(
    scripted_server: StartScript, services_for: ServicesFor
) -> None:
    """
    Given a server that hangs up after it asked for the message,
    when a message is sent,
    then the failure is temporary: it may or may not have arrived.
    """
    port = scripted_server(b"220 hi", b"250 hi", b"250 sender", b"250 recipient", b"354 go on")

    error = failure(services_for(port))

    assert (True, "The connection to the mail server broke off or stayed silent.") == (
        error.temporary,
        error.sentence,
    )


def test_a_server_that_refuses_the_connection_politely_is_temporary(
    scripted_server: StartScript, services_for: ServicesFor
) -> None:
    """
    Given a server that greets with 421,
    when a message is sent,
    then the failure is temporary and quotes it.
    """
    error = failure(services_for(scripted_server(b"421 too busy")))

    assert (True, "The mail server refused the message: 421 too busy") == (
        error.temporary,
        error.sentence,
    )


def test_a_server_that_stays_silent_is_temporary(
    mail_server: StartMailServer, services_for: ServicesFor
) -> None:
    """
    Given a server that accepts the connection and then says nothing,
    when its time is over,
    then the failure is temporary.
    """
    server = mail_server()
    server.silent = True

    error = failure(services_for(server.port, timeout="0.2"))

    assert error.temporary


def test_a_handshake_that_stays_unanswered_is_temporary(services_for: ServicesFor) -> None:
    """
    Given a server that accepts the connection and never answers the TLS handshake,
    when its time is over,
    then the failure is temporary.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        error = failure(services_for(listener.getsockname()[1], tls="implicit", timeout="0.2"))

    assert (True, "The mail server did not answer in time.") == (error.temporary, error.sentence)


def test_nobody_listening_is_temporary(services_for: ServicesFor) -> None:
    """
    Given a port on which nobody listens,
    when a message is sent,
    then the failure is temporary, and says that the server was not reached.
    """
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    error = failure(services_for(port))

    assert error.temporary
    assert error.sentence.startswith("The mail server could not be reached: ")


def test_what_happens_after_the_message_was_taken_is_no_failure(
    scripted_server: StartScript, services_for: ServicesFor
) -> None:
    """
    Given a server that takes the message and answers the farewell with nonsense,
    when a message is sent,
    then that is a success.
    """
    port = scripted_server(
        b"220 hi",
        b"250 hi",
        b"250 sender",
        b"250 recipient",
        b"354 go on",
        b"250 taken",
        b"boo",
    )

    send(services_for(port))


def test_a_server_that_challenges_without_end_is_a_permanent_failure(
    scripted_server: StartScript, services_for: ServicesFor
) -> None:
    """
    Given a server that answers every log-in with another challenge,
    when a message is sent,
    then that is a permanent failure that quotes nothing.
    """
    port = scripted_server(b"220 hi", b"250-hi\r\n250 AUTH LOGIN", *[b"334 bW9yZQ=="] * 9)

    error = failure(services_for(port, username="shop", password="open sesame"))

    assert (False, "The mail server does not keep to the protocol: SMTPException.") == (
        error.temporary,
        error.sentence,
    )
