"""A process that uses an engine on a file; tests start several of them and let them race.

engine_process.py register PATH     wait for a line, then register the same users as everybody else
engine_process.py confirm PATH      wait for a line, then press every link that lies in the mail
engine_process.py work PATH         wait for a line, then work the queue until it is empty
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tiny_writer import say

import admit
from admit.errors import AddressTaken
from admit.testing import CHEAP_HASHING

PASSWORD = "correct horse battery staple"
ADDRESSES = [f"user{number}@example.com" for number in range(20)]


def links(path: Path) -> list[dict[str, str]]:
    """The links of all mails that lie beside the store."""
    mails = sorted(path.with_name(f"{path.name}.mail").glob("*.eml"))
    found = []
    for mail in mails:
        text = mail.read_text("utf-8").replace("=\n", "").replace("=3D", "=")
        token, token_id = (
            re.search(rf"\b{name}=([0-9a-f]+)", text) for name in ("token", "tokenId")
        )
        assert token is not None
        assert token_id is not None
        found.append({"token": token[1], "token_id": token_id[1]})
    return found


def register(engine: admit.Engine) -> None:
    """Register everybody; say who was new."""
    for address in ADDRESSES:
        try:
            engine.register(address, PASSWORD)
            say(f"won {address}")
        except AddressTaken:
            say(f"taken {address}")


def confirm(engine: admit.Engine, path: Path) -> None:
    """Press every link."""
    for link in links(path):
        say(engine.confirm(**link).state)


def work(engine: admit.Engine) -> None:
    """Work until there is nothing more to do."""
    while engine.work_once():
        pass


if __name__ == "__main__":
    what, store = sys.argv[1], Path(sys.argv[2])
    with admit.open(store, dev=True, settings=CHEAP_HASHING, worker=False) as opened:
        say("ready")
        sys.stdin.readline()
        if what == "register":
            register(opened)
        elif what == "confirm":
            confirm(opened, store)
        else:
            work(opened)
    say("done")
