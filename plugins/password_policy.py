"""The built-in rule for new passwords: none of the commonest, and not the address itself (P2)."""

from __future__ import annotations

import functools
import importlib.resources
import unicodedata

from admit.hookspecs import hookimpl


@hookimpl
def before_password(password: str, address: str | None) -> str | None:
    """Refuse a password that is among the first that a guesser tries, in capitals or not."""
    folded = _folded(password)
    if folded in _commonest():
        return "is one of the commonest passwords."
    if address is not None:
        whole = _folded(address)
        if folded in {whole, whole.rpartition("@")[0]}:
            return "is the address, or its part before the @."
    return None


# Read at the first use, and for all engines: the file ships with the package and never changes.
@functools.cache
def _commonest() -> frozenset[str]:
    file = importlib.resources.files("admit.plugins") / "commonest_passwords.txt"
    return frozenset(file.read_text("utf-8").split())


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
