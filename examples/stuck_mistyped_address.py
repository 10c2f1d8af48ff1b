"""Stuck because the address was mistyped: correct it, and the mail goes to the right one."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import admit
from admit.errors import TokenSuperseded, UserNotFound


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    with admit.open(folder / "users.json", dev=True) as engine:
        ada = engine.register("ada@exmaple.com", "correct horse battery staple")
        sent_astray = newest_link(folder)

        support = engine.acting(admit.Actor("admin", "support-7"), reason="she called us")
        support.correct_address(ada, to="ada@example.com")
        try:
            engine.confirm(**sent_astray)
        except TokenSuperseded as refused:
            print("a stranger presses the first link:", refused)

        print("the right one:", engine.confirm(**newest_link(folder)).state)
        try:
            engine.users.find("ada@exmaple.com")
        except UserNotFound:
            print("the mistyped address is free")
        for event in engine.users.timeline(ada):
            if event.actor.kind == "admin":
                print(f"kept in the trail: {event.trigger}, by {event.actor.id}")


def newest_link(folder: Path) -> dict[str, str]:
    """Return what the link of the newest mail carries: with dev=True mails are files."""
    mail = max(folder.glob("users.json.mail/*.eml")).read_text("utf-8")
    token, token_id = re.findall(r"token=(\w+)&tokenId=(\w+)", mail)[0]
    return {"token_id": token_id, "token": token}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
