"""The transport `smtp`: TLS, log-in, addresses, and settings that contradict."""

from __future__ import annotations

import ssl
from pathlib import Path

import attrs
import pytest
from mail_servers import StartMailServer, Tls
from plugin_services import MakeServices
from smtp_messages import MESSAGE, ServicesFor, failure, send

from admit.errors import InvalidSetting, NotConfigured
from admit.plugins.smtp import Smtp
from admit.services import Services


@pytest.fixture
def services_for(make_services: MakeServices) -> ServicesFor:
    """Make services that send to this port, in the clear unless told otherwise."""

    def make(port: int, **settings: object) -> Services:
        given = {"host": "127.0.0.1", "port": port, "tls": "off"} | settings
        return make_services({f"smtp.{name}": value for name, value in given.items()})

    return make


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
