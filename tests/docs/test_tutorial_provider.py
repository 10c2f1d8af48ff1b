"""The page that writes a provider builds one from nothing, in less than sixty lines."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "tutorial-provider.md"
FEWER_THAN = 60
CONTRACT = """
from admit.testing.contracts import ProviderContract
from library import LibraryCard

class TestLibraryCard(ProviderContract):
    provider = "library-card"
    plugins = (LibraryCard(),)
    inline = registers = True
    secret_fields = frozenset({"pin"})
    credentials = {"card": "4711", "pin": "71829364"}
    wrong_credentials = {"card": "4711", "pin": "11111111"}
    unknown_credentials = {"card": "4712", "pin": "71829364"}
    other_credentials = {"card": "4713", "pin": "93271846"}
    registration = {"login": "4711", "password": "71829364"}
    other_registration = {"login": "4713", "password": "93271846"}
"""


def blocks() -> list[str]:
    """Return the page's blocks of Python, in order."""
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("COV_", "PYTEST_"))}
    return subprocess.run(  # our own page
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_each_provider_of_the_page_is_written_in_less_than_sixty_lines() -> None:
    """Given the blocks that offer a provider, then there are two, and both are short, with their
    log-in and what is checked of it."""
    lengths = [len(block.splitlines()) for block in blocks() if "register_providers" in block]

    assert 2 == len(lengths)
    assert [] == [length for length in lengths if length >= FEWER_THAN]


def test_the_first_one_runs_from_nothing(tmp_path: Path) -> None:
    """Given an empty folder, when the first block is run alone, then somebody has logged in with
    that provider, and its store is there."""
    done = run(blocks()[0], tmp_path)

    assert (0, "") == (done.returncode, done.stderr)
    assert (tmp_path / "badges.json").exists()


def test_the_second_one_keeps_the_contract_that_the_page_names(tmp_path: Path) -> None:
    """Given the provider whose users register, when the contract suite for providers is run on it,
    then nothing in it is broken."""
    (tmp_path / "library.py").write_text("\n".join(blocks()[:2]), "utf-8")
    (tmp_path / "test_library.py").write_text(CONTRACT, "utf-8")

    done = run(
        "import pytest, sys; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider']))", tmp_path
    )

    assert 0 == done.returncode, done.stdout
    assert " passed" in done.stdout
