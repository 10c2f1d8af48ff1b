"""Confirm at once: no mail, and nothing is proved. For applications that need no proof."""

from __future__ import annotations

import tempfile
from pathlib import Path

import admit

PASSWORD = "correct horse battery staple"


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    with admit.open(folder / "users.json", settings={"confirmation_flow": "auto"}) as engine:
        ada = engine.register("ada@example.com", PASSWORD)
        print("registered:", ada.state)

        # Confirmed is not proved: nobody knows whether she reads this mailbox.
        assert ada.address is not None
        print("address proved:", ada.address.proved_at is not None)

        login = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
        print("logged in:", login.user.id == ada.id)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
