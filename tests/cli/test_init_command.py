"""`admit init` and `admit completion`: what they leave works."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli_calls import Call, RunProcess

FILES = ["README.md", "admit.toml", "app.py", "test_app.py"]


def test_the_application_has_a_test_that_passes(call: Call, tmp_path: Path) -> None:
    """
    Given a folder that is not there,
    when an application is made in it, then its own test passes, run as its README says.
    """
    folder = tmp_path / "shop"

    done = call("init", str(folder))

    assert (0, FILES) == (done.exit_code, sorted(file.name for file in folder.iterdir()))
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if "PYTEST" not in name},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 0 == ran.returncode, ran.stdout
    assert "1 passed" in ran.stdout


def test_the_application_runs_as_it_is(call: Call, tmp_path: Path) -> None:
    """It is a program whose configuration an engine takes."""
    folder = tmp_path / "shop"
    call("init", str(folder))
    script = "import admit, app; app.make_app(admit.open('users.json', dev=True, worker=False))"

    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True, timeout=60)

    assert 0 == call("doctor", "--store", str(folder / "users.json")).exit_code


def test_nothing_is_written_over(call: Call, tmp_path: Path) -> None:
    """Given one of the files, then none is written, and it is named."""
    (tmp_path / "app.py").write_text("mine")

    done = call("init", str(tmp_path))

    assert 2 == done.exit_code
    assert "app.py already" in done.stderr
    assert ["app.py"] == [file.name for file in tmp_path.iterdir()]


def test_a_dry_run_of_it_writes_nothing(call: Call, tmp_path: Path) -> None:
    """Not even the folder."""
    done = call("init", str(tmp_path / "shop"), "--dry-run")

    assert (0, []) == (done.exit_code, list(tmp_path.iterdir()))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(run_process: RunProcess, shell: str) -> None:
    """One that asks admit itself what comes next."""
    done = run_process("completion", shell)

    assert 0 == done.returncode
    assert f"_ADMIT_COMPLETE={shell}_complete" in done.stdout
    assert "" == done.stderr


def test_bash_completes_commands_by_it(run_process: RunProcess, tmp_path: Path) -> None:
    """
    Given a bash that has read the script,
    when `admit users re` is to be completed,
    then the three commands that begin so are offered.
    """
    bash = shutil.which("bash")
    if bash is None:
        assert "CI" not in os.environ, "bash is missing"
        pytest.skip("there is no bash")
    script = tmp_path / "admit.bash"
    script.write_text(run_process("completion", "bash").stdout)
    command = tmp_path / "admit"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m admit.cli "$@"\n')
    command.chmod(0o755)
    asks = (
        f'source "{script}"; COMP_WORDS=(admit users re); COMP_CWORD=2; '
        f'_admit_completion "{command}"; echo "${{COMPREPLY[*]}}"'
    )

    done = subprocess.run(
        [bash, "--norc", "-c", asks], capture_output=True, text=True, check=True, timeout=60
    )

    assert {"rerun", "resend", "restore"} == set(done.stdout.split())
