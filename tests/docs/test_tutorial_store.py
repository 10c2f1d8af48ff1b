"""The store of docs/tutorial-store.md keeps the contracts, as the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "tutorial-store.md"


def pieces(text: str, file: str) -> str:
    """Return what the page writes into *file*, piece by piece."""
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return "\n".join(block for block in blocks if block.startswith(f"# {file}\n"))


def test_the_store_of_the_tutorial_keeps_both_contracts(tmp_path: Path) -> None:
    """
    Given the files that the page writes,
    when its tests are run, as it says,
    then they pass; skipped is only what the first one declares.
    """
    text = PAGE.read_text("utf-8")
    for file in ("diary.py", "test_diary.py"):
        (tmp_path / file).write_text(pieces(text, file), "utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("COV_", "PYTEST_"))}

    def run(*which: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *which],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert 0 == done.returncode, done.stdout
        return done.stdout

    first = run("test_diary.py", "-k", "TestDiary")
    second = run("test_diary.py", "-k", "TestCaredDiary")

    assert re.search(r"\d{2,} passed, 3 skipped", first), "those with lost answers"
    assert re.search(r"\d{2,} passed", second)
    assert "skipped" not in second
