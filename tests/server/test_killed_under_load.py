"""A real server, killed in the middle of a load and started again: what it answered is there."""

from __future__ import annotations

import http.client
import itertools
import json
import random
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from served_process import PATIENCE_SECONDS, Served, serving

import admit

LOCAL = "/api/client/v2.0/app/shop-abcde/auth/providers/local-userpass"
CONFIG = """
transport = "folder"
[email]
sender = "hello@example.com"
application = "Shop"
link_base = "https://shop.example/confirm"
[folder]
path = "mails"
[server]
app_id = "shop-abcde"
requests_a_minute = 1000000
"""
PASSWORD = "correct horse battery staple"
CLIENTS = 4
KILLS = 2
FEWEST, MOST = 5, 14
"""Acts that the server acknowledges before it is killed, at random between these."""


class Load:
    """Clients that register and confirm until the server is gone; they remember what it said."""

    def __init__(self, mails: Path) -> None:
        self._mails = mails
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self.registered: set[str] = set()
        self.confirmed: set[str] = set()
        self._pressed: set[str] = set()

    @property
    def acknowledged(self) -> int:
        """How much the server said was done."""
        with self._lock:
            return len(self.registered) + len(self.confirmed)

    def run(self, server: Served, acts: int) -> None:
        """Load the server, and kill it as soon as it has acknowledged so many *acts* more."""
        enough = threading.Event()
        until = self.acknowledged + acts
        threads = [
            threading.Thread(target=self._client, args=(server.url, until, enough))
            for _ in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        assert enough.wait(PATIENCE_SECONDS)
        server.process.send_signal(signal.SIGKILL)  # others are in the middle of their requests
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()
        assert -signal.SIGKILL == server.process.wait(PATIENCE_SECONDS)

    def _client(self, url: str, until: int, enough: threading.Event) -> None:
        where = urlsplit(url)
        connection = http.client.HTTPConnection(where.netloc)
        # Its end is that of the server.
        with closing(connection), suppress(OSError, http.client.HTTPException):
            while True:
                with self._lock:
                    address = f"user{next(self._numbers)}@example.com"
                # Two clients want each address: one of them must be turned away.
                body = {"email": address, "password": PASSWORD}
                rival = threading.Thread(target=self._rival, args=(where.netloc, body))
                rival.start()
                if _post(connection, "register", body) == 201:
                    self._note(self.registered, address)
                rival.join(PATIENCE_SECONDS)
                for to, link in self._links():
                    if _post(connection, "confirm", link) == 200:
                        self._note(self.confirmed, to)
                if self.acknowledged >= until:
                    enough.set()

    def _rival(self, netloc: str, body: dict[str, str]) -> None:
        connection = http.client.HTTPConnection(netloc)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            if _post(connection, "register", body) == 201:
                self._note(self.registered, body["email"])

    def _note(self, where: set[str], address: str) -> None:
        with self._lock:
            assert address not in where, f"{address} was acknowledged twice"
            where.add(address)

    def _links(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Return whom a mail went to, with what its link carries, of mails that nobody followed."""
        for file in sorted(self._mails.glob("*.eml")):
            with self._lock:
                if file.name in self._pressed:
                    continue
                self._pressed.add(file.name)
            mail = message_from_bytes(file.read_bytes(), policy=policy.default)
            part = mail.get_body(("plain",))
            assert part is not None
            found = re.search(r"token=(\S+?)&tokenId=(\S+)", part.get_content())
            if found:
                yield str(mail["to"]), {"token": found[1], "tokenId": found[2]}


def _post(connection: http.client.HTTPConnection, what: str, body: dict[str, str]) -> int:
    headers = {"content-type": "application/json"}
    connection.request("POST", f"{LOCAL}/{what}", json.dumps(body), headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _address(user: admit.User) -> str:
    assert user.address is not None
    return user.address.canonical


@pytest.mark.parametrize("store", ["users.json", "sqlite:///users.db"])
def test_what_was_acknowledged_outlives_the_kill_of_a_loaded_server(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: Callable[[str, int], None]
) -> None:
    """
    Given a server under a load of registrations – two for each address – and confirmations,
    when it is killed in the middle, started again on what is left and loaded again, and so on,
    then every registration and confirmation that it acknowledged is there, each happened once,
    and no address has two owners.
    """
    (tmp_path / "admit.toml").write_text(CONFIG)
    load, chance = Load(tmp_path / "mails"), random.Random()  # noqa: S311
    config = ("--config", "admit.toml")

    for _ in range(KILLS):
        with serving(tmp_path, *config, store=store) as server:
            load.run(server, chance.randint(FEWEST, MOST))

    monkeypatch.chdir(tmp_path)
    with admit.open(store, config="admit.toml", worker=False) as engine:
        users = engine.users.page(limit=1000).items
        timelines = {user.id: engine.users.timeline(user.id) for user in users}
    owners = Counter(_address(user) for user in users)
    confirmed = {_address(user) for user in users if user.state == "confirmed"}
    happened = Counter(
        (_address(user), event.trigger) for user in users for event in timelines[user.id]
    )
    assert set() == load.registered - set(owners)
    assert set() == load.confirmed - confirmed
    assert {1} == set(owners.values())
    assert {1} == {happened[address, "register"] for address in owners}
    assert {1} == {happened[address, "confirm"] for address in confirmed}
    assert confirmed == {address for address, trigger in happened if trigger == "confirm"}
    count("kills of a loaded server", KILLS)
    count("acts that a killed server acknowledged", load.acknowledged)
