"""The transport `smtp`, against real servers on loopback."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from mail_servers import StartMailServer, StartScript, Tls
from plugin_services import MakeServices

from admit.errors import DeliveryFailed, InvalidSetting, NotConfigured
from admit.flows import Entry
from admit.plugins.email import Email
from admit.plugins.smtp import Smtp
from admit.services import Services
from admit.testing import Inbox
from admit.transports import Message

ServicesFor = Callable[..., Services]

MESSAGE = Message(
    to="Ada@example.com",
    sender="Shop <hello@shop.example>",
    subject="Confirm",
    text="The code is K7QM-3XRP.\n",
    html="<p>The code is <b>K7QM-3XRP</b>.</p>",
    idempotency_key="64f0aa64f0aa64f0aa64f0aa-1",
)


@pytest.fixture
def services_for(make_services: MakeServices) -> ServicesFor:
    """Make services that send to this port, in the clear unless told otherwise."""

    def make(port: int, **settings: object) -> Services:
        given = {"host": "127.0.0.1", "port": port, "tls": "off"} | settings
        return make_services({f"smtp.{name}": value for name, value in given.items()})

    return make


def send(services: Services, message: Message = MESSAGE) -> None:
    Smtp().send(message, services)


def failure(services: Services, message: Message = MESSAGE) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as raised:
        send(services, message)
    return raised.value


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


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_tls_protects_the_message(
    mail_server: StartMailServer,
    services_for: ServicesFor,
    certificate: tuple[Path, Path],
    tls_context: ssl.SSLContext,
    mode: Tls,
) -> None:
    """
    Given a server that speaks TLS with a certificate that is trusted,
    when a message is sent,
    then it travels over TLS.
    """
    server = mail_server(tls=mode, context=tls_context)

    send(services_for(server.port, tls=mode, ca_file=certificate[1]))

    assert [True] == [mail.over_tls or mode == "implicit" for mail in server.received]


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_an_untrusted_certificate_gets_no_message(
    mail_server: StartMailServer, services_for: ServicesFor, tls_context: ssl.SSLContext, mode: Tls
) -> None:
    """
    Given a server whose certificate nobody vouches for,
    when a message is sent,
    then it is not, and the failure says why.
    """
    server = mail_server(tls=mode, context=tls_context)

    error = failure(services_for(server.port, tls=mode))

    assert error.temporary
    assert error.sentence.startswith("The mail server's certificate was not accepted: self")
    assert [] == server.received


def test_a_server_without_starttls_gets_no_message(
    mail_server: StartMailServer, services_for: ServicesFor
) -> None:
    """
    Given a server that does not offer STARTTLS,
    when a message is to travel by STARTTLS,
    then it is not sent in the clear; the failure is permanent and names the setting.
    """
    server = mail_server()

    error = failure(services_for(server.port, tls="starttls"))

    assert (False, "The mail server lacks STARTTLS, which smtp.tls asks for.") == (
        error.temporary,
        error.sentence,
    )
    assert [] == server.received


def test_the_right_log_in_is_accepted(
    mail_server: StartMailServer,
    services_for: ServicesFor,
    certificate: tuple[Path, Path],
    tls_context: ssl.SSLContext,
) -> None:
    """
    Given a server that asks for a log-in,
    when username and password are right,
    then the message is sent under that name.
    """
    server = mail_server(tls="starttls", context=tls_context, log_in=("shop", "open sesame"))

    send(
        services_for(
            server.port,
            tls="starttls",
            ca_file=certificate[1],
            username="shop",
            password="open sesame",
        )
    )

    assert ["shop"] == [mail.logged_in_as for mail in server.received]


def test_the_wrong_log_in_is_a_permanent_failure_without_the_password(
    mail_server: StartMailServer,
    services_for: ServicesFor,
    certificate: tuple[Path, Path],
    tls_context: ssl.SSLContext,
) -> None:
    """
    Given a server that asks for a log-in,
    when the password is wrong,
    then the failure is permanent, quotes the code and not the password.
    """
    server = mail_server(tls="starttls", context=tls_context, log_in=("shop", "open sesame"))

    error = failure(
        services_for(
            server.port,
            tls="starttls",
            ca_file=certificate[1],
            username="shop",
            password="close sesame",
        )
    )

    assert not error.temporary
    assert error.sentence.startswith("The mail server refused the log-in: 535")
    assert "close sesame" not in repr(error)


def test_a_server_without_log_in_is_a_permanent_failure(
    mail_server: StartMailServer, services_for: ServicesFor
) -> None:
    """
    Given a server that offers no log-in,
    when a username is set,
    then the failure is permanent and names the setting.
    """
    server = mail_server()

    error = failure(services_for(server.port, username="shop", password="open sesame"))

    assert (
        False,
        "The mail server lacks a log-in with a password, which smtp.username asks for.",
    ) == (
        error.temporary,
        error.sentence,
    )


def test_a_domain_of_foreign_letters_travels_in_its_ascii_form(
    mail_server: StartMailServer, services_for: ServicesFor
) -> None:
    """
    Given an address whose domain has an umlaut, and a server without SMTPUTF8,
    when a message is sent,
    then it goes to the ASCII form of the domain, and the name before it is untouched.
    """
    server = mail_server(smtputf8=False)

    send(services_for(server.port), attrs.evolve(MESSAGE, to="Ada@b\u00fccher.example"))

    (mail,) = server.received
    assert ["Ada@xn--bcher-kva.example"] == mail.recipients
    assert "Ada@xn--bcher-kva.example" == mail.email["To"]


def test_a_name_of_foreign_letters_travels_with_smtputf8(
    mail_server: StartMailServer, services_for: ServicesFor
) -> None:
    """
    Given an address whose name has an umlaut, and a server with SMTPUTF8,
    when a message is sent,
    then it arrives, byte for byte.
    """
    server = mail_server()

    send(services_for(server.port), attrs.evolve(MESSAGE, to="j\u00f6rg@example.com"))

    (mail,) = server.received
    assert ["j\u00f6rg@example.com"] == mail.recipients
    assert "SMTPUTF8" in mail.options


def test_a_name_of_foreign_letters_without_smtputf8_is_a_permanent_failure(
    mail_server: StartMailServer, services_for: ServicesFor
) -> None:
    """
    Given an address whose name has an umlaut, and a server without SMTPUTF8,
    when a message is sent,
    then the failure is permanent and names what the server lacks.
    """
    server = mail_server(smtputf8=False)

    error = failure(services_for(server.port), attrs.evolve(MESSAGE, to="j\u00f6rg@example.com"))

    assert (
        False,
        "The mail server lacks SMTPUTF8, which this address needs (RFC 6531).",
    ) == (error.temporary, error.sentence)


@pytest.mark.parametrize("field", ["to", "sender"])
@pytest.mark.parametrize(
    "address", ["nobody", "@example.com", "ada@", "ada@\u2014.example", "ada@[", "ada@a_b!"]
)
def test_what_is_no_mailbox_is_a_permanent_failure(
    mail_server: StartMailServer, services_for: ServicesFor, field: str, address: str
) -> None:
    """
    Given a message to or from something that is no mailbox,
    when it is sent,
    then the failure is permanent and does not quote it.
    """
    server = mail_server()

    error = failure(services_for(server.port), attrs.evolve(MESSAGE, **{field: address}))

    whose = {"to": "recipient", "sender": "sender"}[field]
    assert (False, f"The {whose} is no e-mail address.") == (error.temporary, error.sentence)


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({}, ("smtp.host",)),
        ({"smtp.username": "shop"}, ("smtp.host", "smtp.password")),
        ({"smtp.host": "mail.example", "smtp.username": "shop"}, ("smtp.password",)),
    ],
)
def test_missing_settings_are_named(
    make_services: MakeServices, settings: dict[str, object], missing: tuple[str, ...]
) -> None:
    """
    Given settings that do not do,
    when the transport is checked,
    then those that are missing are named, all at once.
    """
    with pytest.raises(NotConfigured) as raised:
        Smtp().check(make_services(settings))

    assert missing == raised.value.settings


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"smtp.tls": "off", "smtp.username": "a", "smtp.password": "b"}, "smtp.tls"),
        ({"smtp.username": "Jörg", "smtp.password": "b"}, "smtp.username"),
        ({"smtp.username": "a", "smtp.password": "ö"}, "smtp.password"),
        ({"smtp.ca_file": "/nowhere/ca.pem"}, "smtp.ca_file"),
    ],
)
def test_settings_that_contradict_are_refused(
    make_services: MakeServices, settings: dict[str, object], field: str
) -> None:
    """
    Given a password that would travel in the clear, or certificates that are not there,
    when the transport is checked,
    then the setting is named.
    """
    with pytest.raises(InvalidSetting) as raised:
        Smtp().check(make_services({"smtp.host": "mail.example"} | settings))

    assert field == raised.value.field


def test_the_port_follows_from_the_tls_mode(make_services: MakeServices) -> None:
    """
    Given no port,
    when settings are complete otherwise,
    then the check is content: the port follows from the mode.
    """
    Smtp().check(make_services({"smtp.host": "mail.example"}))
