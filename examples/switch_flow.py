"""Re-run enters the flow that is active now, not the one of the registration."""

from __future__ import annotations

import tempfile
from pathlib import Path

import admit


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    with admit.open(folder / "users.json", dev=True) as engine:
        ada = engine.register("ada@example.com", "correct horse battery staple")
        show(ada)

        # An admin decides that mails are not needed any more; kept in the store, so it holds for
        # every process on it, and after a restart.
        engine.settings.set("confirmation_flow", "auto")
        show(engine.users.get(ada.id))  # nothing happens to her by itself

        show(engine.rerun(ada))


def show(user: admit.User) -> None:
    """Print where *user* stands, and which flows it has entered."""
    print(f"{user.state}, entered:", ", ".join(f"{run.flow} ({run.reason})" for run in user.runs))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
