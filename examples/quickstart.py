"""Register, confirm with the link of the mail, log in, be recognised."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import admit

PASSWORD = "correct horse battery staple"


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    with admit.open(folder / "users.json", dev=True) as engine:
        ada = engine.register("ada@example.com", PASSWORD)
        print("registered:", ada.state)

        ada = engine.confirm(**newest_link(folder))
        print("link pressed:", ada.state)

        login = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
        access = engine.verify(login.access_token)  # what an application calls on each request
        print("recognised:", access.user_id == ada.id)


def newest_link(folder: Path) -> dict[str, str]:
    """Return what the link of the newest mail carries: with dev=True mails are files."""
    mail = max(folder.glob("users.json.mail/*.eml")).read_text("utf-8")
    token, token_id = re.findall(r"token=(\w+)&tokenId=(\w+)", mail)[0]
    return {"token_id": token_id, "token": token}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
