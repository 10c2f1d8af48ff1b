"""The transport `smtp`: hands messages to a mail server."""

from __future__ import annotations

import contextlib
import re
import smtplib
import ssl
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Final

import attrs

from admit.errors import DeliveryFailed, InvalidSetting, NotConfigured
from admit.hookspecs import hookimpl
from admit.masked import Secret
from admit.services import Services
from admit.settings import NOT_IN_STORE, setting
from admit.transports import Message, Transport

from .mime import envelope, to_email

_PORTS: Final[Mapping[str, int]] = {"off": 25, "starttls": 587, "implicit": 465}
"""RFC 5321 §4.5.4.2, RFC 6409 §3.1, RFC 8314 §7.3."""
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

MAX_REPLY_CHARACTERS: Final = 200
"""What is kept of a server's reply: enough to know the reason by."""


@attrs.frozen
class SmtpSettings:
    """The section `smtp`. None of it can be set at run time: who changes the server reads every
    token that is sent, and the password that logs in to it."""

    host: str | None = setting(None, "The mail server.", where=NOT_IN_STORE)
    port: int | None = setting(
        None,
        "Its port; none: 587 for starttls, 465 for implicit, 25 without TLS.",
        minimum=1,
        maximum=65535,
        where=NOT_IN_STORE,
    )
    tls: str = setting(
        "starttls",
        "starttls: after a greeting; implicit: from the first byte; off: in the clear.",
        choices=("starttls", "implicit", "off"),
        where=NOT_IN_STORE,
    )
    ca_file: Path | None = setting(
        None,
        "Certificates to trust, a PEM file; none: those that the system trusts.",
        where=NOT_IN_STORE,
    )
    username: str | None = setting(None, "The log-in at the server.", where=NOT_IN_STORE)
    password: Secret | None = setting(None, "The password of the log-in.", where=NOT_IN_STORE)
    timeout: timedelta = setting(
        timedelta(seconds=10),
        "How long the server may take for one answer.",
        minimum=timedelta(seconds=0.1),
        maximum=timedelta(minutes=5),
        where=NOT_IN_STORE,
    )


class Smtp:
    """Sends each message over a connection of its own. Certificates are always verified."""

    name = "smtp"

    def check(self, services: Services) -> None:
        """Return if the settings would do; no connection is made.

        Raises:
            NotConfigured: no server is set, or a username without a password.
            InvalidSetting: a password would travel in the clear, is not ASCII, or the CA file is
                missing.
        """
        settings = services.settings(SmtpSettings)
        missing = [] if settings.host else ["smtp.host"]
        if settings.username and not settings.password:
            missing.append("smtp.password")
        if missing:
            raise NotConfigured("The transport 'smtp'", missing)
        if settings.username and settings.tls == "off" and settings.host not in _LOOPBACK:
            raise InvalidSetting(
                "smtp.tls",
                "must not be off together with a username: the password would be readable.",
                "Set starttls or implicit.",
            )
        for name in ("username", "password"):
            value = getattr(settings, name)
            if value and not (value.reveal() if isinstance(value, Secret) else value).isascii():
                raise InvalidSetting(f"smtp.{name}", "must be ASCII: smtplib sends nothing else.")
        if settings.ca_file is not None and not settings.ca_file.is_file():
            raise InvalidSetting("smtp.ca_file", "is no file.")

    def probe(self, services: Services) -> None:
        """Return if the server can be reached and lets us in; nothing is sent.

        Raises:
            DeliveryFailed: it cannot, or does not.
            NotConfigured, InvalidSetting: as `check`.
        """
        self.check(services)
        settings = services.settings(SmtpSettings)
        with _as_delivery_failed(settings):
            server = _connect(settings)
            try:
                server.ehlo_or_helo_if_needed()
                _log_in(server, settings)
                server.quit()
            finally:
                server.close()

    def send(self, message: Message, services: Services) -> None:
        """Hand *message* to the server; return when it has taken it.

        Raises:
            DeliveryFailed: it was not taken. Permanent for a 5xx answer, an address that is no
                mailbox, and an ability that the server lacks; temporary for a 4xx answer, a
                connection that fails, breaks or stays silent. The sentence quotes the server,
                with addresses and secrets blotted out.
            NotConfigured, InvalidSetting: as `check`.
        """
        self.check(services)
        settings = services.settings(SmtpSettings)
        email = to_email(message, sent_at=services.clock.now())
        sender = envelope("sender", parseaddr(message.sender)[1])
        recipient = envelope("recipient", message.to)
        with _as_delivery_failed(settings):
            server = _connect(settings)
            try:
                _log_in(server, settings)
                server.send_message(email, from_addr=sender, to_addrs=[recipient])
                # The server has taken it: what happens while parting changes nothing.
                with contextlib.suppress(smtplib.SMTPException, OSError):
                    server.quit()
            finally:
                server.close()


def _connect(settings: SmtpSettings) -> smtplib.SMTP:
    host, timeout = settings.host or "", settings.timeout.total_seconds()
    port = settings.port or _PORTS[settings.tls]
    if settings.tls == "off":
        return smtplib.SMTP(host, port, timeout=timeout)
    context = ssl.create_default_context(
        cafile=None if settings.ca_file is None else str(settings.ca_file)
    )
    if settings.tls == "implicit":
        return smtplib.SMTP_SSL(host, port, timeout=timeout, context=context)
    server = smtplib.SMTP(host, port, timeout=timeout)
    try:
        server.starttls(context=context)
    except BaseException:
        server.close()
        raise
    return server


def _log_in(server: smtplib.SMTP, settings: SmtpSettings) -> None:
    if not settings.username or not settings.password:
        return
    # Not server.login(): after a refusal it tries every other mechanism, so that one wrong password
    # counts as several tries, and what is raised is the last one's answer.
    server.ehlo_or_helo_if_needed()
    offered = server.esmtp_features.get("auth", "").upper().split()
    server.user, server.password = settings.username, settings.password.reveal()
    if "PLAIN" in offered:
        server.auth("PLAIN", server.auth_plain)
    elif "LOGIN" in offered:
        server.auth("LOGIN", server.auth_login)
    else:
        raise smtplib.SMTPNotSupportedError("AUTH")


@contextlib.contextmanager
def _as_delivery_failed(settings: SmtpSettings) -> Iterator[None]:
    """Turn what smtplib raises into DeliveryFailed. Causes are dropped: they hold the address,
    and smtplib keeps the whole reply."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        code, reply = next(iter(error.recipients.values()))
        raise _refused("The mail server refused the recipient", code, reply, settings) from None
    except smtplib.SMTPAuthenticationError as error:
        raise _refused(
            "The mail server refused the log-in", error.smtp_code, error.smtp_error, settings
        ) from None
    except smtplib.SMTPSenderRefused as error:
        raise _refused(
            "The mail server refused the sender", error.smtp_code, error.smtp_error, settings
        ) from None
    except smtplib.SMTPResponseException as error:
        raise _refused(
            "The mail server refused the message", error.smtp_code, error.smtp_error, settings
        ) from None
    except smtplib.SMTPNotSupportedError as error:
        raise DeliveryFailed(f"The mail server lacks {_ability(error)}.", temporary=False) from None
    except smtplib.SMTPServerDisconnected:
        raise DeliveryFailed(
            "The connection to the mail server broke off or stayed silent.", temporary=True
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise DeliveryFailed(
            f"The mail server's certificate was not accepted: {error.verify_message}.",
            temporary=True,
        ) from None
    except smtplib.SMTPException as error:
        raise DeliveryFailed(
            f"The mail server does not keep to the protocol: {type(error).__name__}.",
            temporary=False,
        ) from None
    except TimeoutError:
        raise DeliveryFailed("The mail server did not answer in time.", temporary=True) from None
    except OSError as error:
        raise DeliveryFailed(
            f"The mail server could not be reached: {error.strerror or type(error).__name__}.",
            temporary=True,
        ) from None


def _ability(error: smtplib.SMTPNotSupportedError) -> str:
    text = str(error)
    if "SMTPUTF8" in text:
        return "SMTPUTF8, which this address needs (RFC 6531)"
    if "STARTTLS" in text:
        return "STARTTLS, which smtp.tls asks for"
    return "a log-in with a password, which smtp.username asks for"


def _refused(
    sentence: str, code: int, reply: bytes | str, settings: SmtpSettings
) -> DeliveryFailed:
    # smtplib makes up the code -1 when a line is no reply at all.
    said = f"{code} {_quotable(reply, settings)}".strip()
    return DeliveryFailed(f"{sentence}: {said}", temporary=not 500 <= code <= 599)


def _quotable(reply: bytes | str, settings: SmtpSettings) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    password = settings.password.reveal() if settings.password else None
    for secret in (settings.username, password):
        if secret:
            text = text.replace(secret, "…")
    text = re.sub(r"\S*@\S*", "…", text)
    # A link's token, should a server quote the message back.
    text = re.sub(r"[0-9a-fA-F]{24,}", "…", text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= MAX_REPLY_CHARACTERS else text[:MAX_REPLY_CHARACTERS] + "…"


@hookimpl
def register_settings() -> Mapping[str, type]:
    """Offer the section `smtp`."""
    return {"smtp": SmtpSettings}


@hookimpl
def register_transports() -> Iterable[Transport]:
    """Offer `smtp`."""
    return [Smtp()]
