"""Processes that stand in one temporary folder and are gone when we are, whatever happens to us.

Every process of a trial has its working directory in the folder (PostgreSQL moves into its data
directory by itself), so the folder says what is ours. A guard, started first, waits for the end of
its standard input: that comes when the trial ends, and when it dies, by `kill -9` too. Then the
guard ends whoever still stands in the folder, and removes it.

    python processes.py FOLDER      what the guard runs
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, TypeVar

T = TypeVar("T")
USERS = ("postgres", "nobody")
"""As whom servers run when we are root, which PostgreSQL refuses: the first there is."""
_POLL_SECONDS = 0.1


class Processes:
    """What a trial starts. Use it with `with`; leaving it ends everything."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="admit-cluster-"))
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = _unprivileged()
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self._guard = subprocess.Popen(
            [sys.executable, __file__, str(self.folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us; the guard follows
        )

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *error: object) -> None:
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard.wait()

    def server(self, name: str, command: Sequence[str | Path]) -> subprocess.Popen[bytes]:
        """Start a server as an unprivileged user; what it says goes to `NAME.log`."""
        with self.log(name).open("ab") as log:
            return subprocess.Popen(
                [str(word) for word in command],
                cwd=self.folder,
                env={"PATH": os.defpath, "HOME": str(self.folder), "LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as,
            )

    def client(
        self, name: str, command: Sequence[str | Path]
    ) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
        """Start a client as ourselves. Returns it, and what it says as a file to be read along."""
        says = self.folder / f"{name}.says"
        with says.open("wb") as said, self.log(name).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *(str(word) for word in command)],
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=log,
                start_new_session=True,
            )
        return process, says.open("rb")

    def write(self, name: str, text: str) -> Path:
        """Write a configuration file that the servers, and nobody else, may read."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text, "utf-8")
        if self._as:
            os.chown(path, self._as["user"], self._as["group"])
        return path

    def log(self, name: str) -> Path:
        """Return where a process writes what went wrong."""
        return self.folder / f"{name}.log"


def wait_for(what: str, condition: Callable[[], T | None], *, seconds: float) -> T:
    """Return the first answer of *condition* that is true.

    Raises:
        TimeoutError: there was none within *seconds*; it names *what*.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds:.0f} s still no {what}")
        time.sleep(_POLL_SECONDS)


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback interface that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def standing_in(folder: Path) -> Iterator[int]:
    """Walk over the processes whose working directory is in *folder*."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                where = (entry / "cwd").readlink()
            except OSError:  # gone, or somebody else's
                continue
            if where.is_relative_to(folder):
                yield int(entry.name)


def send(signal_number: int, pids: Sequence[int]) -> None:
    """Send a signal to each that is still there."""
    for pid in pids:
        try:
            os.kill(pid, signal_number)
        except ProcessLookupError:
            continue


def end_all(folder: Path) -> None:
    """End every process that stands in *folder*, and remove it."""
    postmasters = [int(file.read_text().split()[0]) for file in folder.glob("*/postmaster.pid")]
    send(signal.SIGKILL, [pid for pid in standing_in(folder) if not _is_postgres(pid, folder)])
    # Killed, a postmaster would leave its shared memory behind.
    send(signal.SIGQUIT, [pid for pid in postmasters if pid in set(standing_in(folder))])
    try:
        wait_for("end of PostgreSQL", lambda: not [*standing_in(folder)], seconds=20)
    except TimeoutError:
        send(signal.SIGKILL, [*standing_in(folder)])
    for file in folder.glob("*/postmaster.pid"):  # of those that the trial has killed
        lines = file.read_text().splitlines()
        if len(lines) > 6 and lines[6].split():
            segment = lines[6].split()[1]
            subprocess.run(["ipcrm", "-m", segment], stderr=subprocess.DEVNULL, check=False)
    shutil.rmtree(folder, ignore_errors=True)


def _is_postgres(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink() != folder
    except OSError:
        return False


def _unprivileged() -> pwd.struct_passwd:
    for name in USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise SystemExit(f"There is no user {' or '.join(USERS)} to run the servers as.")


if __name__ == "__main__":
    sys.stdin.read()
    end_all(Path(sys.argv[1]))
