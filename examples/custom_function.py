"""Your own code says who somebody is: a badge reader, a legacy system, another log-in."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import admit
from admit.errors import CredentialsRefused, WrongCredentials

badges = {"7-42": {"id": "e-1042", "name": "Grace"}, "7-43": None}


async def badge_holder(given: dict[str, Any]) -> dict[str, str] | None:
    """Answer who holds a badge; None for nobody; refuse in words for one that was lost."""
    number = given.get("badge")
    if number in badges and badges[number] is None:
        raise CredentialsRefused("This badge was reported as lost.")
    return badges.get(str(number))


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    settings = {"custom-function.enabled": True, "custom-function.function": "badges"}
    with admit.open(
        folder / "users.json", settings=settings, functions={"badges": badge_holder}
    ) as engine:
        grace = engine.log_in("custom-function", badge="7-42").user
        print("recognised:", grace.identities[0].id, grace.identities[0].data["name"])
        for number in ("7-43", "7-44"):
            try:
                engine.log_in("custom-function", badge=number)
            except (CredentialsRefused, WrongCredentials) as refused:
                print(number, refused.sentence)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
