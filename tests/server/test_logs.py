"""Log lines: one a line, whatever stands in them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime

SAYS = """
import logging
from admit.server import logs
logs.configure({form!r})
log = logging.getLogger("admit.server.requests")
try:
    raise ValueError("no\\x1b[2J")
except ValueError:
    log.exception("wiped\\x1b[2J", extra={{"request": "r1\\nr2", "status": 500}})
"""


def said(form: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SAYS.format(form=form)], capture_output=True, text=True, check=True
    )
    return done.stderr


def test_a2_a_line_of_json_has_all_and_moves_no_cursor() -> None:
    """Given an exception and texts that move a cursor, when they are logged as JSON, then it is one
    line with all that the record has, and no control character."""
    (line,) = said("json").splitlines()
    told = json.loads(line)

    assert line.isprintable()
    assert "wiped\\x1b[2J" == told["event"]
    assert {"request": "r1\\nr2", "status": 500, "level": "error"}.items() <= told.items()
    assert "admit.server.requests" == told["logger"]
    assert told["timestamp"].endswith("Z")
    assert datetime.fromisoformat(told["timestamp"]).tzinfo is not None
    assert "ValueError: no" in told["exception"]


def test_a2_a_line_of_text_moves_no_cursor() -> None:
    """Given the same, when it is logged as text, then what a stranger wrote is escaped."""
    first = said("text").splitlines()[0]

    assert first.isprintable()
    assert "wiped\\x1b[2J" in first
