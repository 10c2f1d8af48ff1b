"""Stuck because the application's own function failed: the user is kept; mend it, re-run."""

from __future__ import annotations

import tempfile
from pathlib import Path

import admit
from admit.errors import FlowFailed

crm_is_up = False


def ask_crm(call: dict[str, object]) -> admit.Outcome:
    """Confirm whom the customer database knows; an exception is not a refusal."""
    if not crm_is_up:
        raise ConnectionError("the customer database does not answer")
    return admit.Outcome.success()


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    global crm_is_up
    crm_is_up = False
    with admit.open(
        folder / "users.json",
        functions={"ask_crm": ask_crm},
        settings={"confirmation_flow": "function", "function.confirmation": "ask_crm"},
    ) as engine:
        try:
            engine.register("ada@example.com", "correct horse battery staple")
        except FlowFailed as failed:
            print("told:", failed.error)
            print("kept:", failed.user.state)

        print("what to do:", engine.why(address="ada@example.com").suggestion)

        crm_is_up = True
        print("re-run:", engine.rerun(address="ada@example.com").state)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
