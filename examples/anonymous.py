"""Somebody tries the application without an account; nothing is asked, and little is kept."""

from __future__ import annotations

import tempfile
from pathlib import Path

import admit


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    with admit.open(folder / "users.json", settings={"anon-user.enabled": True}) as engine:
        visit = engine.log_in("anon-user")
        print("came in:", visit.user.state, visit.user.identities[0].provider)
        print("known of her:", dict(visit.user.identities[0].data), visit.user.address)

        print("comes back:", engine.refresh(visit.refresh_token).user.id == visit.user.id)
        print("without her session:", engine.log_in("anon-user").user.id != visit.user.id)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
