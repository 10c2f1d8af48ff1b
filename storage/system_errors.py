"""What the system says when a file refuses, as the errors that the store protocol names."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from admit.errors import StoreError, StoreFull, StoreReadOnly

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_WRITABLE: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


@contextmanager
def said_as_ours(what: str) -> Iterator[None]:
    """Turn an OSError into ours; *what* could not be done (`write`)."""
    try:
        yield
    except OSError as error:
        raise as_ours(error, what) from error


def as_ours(error: OSError, what: str) -> StoreError:
    """Return the error to raise for what the system said when the store wanted to do *what*."""
    reason = f"The store could not {what}: {error.strerror or error}."
    if error.errno in _FULL:
        return StoreFull(reason, "Make room, then try again.")
    if error.errno in _NOT_WRITABLE:
        return StoreReadOnly(reason, "See the permissions of the file and its folder.")
    return StoreError(reason, "See the system's log for the disk's errors.")
