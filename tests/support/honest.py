"""Talking to the well-behaved provider as a browser or an app does."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import attrs
import httpx2
from honest_provider import CALLBACK, CLIENT, SECRET

import admit
from admit.clock import Clock
from admit.testing import MemoryStore

ADA: Mapping[str, Any] = {
    "sub": "ada-1815",
    "name": "Ada Lovelace",
    "given_name": "Ada",
    "email": "ada@example.com",
    "email_verified": True,
}
GRACE: Mapping[str, Any] = {"sub": "grace-1906", "name": "Grace Hopper"}
VERIFIER = "a-verifier-of-an-app-that-has-at-least-43-signs"


class OpenOn(Protocol):
    """Open an engine whose provider *name* is at *issuer*, with these settings besides."""

    def __call__(
        self,
        name: str,
        issuer: str,
        settings: Mapping[str, object] | None = None,
        *,
        store: MemoryStore | None = None,
        clock: Clock | None = None,
        plugins: tuple[object, ...] = (),
    ) -> admit.Engine: ...


@attrs.frozen
class Honest:
    """The provider, and whoever uses it from outside."""

    url: str

    def press_log_in(self, url: str, user: Mapping[str, Any] | None) -> dict[str, str]:
        """Return what the browser comes back with after *user* – None: nobody, who says no –
        logged in on the page at *url*."""
        form = {} if user is None else {"user": json.dumps(user)}
        answer = httpx2.post(url, data=form)
        if answer.status_code == 200:  # a form that the browser posts at once
            pairs = re.findall(r'name="([^"]*)" value="([^"]*)"', answer.text)
            return {unescape(name): unescape(value) for name, value in pairs}
        assert answer.status_code == 302, answer.text
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    def code_for_app(self, user: Mapping[str, Any], nonce: str, client: str = CLIENT) -> str:
        """Return the code that an app gets which does PKCE by itself."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest())
        query = {
            "response_type": "code",
            "client_id": client,
            "redirect_uri": CALLBACK,
            "scope": "openid email profile",
            "nonce": nonce,
            "code_challenge": challenge.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        url = str(httpx2.URL(f"{self.url}/authorize", params=query))
        return self.press_log_in(url, user)["code"]

    def id_token_for_app(self, user: Mapping[str, Any], nonce: str) -> str:
        """Return the id token that an app gets for its code."""
        form = {
            "grant_type": "authorization_code",
            "code": self.code_for_app(user, nonce),
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }
        answer = httpx2.post(f"{self.url}/token", data=form, auth=(CLIENT, SECRET))
        token: str = answer.json()["id_token"]
        return token

    def revoked(self) -> int:
        """Return how many refresh tokens were taken back."""
        count: int = httpx2.get(f"{self.url}/revoked").json()["revoked"]
        return count


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[Honest]:
    """Run the provider in a process of its own, working in *folder*."""
    script = Path(__file__).with_name("honest_provider.py")
    process = subprocess.Popen(
        [sys.executable, str(script), *arguments],
        cwd=folder,
        env={**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1"},  # http, on loopback
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            yield Honest(process.stdout.readline().strip())
        finally:
            process.terminate()
            process.wait()
