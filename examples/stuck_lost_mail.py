"""Stuck because the mail was lost: find out why, send it again."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import admit
from admit.errors import ConfirmationRequired, TokenSuperseded

PASSWORD = "correct horse battery staple"


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    with admit.open(folder / "users.json", dev=True) as engine:
        engine.register("ada@example.com", PASSWORD)
        lost = newest_link(folder)

        try:
            engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
        except ConfirmationRequired as refused:
            print("log-in:", refused)

        why = engine.why(address="ada@example.com")
        print("why:", why.sentence)
        print("what to do:", why.suggestion)

        engine.resend(address="ada@example.com")
        try:
            engine.confirm(**lost)
        except TokenSuperseded as refused:
            print("the lost mail turns up:", refused)
        print("the new link:", engine.confirm(**newest_link(folder)).state)


def newest_link(folder: Path) -> dict[str, str]:
    """Return what the link of the newest mail carries: with dev=True mails are files."""
    mail = max(folder.glob("users.json.mail/*.eml")).read_text("utf-8")
    token, token_id = re.findall(r"token=(\w+)&tokenId=(\w+)", mail)[0]
    return {"token_id": token_id, "token": token}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
