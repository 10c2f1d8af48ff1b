"""A store, opened without an engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from admit import care
from admit.errors import InvalidInput
from admit.stores import Store
from admit.upkeep import Upkeep

from .context import is_there
from .output import shown


@contextmanager
def opened(location: str, *, read_only: bool, begins: bool = False) -> Iterator[Upkeep]:
    """Open a store that can be walked. *begins*: it may be begun by this.

    Raises:
        InvalidInput: it is not there, or cannot be walked.
        AdmitError: it cannot be opened.
    """
    if not begins and not is_there(location):
        raise InvalidInput(
            "store", f"there is no {location}.", "Check the path, or name yours with --store."
        )
    with closing(care.open_store(location, read_only=read_only)) as found:
        if not isinstance(found, Upkeep):
            raise InvalidInput(
                "store",
                f"{shown(location)} is of a kind that cannot be walked.",
                "Its own tools care for it.",
            )
        yield found


def key_file(store: Store) -> Path | None:
    """Return the file with the engine key beside a local store, if it is there."""
    if store.path is None:
        return None
    file = store.path.with_name(store.path.name + ".key")
    return file if file.exists() else None
