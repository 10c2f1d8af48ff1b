"""What the tests of hooks share: engines on a test's own plugins, and modules that are plugins."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import admit
from admit.testing import open as open_engine

OpenWith = Callable[..., admit.Engine]
MakeModule = Callable[[str], str]

_numbers = count()


@pytest.fixture
def open_with() -> Iterator[OpenWith]:
    """Open an engine on a memory store with these plugins; closed after the test."""
    with ExitStack() as stack:

        def opened(*plugins: object, flow: str | None = "auto", **options: Any) -> admit.Engine:
            engine = stack.enter_context(open_engine(plugins=plugins, **options))
            if flow is not None:
                engine.settings.set("confirmation_flow", flow)
            return engine

        yield opened


@pytest.fixture
def make_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeModule]:
    """Write a module that can be imported during the test; returns its name."""
    made = []
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    def make(source: str) -> str:
        name = f"plugin_of_a_test_{next(_numbers)}"
        (folder / f"{name}.py").write_text(textwrap.dedent(source), "utf-8")
        made.append(name)
        return name

    yield make
    for name in made:
        sys.modules.pop(name, None)
