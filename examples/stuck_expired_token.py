"""Stuck because the link was pressed too late: a re-run sends a fresh one."""

from __future__ import annotations

import re
import tempfile
from datetime import timedelta
from pathlib import Path

import admit
from admit.errors import TokenExpired
from admit.testing import SettableClock


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    clock = SettableClock()  # so that nobody has to wait for half an hour here
    with admit.open(folder / "users.json", dev=True, clock=clock) as engine:
        engine.register("ada@example.com", "correct horse battery staple")
        clock.advance(timedelta(minutes=30))
        try:
            engine.confirm(**newest_link(folder))
        except TokenExpired as refused:
            print("too late:", refused)

        why = engine.why(address="ada@example.com")
        print("why:", why.sentence)
        print("what to do:", why.suggestion)

        engine.rerun(address="ada@example.com")
        print("in time:", engine.confirm(**newest_link(folder)).state)


def newest_link(folder: Path) -> dict[str, str]:
    """Return what the link of the newest mail carries: with dev=True mails are files."""
    mail = max(folder.glob("users.json.mail/*.eml")).read_text("utf-8")
    token, token_id = re.findall(r"token=(\w+)&tokenId=(\w+)", mail)[0]
    return {"token_id": token_id, "token": token}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
