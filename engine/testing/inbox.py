"""A transport that keeps what it is given, and can be told to refuse."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from urllib.parse import parse_qs, urlsplit

import attrs

from ..errors import DeliveryFailed
from ..hookspecs import hookimpl
from ..masked import Secret
from ..services import Services
from ..transports import Message, Transport


@attrs.frozen
class Link:
    """What a link in a message carries; hand it on with `engine.confirm(**link.credentials)`."""

    url: str
    token_id: str
    token: Secret

    @property
    def credentials(self) -> dict[str, str]:
        """The keyword arguments of `confirm` and `set_password`."""
        return {"token_id": self.token_id, "token": self.token.reveal()}


class Inbox:
    """A message transport named `inbox`, and the plugin that registers it."""

    name = "inbox"

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._lock = threading.Lock()
        self._refusal: DeliveryFailed | None = None
        self._before: Callable[[Message], None] | None = None

    @hookimpl
    def register_transports(self) -> Iterable[Transport]:
        """Offer this inbox as a transport."""
        return [self]

    def send(self, message: Message, services: Services) -> None:
        """Keep the message, or refuse it as told."""
        if self._before is not None:
            self._before(message)
        with self._lock:
            if self._refusal is not None:
                raise self._refusal
            self.messages.append(message)

    def refuse_mail(self, *, temporary: bool = False) -> None:
        """Refuse every message from now on."""
        self._refusal = DeliveryFailed("451 later" if temporary else "550 no", temporary=temporary)

    def accept_mail(self) -> None:
        """Take messages again."""
        self._refusal = None

    def before_mail(self, call: Callable[[Message], None] | None) -> None:
        """Call this on the sending thread before each message is taken."""
        self._before = call

    def to(self, address: str) -> list[Message]:
        """Return the messages to an address, oldest first."""
        return [message for message in self.messages if message.to == address]

    def last(self, address: str | None = None) -> Message:
        """Return the newest message (to an address). Raises LookupError when there is none."""
        found = self.messages if address is None else self.to(address)
        if not found:
            raise LookupError("no message has arrived")
        return found[-1]

    def last_link(self, address: str | None = None) -> Link:
        """Return the link of the newest message (to an address). Raises LookupError."""
        text = self.last(address).text
        match = re.search(r"https?://\S+token=\S+", text)
        if match is None:
            raise LookupError("the newest message has no link")
        query = parse_qs(urlsplit(match[0]).query)
        return Link(match[0], query["tokenId"][0], Secret(query["token"][0]))

    def last_code(self, address: str | None = None) -> str:
        """Return the typed code of the newest message (to an address). Raises LookupError."""
        match = re.search(r"\b[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}\b", self.last(address).text)
        if match is None:
            raise LookupError("the newest message has no code")
        return match[0]
