"""Pages on an origin of their own, and a real browser that opens them."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest
from hostile_provider import send
from realm_web import HERE

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript",
    "mjs": "text/javascript",
}


@contextmanager
def serving_pages(package: Path) -> Iterator[int]:
    """Serve the pages of the walk, with realm-web from *package*; yield the port, which is one
    origin by the name localhost and another by its number."""
    bundle = package / "node_modules" / "realm-web" / "dist" / "bundle.iife.js"
    files = {f"/{file.name}": file for file in HERE.glob("*.*")} | {"/realm-web.js": bundle}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            file = files.get(urlsplit(self.path).path)
            if file is None:
                send(self, 404, b"")
                return
            kind = _TYPES.get(file.suffix[1:], "application/json")
            self.send_response(200)
            content = file.read_bytes()
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def browsing() -> Iterator[BrowserContext]:
    """Open a new Chromium. Skips the test if none is installed, unless CI is set."""
    from playwright.sync_api import sync_playwright

    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        if os.environ.get("CI"):
            raise RuntimeError("no Chromium: install it, as .ci/run does")
        pytest.skip("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        # No sandbox: CI runs as root, where it cannot be had; the pages are our own.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser.new_context()
        finally:
            browser.close()
