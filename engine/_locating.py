"""Opening a store by its path or URL."""

from __future__ import annotations

import os

from ._text import check_path
from .errors import InvalidInput, UnknownName
from .stores import Store

_DEFAULT_SCHEME = "tinydb"


def open_store(location: str | os.PathLike[str], *, read_only: bool = False) -> Store:
    """Open the store at a path, or at a URL whose scheme an installed store serves; no engine.

    Raises:
        UnknownName: no store serves this scheme; those there are are listed.
        InvalidInput: this is neither a path nor a URL.
        StoreError: it cannot be opened.
    """
    text = check_path(location, "store")
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = _DEFAULT_SCHEME, text
    if not rest and scheme != "memory":
        raise InvalidInput("store", "is empty.", "Give a path such as users.json, or a URL.")
    from importlib.metadata import entry_points  # 15 ms that a store handed over does not need

    found = entry_points(group="admit.stores")
    wanted = [entry for entry in found if entry.name == scheme]
    if not wanted:
        raise UnknownName("store for the scheme", scheme, sorted({e.name for e in found}))
    opened: Store = wanted[0].load()(rest, read_only=read_only)
    return opened
