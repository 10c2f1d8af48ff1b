"""What the pages say, by language; which one, the browser's `Accept-Language` decides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

ENGLISH: Final[Mapping[str, str]] = {
    "confirm": "Confirm your e-mail address",
    "confirm_about": "Type your password, press the button, and your account is ready.",
    "confirm_hint": "What you type here is the password that you will log in with.",
    "confirm_act": "Confirm my address",
    "confirm_by_code": "Type the code of the message",
    "confirm_by_code_about": "Or open the link of the message again: it needs no code.",
    "confirmed": "Your address is confirmed",
    "confirmed_about": "That is all. Go back to the application and log in with your password.",
    "reset": "Choose a new password",
    "reset_about": "It replaces the old one, and ends every session that is still open.",
    "reset_act": "Set my password",
    "reset_by_code_about": "With the code of the message. Or open its link again: it needs none.",
    "done": "Your new password is set",
    "done_about": "Go back to the application and log in with it.",
    "expired": "This link has expired",
    "expired_about": "Links are good for a short time only. If you were through already, log in.",
    "superseded": "There is a newer message",
    "superseded_about": "Use its link: it replaced this one. Or let us send another one.",
    "used": "This link was used already",
    "used_about": "If it was you, log in with the password that you chose. "
    "If it was not, ask for a new message and choose another one.",
    "unknown": "This link does not work",
    "unknown_about": "Perhaps it was cut off on its way, or is not about this. "
    "Open it from the message itself, or ask for a new one.",
    "again": "Send it again",
    "again_about": "No message?",
    "sent": "Look into your mailbox",
    "sent_about": "If this address waits for something here, a new message is on its way to it. "
    "It may take a minute.",
    "elsewhere": "One step is left",
    "elsewhere_about": "You asked for another address while you were logged in. Go back to the "
    "application and type the code of the message there.",
    "refused": "This cannot be done",
    "refused_about": "Ask the people who run this application.",
    "later": "Too often",
    "later_about": "Please wait a little, then try again.",
    "address": "E-mail address",
    "code": "Code",
    "code_hint": "Like ABCD-2345, from the newest message.",
    "password": "Password",
    "new_password": "New password",
    "repeated": "New password again",
    "show": "Show what I type",
    "missing": "Please fill this in.",
    "differs": "The two are not the same.",
    "address_wrong": "This is no e-mail address.",
    "code_wrong": "This code is not right. Compare it with the newest message, or use its link.",
    "code_shape": "A code has eight letters and digits.",
    "password_wrong": "This password cannot be used:",
}
TEXTS: Final[Mapping[str, Mapping[str, str]]] = {"en": ENGLISH}
DEFAULT: Final = "en"
MOST_RANGES: Final = 20
"""Of a header anybody may write."""
_RANGE: Final = re.compile(
    r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,30})?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*"
)


def language_of(accepted: str, known: Mapping[str, object] = TEXTS) -> str:
    """Return the language of *known* that a header `Accept-Language` likes best (RFC 9110 §12.5.4).

    >>> language_of("pt-BR, de;q=0.7, en-GB;q=0.8", {"en": 1, "de": 1})
    'en'
    >>> language_of("nothing; of the kind", {"en": 1, "de": 1})
    'en'
    """
    best, weight = DEFAULT, 0.0
    for part in accepted.split(",", MOST_RANGES)[:MOST_RANGES]:
        found = _RANGE.fullmatch(part)
        if found is None:
            continue
        wanted = float(found[2] or "1")
        if found[1].lower() in known and wanted > weight:
            best, weight = found[1].lower(), wanted
    return best
