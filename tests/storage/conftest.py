"""Where the stores of these tests live."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "users.json"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The first log of the store at `path`."""
    return tmp_path / "users.json.log.1"
