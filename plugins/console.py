"""The transport `console`: prints messages to standard error. For development only."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable
from typing import Final

from admit.hookspecs import hookimpl
from admit.services import Services
from admit.transports import Message, Transport

_RULE: Final = "─" * 72


class Console:
    """Shows each message, tokens and all, to whoever reads standard error."""

    name = "console"

    def send(self, message: Message, services: Services) -> None:
        """Print the headers and the plain text, in one piece, so that threads do not mix."""
        lines = [
            f"╭{_RULE}",
            f"│ To:      {_printable(message.to)}",
            f"│ From:    {_printable(message.sender)}",
            f"│ Subject: {_printable(message.subject)}",
            f"├{_RULE}",
            *(f"│ {_printable(line)}".rstrip() for line in message.text.strip().split("\n")),
            f"╰{_RULE}",
        ]
        sys.stderr.write("\n".join(lines) + "\n")
        sys.stderr.flush()


def _printable(text: str) -> str:
    # Escape sequences and direction marks would let a name rewrite the terminal (security.md A2).
    return "".join(
        character
        if unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


@hookimpl
def register_transports() -> Iterable[Transport]:
    """Offer `console`."""
    return [Console()]
