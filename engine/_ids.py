"""Ids: 24 hex digits that sort by time."""

from __future__ import annotations

import os
import re
import secrets
import threading
from datetime import datetime
from typing import Final

from .errors import InvalidInput

_HEX24: Final = re.compile(r"[0-9a-f]{24}")


def is_id(text: object) -> bool:
    """Return whether *text* has the shape of an id."""
    return isinstance(text, str) and _HEX24.fullmatch(text) is not None


def check_id(text: object, field: str) -> str:
    """Return *text* if it has the shape of an id. Raises InvalidInput, naming *field*."""
    if not is_id(text):
        raise InvalidInput(field, "must be 24 hex digits.", "Copy the whole id.")
    return str(text)


class IdSource:
    """Mints ids: 4 bytes of seconds, as in an ObjectId, then 8 bytes that are random at start – and
    again after a fork – and rise by two, even. An id is no secret (security.md T1)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = 0
        self._counter = 0

    def mint(self, now: datetime) -> str:
        """Return a new id for the instant *now*."""
        with self._lock:
            if self._process != os.getpid():
                self._process = os.getpid()
                # The top bit stays clear, so that counting up never wraps.
                self._counter = secrets.randbits(62) * 2
            self._counter += 2
            counter = self._counter
        seconds = int(now.timestamp()) & 0xFFFFFFFF
        return (seconds << 64 | counter).to_bytes(12, "big").hex()
