"""The example of a plugin package, installed as a stranger's is: found, whole, and in contract."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "examples" / "plugin-sms"
MODULE = SOURCE / "src" / "admit_sms_example.py"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin installed in it, built from a copy: building leaves files behind."""
    folder = tmp_path_factory.mktemp("plugin")
    copy = shutil.copytree(SOURCE, folder / "source")
    target = folder / "installed"
    run(
        *("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"),
        *("--no-deps", "--no-build-isolation", "--target", str(target), str(copy)),
        cwd=folder,
    )
    return target


def run(*arguments: str, cwd: Path, path: Path | None = None) -> str:
    """Run Python; returns what it printed, and fails with all of it."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("COV_", "PYTEST_"))}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def test_an_installed_plugin_is_found_by_its_entry_point(installed: Path, tmp_path: Path) -> None:
    """
    Given the plugin's package is installed,
    when an engine opens,
    then it is loaded, and shows the package and version that it came from.
    """
    code = (
        "import admit\n"
        "with admit.open('memory://', key='5a' * 32) as engine:\n"
        "    [sms] = [plugin for plugin in engine.plugins() if plugin.name == 'sms']\n"
        "    print(sms.source, *sms.offers, sep=' | ')"
    )

    said = run("-c", code, cwd=tmp_path, path=installed)

    assert (
        "admit-sms-example 0.1.0 | confirmation flow sms | provider phone | settings section sms"
    ) == said.strip()


def test_an_installed_plugin_keeps_the_contracts(installed: Path, tmp_path: Path) -> None:
    """
    Given the plugin's package is installed,
    when its own tests run, which inherit the suites for flows and providers,
    then all pass and none is skipped.
    """
    tests = shutil.copytree(SOURCE / "tests", tmp_path / "tests")

    said = run("-m", "pytest", "-q", "-W", "error", "-ra", str(tests), cwd=tmp_path, path=installed)

    summary = re.search(r"^(\d+) passed in", said, re.MULTILINE)
    assert summary is not None, said
    assert int(summary[1]) > 30


def test_the_readme_of_the_plugin_does_what_it_says(installed: Path, tmp_path: Path) -> None:
    """
    Given the plugin's package is installed,
    when the example of its README runs,
    then it holds.
    """
    (block,) = re.findall(r"^```python\n(.*?)^```", (SOURCE / "README.md").read_text(), re.M | re.S)

    run("-W", "error", "-c", block, cwd=tmp_path, path=installed)


def test_the_plugin_uses_only_public_names() -> None:
    """
    Given the plugin's source and tests,
    when their imports are read,
    then no module and no name begins with an underscore.
    """
    imported: set[str] = set()
    for path in (MODULE, *SOURCE.glob("tests/*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                imported |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}

    assert {"admit"} <= imported
    private = [n for n in imported if n.startswith("admit") and "._" in n]
    assert [] == private
