"""A confirmation flow and a provider of one's own: two plugins, each registers itself."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import admit
from admit.errors import WrongCredentials
from admit.flows import ConfirmationFlow
from admit.providers import Credentials, Provider
from admit.records import Identity

desk: dict[str, str] = {}
badges = {"7-42": "Grace"}


class FrontDesk:
    """A flow: the front desk hands out the code to whoever shows a passport."""

    name = "front-desk"

    @admit.hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        return [self]

    def begin(self, entry: admit.Entry, services: admit.Services) -> admit.Outcome:
        desk[entry.username] = entry.code.reveal()
        return admit.Outcome.pending()


class Badge:
    """A provider: the badge reader vouches for its users, so the first log-in makes one."""

    name = "badge"

    @admit.hookimpl
    def register_providers(self) -> Iterable[Provider]:
        return [self]

    def identify(self, given: Credentials, services: admit.Services) -> admit.Claim:
        name = badges.get(number := given["number"])
        if name is None:
            raise WrongCredentials
        return admit.Claim(login_key=number, proved=True, creates_users=True, data={"name": name})

    def check(
        self, given: Credentials, identity: Identity | None, services: admit.Services
    ) -> admit.Check:
        return admit.Check(accepted=False)  # never asked: these claims prove themselves


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    chosen = {"confirmation_flow": "front-desk"}
    plugins = [FrontDesk(), Badge()]
    with admit.open(folder / "users.json", plugins=plugins, settings=chosen) as engine:
        print("registered:", engine.register("ada@example.com", "correct horse battery").state)
        ada = engine.confirm(address="ada@example.com", code=desk["ada@example.com"])
        print("code from the desk:", ada.state)
        grace = engine.log_in("badge", number="7-42").user
        print("badge:", grace.state, grace.identities[0].data["name"])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
