"""What carries a message."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Protocol

import attrs

from .errors import InvalidInput

if TYPE_CHECKING:
    from .services import Services


def _is_one_line(instance: Message, attribute: attrs.Attribute[str], value: str) -> None:
    # A line break in a header field starts a header of the sender's choice (CWE-93).
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise InvalidInput(
            f"message {attribute.name}",
            "must be one line without control characters.",
            "Remove line breaks from the address, the sender and the subject setting.",
        )


@attrs.frozen(kw_only=True)
class Message:
    """One message to one person.

    Raises:
        InvalidInput: a line break or another control character stands in a header field.
    """

    to: str = attrs.field(validator=_is_one_line)
    sender: str = attrs.field(validator=_is_one_line)
    subject: str = attrs.field(validator=_is_one_line)
    text: str = attrs.field(repr=False)
    html: str | None = attrs.field(default=None, repr=False)
    idempotency_key: str | None = None


class Transport(Protocol):
    """Carries messages. Runs inside the flow that sends, under that flow's time limit.

    These may stand on the object as well:

    - `check(services)`: raises `NotConfigured` when settings are missing;
    - `probe(services)`: asks the other side, without sending anything, whether it would take a
      message; raises `DeliveryFailed`. `admit doctor` calls it.
    """

    name: str

    def send(self, message: Message, services: Services) -> None | Awaitable[None]:
        """Hand the message over; return when the other side has taken it.

        Raises:
            DeliveryFailed: it was not taken; `temporary` says whether trying again makes sense.
        """
        ...
