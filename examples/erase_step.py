"""An erase step: a partner's grant is revoked when its user leaves, though the partner is down."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path

import admit
from admit.leaving import EraseStep
from admit.providers import Credentials, Provider
from admit.testing import SettableClock

grants = {"grant-7": "Ada"}  # what the partner knows
partner_is_down = True


class Partner:
    """A provider that keeps a grant of its users, and revokes it when they leave."""

    name = "partner"
    private_of = ("partner",)  # the step needs what is private in these identities

    @admit.hookimpl
    def register_providers(self) -> Iterable[Provider]:
        return [self]

    @admit.hookimpl
    def register_erase_steps(self) -> Mapping[str, EraseStep]:
        return {"revoke-grant": self}

    def identify(self, credentials: Credentials, services: admit.Services) -> admit.Claim:
        return admit.Claim(
            login_key=credentials["id"], proved=credentials["new"], creates_users=True
        )

    def check(self, *_: object) -> admit.Check:
        return admit.Check(accepted=True, private={"grant": "grant-7"})

    def erase(self, left: admit.Left, services: admit.Services) -> None:
        """Revoke the grant. May be called again after a success that was never heard of."""
        print(f"try {left.attempt}: the partner is {'down' if partner_is_down else 'up'}")
        if partner_is_down:
            raise ConnectionError
        grants.pop(left.user.identities[0].private["grant"], None)


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    global partner_is_down
    clock = SettableClock()  # so that nobody has to wait here
    with admit.open(folder / "users.json", plugins=[Partner()], clock=clock) as engine:
        engine.log_in("partner", id="ada", new=True)
        user = engine.log_in("partner", id="ada", new=False).user
        engine.delete(user)
        engine.work_once()  # what a worker does all the time
        print("waits:", engine.users.erasure(user).steps[0].error)

        partner_is_down = False
        clock.advance(timedelta(minutes=1))
        engine.work_once()
        print("ended:", engine.users.erasure(user).steps[0].ended, "– grants left:", grants)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
