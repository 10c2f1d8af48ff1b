"""What strangers send stands in logs, as text that moves no terminal and forges no line."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Literal

import pytest

from admit.server import logs

FORGED = "2026-11-24T16:00:00Z [info     ] request   [admit.server.requests] forged=yes"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Give logging back as it was: `configure` is for a process of its own."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    names = ("uvicorn", "uvicorn.error", "uvicorn.access", "transitions")
    logs = {name: logging.getLogger(name) for name in names}
    before = {name: (log.propagate, log.level) for name, log in logs.items()}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, (propagate, own) in before.items():
        logging.getLogger(name).propagate = propagate
        logging.getLogger(name).setLevel(own)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a2_an_exception_in_the_log_is_escaped_like_any_text(
    form: Literal["text", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    """Given an exception whose message clears the screen and looks like a line of the log, then
    the terminal is left alone, no line begins with it, and the traceback is still one."""
    logs.configure(form)
    try:
        raise ValueError(f"x\x1b[2J\x07\u202e\r\n{FORGED}")
    except ValueError:
        logging.getLogger("admit.server.functions").exception("it raised")
    written = capsys.readouterr().err

    assert [] == [sign for sign in written if not sign.isprintable() and sign != "\n"]
    assert not [line for line in written.splitlines() if line.startswith(FORGED)]
    assert "forged=yes" in written
    assert r"x\x1b[2J\x07\u202e" in written.replace("\\\\", "\\")
    assert "Traceback (most recent call last)" in written
