"""What an application keeps beside its users: `engine.documents` and `engine.secrets`."""

from __future__ import annotations

from collections.abc import Mapping

from ._core import Core
from ._events import Acting
from ._numbers import check_number
from ._passwords import as_secret
from ._usecases import kept
from .masked import Secret
from .records import AppSecret, Document


class Documents:
    """Named JSON objects of the application: what a front door has to remember, and the engine has
    no setting for."""

    def __init__(self, core: Core, by: Acting) -> None:
        self._core = core
        self._by = by

    def get(self, name: str) -> Document:
        """Return a document and its version: empty and 0 when it was never set. Raises
        InvalidInput: this is no name."""
        return kept.get_document(self._core, kept.check_name(name))

    def set(self, name: str, data: Mapping[str, object], *, version: int | None = None) -> Document:
        """Replace a document; `{}` empties it. With *version* – the one that was read – nothing is
        replaced that was changed meanwhile.

        Raises:
            InvalidInput: *data* is no JSON object, or has more than 64 kB; or this is no name.
            Outdated: the version is another one. TryLater: somebody else changes it now.
        """
        if version is not None:
            check_number(version, "version", 0, 2**63 - 1)
        return kept.set_document(self._core, self._by, kept.check_name(name), data, version)


class Secrets:
    """Secrets of the application, sealed with the engine's key. Needs the package `cryptography`:
    the extras `oidc` and `server` have it."""

    def __init__(self, core: Core, by: Acting) -> None:
        self._core = core
        self._by = by

    def all(self) -> tuple[AppSecret, ...]:
        """Return which secrets there are, by name; not what they are."""
        return kept.all_secrets(self._core)

    def set(self, name: str, value: str | Secret) -> AppSecret:
        """Keep a secret under a name, in the place of what it was.

        Raises:
            InvalidInput: it is no text of at most 10,000 characters, or this is no name.
            MissingExtra: the package that seals is not installed.
            TryLater: somebody else changes it now.
        """
        secret = as_secret(value, "value")
        return kept.set_secret(self._core, self._by, kept.check_name(name), secret)

    def reveal(self, name: str) -> Secret:
        """Return a secret itself: for code that needs it, never for an answer to somebody.

        Raises:
            UnknownName: there is none. MissingExtra, StoreDamaged: it cannot be opened.
        """
        return kept.reveal_secret(self._core, kept.check_name(name))

    def delete(self, name: str) -> None:
        """Delete a secret. Raises UnknownName: there is none."""
        kept.delete_secret(self._core, self._by, kept.check_name(name))
