"""README.md and docs/ are tests: all Python blocks of a page run, in order, in an empty folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from sybil import Sybil
from sybil.example import SybilFailure
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

_ROOT = Path(__file__).parent
_SYBIL = Sybil(parsers=[PythonCodeBlockParser(), SkipParser()], patterns=["*.md"])


class Page(pytest.Item):
    """One page. A block builds on those before it, so they are one test, never shuffled."""

    def runtest(self) -> None:
        document = _SYBIL.parse(self.path)
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            for name in [name for name in os.environ if name.startswith("ADMIT_")]:
                patch.delenv(name)
            for example in document.examples():
                example.evaluate()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, SybilFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str], int, str]:
        return self.path, 0, f"the blocks of {self.name}"


class PageFile(pytest.File):
    """A Markdown file that is one test."""

    def collect(self) -> Iterable[Page]:
        yield Page.from_parent(self, name=self.path.name)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> PageFile | None:
    """Collect README.md and the pages of docs/."""
    if file_path.suffix != ".md":
        return None
    if file_path == _ROOT / "README.md" or file_path.parent == _ROOT / "docs":
        return PageFile.from_parent(parent, path=file_path)
    return None
