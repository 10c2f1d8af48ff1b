"""One person has two accounts: she links, is refused, and merges them by a plan she has seen."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import admit
from admit.errors import IdentityTaken

ORDERS = {"of the old account": "a book"}  # the application's own data, by user id


class Badge:
    """A reader of badges, which vouches for who holds one."""

    name, inline = "badge", True

    @admit.hookimpl
    def register_providers(self) -> Iterable[Any]:
        """Offer it."""
        return [self]

    def identify(self, credentials: Mapping[str, Any], services: admit.Services) -> admit.Claim:
        """Whose badge this is."""
        return admit.Claim(login_key=str(credentials["number"]), proved=True, creates_users=True)

    def check(self, credentials: object, identity: object, services: object) -> admit.Check:
        """Nothing is left to compare."""
        return admit.Check(accepted=False)


def move_orders(plan: admit.MergePlan) -> admit.MergePlan | str:
    """Refuse, change the plan, or – as here – take along what belongs to the account that ends."""
    ORDERS[plan.into.id] = ORDERS.pop("of the old account")
    return plan


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    with admit.open(folder / "users.json", dev=True, plugins=[Badge()]) as engine:
        password = "correct horse battery staple"
        engine.confirm_manually(engine.register("ada@example.com", password))
        old = engine.log_in("badge", number="7-42")  # long ago, and forgotten
        ada = engine.log_in("local-userpass", username="ada@example.com", password=password)
        mine = engine.public.identities

        try:
            mine.link(ada.access_token, "badge", number="7-42")
        except IdentityTaken as taken:
            print("link:", taken)

        tokens = {
            "access_token": ada.access_token,
            "absorbed_access_token": old.access_token,
        }
        plan = mine.plan_merge(**tokens)
        print("moves:", [identity.provider for identity in plan.moves], "drops:", plan.drops)
        user = mine.merge(**tokens, plan=plan, adjust=move_orders)

        print("one account:", [identity.provider for identity in user.identities])
        print("the old id leads there:", engine.users.get(old.user.id).id == user.id)
        print("the badge opens it:", engine.log_in("badge", number="7-42").user.id == user.id)
        print("her orders:", ORDERS[user.id])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
