"""A flow `email` by itself, and what it sends."""

from __future__ import annotations

from collections.abc import Callable

from admit.flows import Entry
from admit.plugins.email import (
    Email,
)
from admit.services import Services
from admit.transports import Message

LINK = f"token={'0123456789abcdef' * 8}&tokenId=64f0aa64f0aa64f0aa64f0aa"


COMPLETE = {
    "email.sender": "Shop <hello@shop.example>",
    "email.link_base": "https://shop.example/confirm",
    "email.application": "Shop",
    "transport": "inbox",
}


Sent = Callable[[Email, Entry, Services], Message]


def html_of(message: Message) -> str:
    assert message.html is not None
    return message.html
