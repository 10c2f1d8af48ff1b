"""E-mail addresses: when two of them are the same mailbox, and which ones are refused."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from .errors import InvalidAddress

MAX_CHARACTERS: Final = 254
"""RFC 5321 §4.5.3.1.3 allows a path of 256 octets, two of them the angle brackets."""
MAX_LOCAL_CHARACTERS: Final = 64
"""RFC 5321 §4.5.3.1.1."""

_PLAIN: Final = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
_FORBIDDEN_IN_LOCAL: Final = frozenset('"(),:;<>[\\]@')
_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that show nothing (Unicode's Default_Ignorable, and the blank of Braille)."""


def canonical(typed: object, *, field: str = "address") -> str:
    """Return the form by which addresses are compared: NFKC, case-folded, the domain in IDN's
    ASCII form (security.md T9).

    Raises:
        InvalidAddress: it is no address, or its canonical form differs from the typed one in more
            than case and IDN form – full-width letters, a dotless ı, invisible characters –, so
            that it could be mistaken for somebody else's.
    """
    if not isinstance(typed, str):
        raise InvalidAddress(field, f"must be text, not {type(typed).__name__}.")
    if not typed:
        raise InvalidAddress(field, "is empty.", "Give an e-mail address such as ada@example.com.")
    if len(typed) > MAX_CHARACTERS:
        raise InvalidAddress(field, f"is longer than {MAX_CHARACTERS} characters.")
    local, at, domain = typed.rpartition("@")
    if not at or not local or not domain:
        raise InvalidAddress(
            field, "has no name before or no domain after an @.", "Write it as name@domain."
        )
    if len(local.encode("utf-8", "surrogatepass")) > MAX_LOCAL_CHARACTERS:
        raise InvalidAddress(field, f"has more than {MAX_LOCAL_CHARACTERS} bytes before the @.")
    lowered = typed.lower()
    # Lower-casing makes an ASCII k of the Kelvin sign, so ASCII is asked for first.
    if typed.isascii() and _PLAIN.fullmatch(lowered):
        return lowered if "xn--" not in lowered else f"{local.lower()}@{_domain(domain, field)}"
    return f"{_local(local, field)}@{_domain(domain, field)}"


def usable(said: object) -> str | None:
    """Return what a provider says of a user's address if messages could go there, else None: it
    may say anything."""
    try:
        canonical(said)
    except InvalidAddress:
        return None
    return str(said)


def _local(local: str, field: str) -> str:
    for character in local:
        if (
            character in _FORBIDDEN_IN_LOCAL
            or unicodedata.category(character)[0] in "CZ"
            or _INVISIBLE.match(character)
        ):
            raise InvalidAddress(
                field,
                f"has U+{ord(character):04X} before the @, which is not allowed there.",
                "Remove spaces, control and invisible characters and quotes.",
            )
    if local.startswith(".") or local.endswith(".") or ".." in local:
        raise InvalidAddress(field, "has a dot at the wrong place before the @.")
    # Upper-casing first folds the letters that only meet there: dotless ı, long s. The dotted İ
    # is the one letter whose lower case has two characters.
    normal = unicodedata.normalize("NFKC", local)
    folded = unicodedata.normalize("NFKC", normal.upper().casefold())
    if normal != local or folded != local.lower() or len(folded) != len(local):
        raise InvalidAddress(
            field,
            "has letters that look like, or are compared as, other letters.",
            "Type it with ordinary letters.",
        )
    return folded


def _domain(domain: str, field: str) -> str:
    import idna  # 20 ms of tables, needed for the few addresses that are not plain ASCII

    if unicodedata.normalize("NFKC", domain) != domain:
        raise InvalidAddress(field, "has a domain with compatibility letters.")
    try:
        ascii_form = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise InvalidAddress(field, "has a domain that does not exist in this form.") from None
    # IDN's mapping also drops what is invisible; only case and the ASCII form may differ.
    typed = re.split("[.\u3002]", "".join(character.lower() for character in domain))
    for label, found in zip(typed, ascii_form.split("."), strict=True):
        if not found or label not in {found, idna.decode(found)}:
            raise InvalidAddress(field, "has a domain that does not exist in this form.")
    if "." not in ascii_form:
        raise InvalidAddress(field, "has a domain without a dot.", "Write it as name@example.com.")
    return ascii_form
