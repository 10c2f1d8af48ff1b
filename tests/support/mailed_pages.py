"""The pages that mailed links open, asked as a browser asks – without one."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import httpx2
from starlette.testclient import TestClient

import admit
from admit.testing import Inbox, SettableClock

PASSWORD: Final = "correct horse battery staple"
ADA: Final = "ada@example.com"
SHOP: Final = "/app/shop-abcde"
LINKS: Final = f"https://app.example.com{SHOP}/confirm"


@attrs.frozen
class Desk:
    """A served application, its mails and its clock."""

    client: TestClient
    engine: admit.Engine
    inbox: Inbox
    clock: SettableClock

    def registered(self) -> dict[str, str]:
        """Register Ada by a stranger's hand; return the fields that the link brings."""
        self.engine.public.register(ADA, PASSWORD)
        return self.link()

    def link(self) -> dict[str, str]:
        """Return the fields that the newest link brings, once all is sent."""
        self.engine.work_once()
        found = self.inbox.last_link()
        return {"token": found.token.reveal(), "tokenId": found.token_id}

    def look(self, page: str = "confirm", **query: str) -> httpx2.Response:
        """Open a page."""
        return self.client.get(f"{SHOP}/{page}", params=query)

    def follow(self, address: str | None = None) -> httpx2.Response:
        """Open the newest link (to an address), wherever it leads."""
        self.engine.work_once()
        parts = urlsplit(self.inbox.last_link(address).url)
        return self.client.get(f"{parts.path}?{parts.query}")

    def press(self, page: str = "confirm", /, **fields: str) -> httpx2.Response:
        """Press the button of a page, with these fields."""
        return self.client.post(f"{SHOP}/{page}", data=fields)

    def state(self) -> str:
        """Return the state that Ada is in."""
        return self.engine.users.find(ADA).state

    def opens(self, password: str) -> bool:
        """Whether Ada gets in by this password."""
        try:
            self.engine.log_in("local-userpass", username=ADA, password=password)
        except admit.errors.LogInRefused:
            return False
        return True


def heading(answer: httpx2.Response) -> str:
    """Return what stands over the page."""
    found = re.search(r"<h1>(.*?)</h1>", answer.text)
    assert found, answer.text
    return found[1]


def problems(answer: httpx2.Response) -> dict[str, str]:
    """Return what the page says beside its fields."""
    found: list[Any] = re.findall(r'id="(\w+)-problem" role="alert">(.*?)</p>', answer.text)
    return dict(found)
