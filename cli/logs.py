"""Warnings of the engine, on stderr while a command runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from .output import note, styled, visible

_LOGGER: Final = logging.getLogger("admit")


class _ToStderr(logging.Handler):
    """Prints the first line of each record: the sentence. A traceback is for log files."""

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname.lower()
        sentence = record.getMessage().partition("\n")[0]
        note(f"{styled(f'{level}:', 'waiting')} {visible(sentence)}")


@contextmanager
def warnings_shown() -> Iterator[None]:
    """Print what the engine warns of, until this ends."""
    handler = _ToStderr(logging.WARNING)
    _LOGGER.addHandler(handler)
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)


@contextmanager
def warnings_hidden() -> Iterator[None]:
    """Print none of it: whoever tells a story of failures tells them himself."""
    filtered = [handler for handler in _LOGGER.handlers if isinstance(handler, _ToStderr)]
    for handler in filtered:
        handler.addFilter(_nothing)
    try:
        yield
    finally:
        for handler in filtered:
            handler.removeFilter(_nothing)


def _nothing(record: logging.LogRecord) -> bool:
    return False
