"""Logs: one line a request, in text on a terminal and in JSON elsewhere, without a secret.

A line has the path as the table of routes has it, never as it came: addresses stand in paths, and
tokens behind question marks.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, Literal

import structlog

_SHARED: Final[tuple[Any, ...]] = (
    structlog.stdlib.ExtraAdder(),
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure(form: Literal["text", "json"] | None, *, level: int = logging.INFO) -> None:
    """Let everything that this process logs be written to stderr in one form. Called once, by who
    runs the server; as a library, admit leaves logging alone."""
    is_text = form == "text" or (form is None and sys.stderr.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if is_text
        else structlog.processors.JSONRenderer(ensure_ascii=True)
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _printable,
            renderer,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"  # the line a request is ours
    logging.getLogger("transitions").setLevel(logging.WARNING)  # each step of each machine


def _printable(logger: Any, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Escape what would move a terminal's cursor: text comes from strangers (security.md A2)."""
    return {
        name: "".join(
            sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in value
        )
        if isinstance(value, str) and name != "exception"
        else value
        for name, value in event.items()
    }
