"""Logs: one line a request, in text on a terminal and in JSON elsewhere, without a secret.

A line has the path as the table of routes has it, never as it came: addresses stand in paths, and
tokens behind question marks.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

import structlog

_OF_A_RECORD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""What every record has; what else one has, somebody wants in the log."""
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
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_text_lines() if is_text else _JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"  # the line a request is ours
    # What no line says is not found out for each: which thread, which process, which line of code.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.getLogger("transitions").setLevel(logging.WARNING)  # each step of each machine


def _text_lines() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _printable,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
    )


class _JsonLines(logging.Formatter):
    """JSON, one object a line, made straight of the record: every request waits for its line, and
    by a chain of processors it took a third of all that the server does for a look-up."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {"event": record.getMessage()}
        line |= {name: value for name, value in vars(record).items() if name not in _OF_A_RECORD}
        line["level"], line["logger"] = record.levelname.lower(), record.name
        at = datetime.fromtimestamp(record.created, UTC)
        line["timestamp"] = at.isoformat(timespec="microseconds").replace("+00:00", "Z")
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(_printable(None, "", line), default=repr)


def _printable(logger: object, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Escape what would move a terminal's cursor: text comes from strangers (security.md A2)."""
    return {
        name: _escaped(value, name) if isinstance(value, str) and not value.isprintable() else value
        for name, value in event.items()
    }


def _escaped(text: str, name: str) -> str:
    if name == "exception":  # its lines stay, but none may look as if it were one of the log's own
        return "\n    ".join(_escaped(line, "") for line in text.split("\n"))
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )
