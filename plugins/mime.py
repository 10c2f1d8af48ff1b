"""A message in the form in which mail travels (RFC 5322, MIME)."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid, parseaddr
from typing import Final, Literal

from admit.addresses import canonical
from admit.errors import DeliveryFailed, InvalidAddress
from admit.transports import Message

_DOMAIN: Final = re.compile(r"[A-Za-z0-9._-]+|\[[A-Za-z0-9.:]+\]")
"""A name in ASCII, or an address literal; the header parser stumbles over stranger ones."""
_IN_A_MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


def to_email(
    message: Message,
    *,
    sent_at: datetime,
    encoding: Literal["quoted-printable", "8bit"] = "quoted-printable",
) -> EmailMessage:
    """Return *message* as mail: its headers, plain text, and HTML as the better alternative.

    `8bit` is for files that people read; quoted-printable passes every mail server.

    Raises:
        DeliveryFailed: the recipient or the sender is no mailbox; permanent.
    """
    name, sender = parseaddr(message.sender)
    email = EmailMessage(policy=SMTP)
    email["From"] = _address("sender", sender, name)
    email["To"] = _address("recipient", message.to)
    email["Subject"] = message.subject
    email["Date"] = format_datetime(sent_at)
    email["Message-ID"] = _message_id(message.idempotency_key, envelope("sender", sender))
    # RFC 3834: out-of-office robots must not answer.
    email["Auto-Submitted"] = "auto-generated"
    email.set_content(message.text, cte=encoding)
    if message.html is not None:
        email.add_alternative(message.html, subtype="html", cte=encoding)
    return email


def envelope(whose: str, address: str) -> str:
    """Return *address* as SMTP takes it: the domain in IDN's ASCII form, the name untouched.

    Raises:
        DeliveryFailed: it is no mailbox; permanent. The address is not quoted.
    """
    name, _, domain = address.rpartition("@")
    if name and _DOMAIN.fullmatch(domain):
        return address
    try:
        ascii_domain = canonical(f"{name and 'x'}@{domain}").rpartition("@")[2]
    except InvalidAddress:
        raise DeliveryFailed(f"The {whose} is no e-mail address.", temporary=False) from None
    return f"{name}@{ascii_domain}"


def _address(whose: str, address: str, display_name: str = "") -> Address:
    name, _, domain = envelope(whose, address).rpartition("@")
    return Address(display_name, name, domain)


def _message_id(idempotency_key: str | None, sender: str) -> str:
    domain = sender.rpartition("@")[2]
    if idempotency_key is None:
        return make_msgid(domain=domain)
    if not _IN_A_MESSAGE_ID.fullmatch(idempotency_key):
        idempotency_key = hashlib.sha256(
            idempotency_key.encode("utf-8", "surrogatepass")
        ).hexdigest()
    return f"<{idempotency_key}@{domain}>"
