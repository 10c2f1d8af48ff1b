"""`import admit` is quick and does nothing: what is heavy is loaded by who uses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = {
    "alembic",
    "asyncio",
    "click",
    "cryptography",
    "flask",
    "jinja2",
    "psycopg",
    "pytest",
    "smtplib",
    "sqlalchemy",
    "starlette",
    "tinydb",
}


def test_importing_admit_loads_nothing_heavy_and_touches_nothing(tmp_path: Path) -> None:
    """
    Given a new process in an empty folder,
    when admit is imported,
    then no framework, database or template engine is loaded, no thread started, no file made.
    """
    code = (
        "import sys, threading; before = set(sys.modules); import admit;"
        f"print(sorted({HEAVY!r} & (set(sys.modules) - before)), threading.active_count())"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert "[] 1\n" == done.stdout
    assert [] == list(tmp_path.iterdir())
