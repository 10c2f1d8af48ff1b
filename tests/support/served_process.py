"""`admit serve` as a real process, for tests."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

PATIENCE_SECONDS: Final = 60


class Served:
    """A server process under test."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def ask(self, path: str, body: object = None, token: str | None = None) -> tuple[int, Any]:
        """Return status and body of a GET, or of a POST of *body*."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        request = urllib.request.Request(  # noqa: S310 - our own server
            self.url + path, data, headers
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.loads(refused.read() or b"null")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Stop it; return its exit code and what it wrote since it began to listen."""
        self.process.send_signal(how)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        """Wait for its end; return the same."""
        _, errors = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, errors


@contextmanager
def serving(folder: Path, *arguments: str, store: str = "users.json") -> Iterator[Served]:
    """Serve a store in *folder* until this ends; killed, if it still runs then."""
    process = subprocess.Popen(
        [sys.executable, "-m", "admit.cli", "serve", "--port", "0", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, "ADMIT_STORE": store, "NO_COLOR": "1"},
    )
    try:
        assert process.stderr is not None
        told = ""
        for line in process.stderr:
            told += line
            if "Ctrl-C stops" in line:
                break
        found = re.search(r"at +(http://\S+)", told)
        assert found, told
        yield Served(process, found.group(1))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
