"""What the tests of the command line share: stores with users in them, and ways to call it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_calls import PASSWORD, Call, RunProcess, engine_on
from click.testing import CliRunner, Result

from admit.cli import main


@pytest.fixture
def path(json_path: Path) -> Path:
    """A store in which Ada waits for her mail."""
    with engine_on(json_path) as engine:
        engine.register("ada@example.com", PASSWORD)
    return json_path


@pytest.fixture
def call(json_path: Path) -> Call:
    """Call the command in this process, on the store, in development mode."""

    def invoke(*arguments: str, input: str | None = None, **environment: str) -> Result:
        return CliRunner().invoke(
            main,
            ["--dev", *arguments],
            input=input,
            env={"ADMIT_STORE": str(json_path), **environment},
        )

    return invoke


@pytest.fixture
def run_process(json_path: Path, tmp_path: Path) -> RunProcess:
    """Call the command as a shell does."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        return subprocess.run(
            [sys.executable, "-m", "admit.cli", *arguments],
            env={**kept, "ADMIT_STORE": str(json_path), "PYTHONPATH": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def make_plugin(
    json_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Callable[..., str]:
    """Write a plugin module, and name it in the `admit.toml` beside the store."""
    names: list[str] = []

    def make(source: str, *, more: str = "") -> str:
        # A module is imported once a process: each needs a name of its own.
        name = f"plugin_{len(names)}_{abs(hash((request.node.nodeid, str(tmp_path))))}"
        names.append(name)
        (tmp_path / f"{name}.py").write_text(source)
        listed = ", ".join(f'"{name}"' for name in names)
        json_path.with_name("admit.toml").write_text(f"plugins = [{listed}]\n{more}")
        return name

    monkeypatch.syspath_prepend(tmp_path)
    return make
