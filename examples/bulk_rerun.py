"""Many are stuck after an outage: look who, then re-run them all."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import admit
from admit.errors import FlowFailed

gateway_is_up = False


def text_a_code(call: dict[str, object]) -> admit.Outcome:
    """Send a text message – once the gateway is up again."""
    if not gateway_is_up:
        raise ConnectionError("the gateway does not answer")
    return admit.Outcome.pending()


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    global gateway_is_up
    gateway_is_up = False
    with admit.open(
        folder / "users.json",
        functions={"text_a_code": text_a_code},
        settings={"confirmation_flow": "function", "function.confirmation": "text_a_code"},
    ) as engine:
        for name in ("ada", "grace", "hedy"):
            with contextlib.suppress(FlowFailed):
                engine.register(f"{name}@example.com", "correct horse battery staple")
        print("stuck:", engine.users.count("pending/run-failed"))

        for result in engine.users.rerun_all(run_failed=True, dry_run=True):
            print(result.outcome, result.address)

        gateway_is_up = True
        support = engine.acting(admit.Actor("admin", "support-7"), reason="gateway outage")
        for result in support.users.rerun_all(run_failed=True, per_second=100):
            print(result.outcome, result.address)
        print("stuck:", engine.users.count("pending/run-failed"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
