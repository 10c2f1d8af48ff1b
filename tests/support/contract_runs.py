"""Contracts run on those who break them, in a pytest of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path


def failed_tests(folder: Path, source: str) -> dict[str, set[str]]:
    """Run *source* as a test module in *folder*; return the tests that failed, by their class."""
    (folder / "test_faulty.py").write_text(source, "utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("COV_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rf", "--tb=no", "test_faulty.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert 1 == done.returncode, done.stdout + done.stderr
    found: dict[str, set[str]] = {}
    for name, test in re.findall(r"^FAILED test_faulty\.py::(\w+)::(\w+)", done.stdout, re.M):
        found.setdefault(name, set()).add(test)
    return found
