"""A message, and an engine that sends it by SMTP."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from admit.errors import DeliveryFailed
from admit.plugins.smtp import Smtp
from admit.services import Services
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


def send(services: Services, message: Message = MESSAGE) -> None:
    Smtp().send(message, services)


def failure(services: Services, message: Message = MESSAGE) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as raised:
        send(services, message)
    return raised.value
