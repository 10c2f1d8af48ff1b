"""Engines that link, unlink, merge and change addresses until they are killed; see `nursery`."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Final

from nursery import serve
from told_providers import ToldProviders, told

import admit
from admit.errors import AdmitError
from admit.testing import CHEAP_HASHING, KEY

Say = Callable[[str], None]


def opened(location: str) -> admit.Engine:
    """An engine on a store that may be there already."""
    return admit.open(
        location,
        key=[KEY],
        plugins=[ToldProviders()],
        settings={**CHEAP_HASHING, "confirmation_flow": "auto"},
        worker=False,
        dev=True,
    )


def live(say: Say, location: str, seed: int) -> None:
    """Make users, link them, merge them, for ever; say each act once it is done."""
    chance = random.Random(seed)  # noqa: S311  # what happens to whom is no secret
    with opened(location) as engine:
        users: list[str] = []
        for number in range(10_000):
            who = f"{seed}-{number}"
            users.append(engine.log_in("told", **told(who)).user.id)
            say(f"made told:{who} {users[-1]}")
            one, other = chance.choice(users), chance.choice(users)
            try:
                _act(engine, say, chance.randrange(4), who, one, other)
            except AdmitError as problem:
                say(f"refused {problem.code}")


def _act(engine: admit.Engine, say: Say, what: int, who: str, one: str, other: str) -> None:
    if what == 0:
        user = engine.identities.link(one, "other", **told(who))
        say(f"linked other:{who} {user.id}")
    elif what == 1:
        user = engine.identities.link(one, "other", **told(f"{who}-gone"))
        engine.identities.unlink(user, provider="other", identity=f"id-of-{who}-gone")
        say(f"unlinked other:{who}-gone {user.id}")
    elif what == 2:
        user = engine.identities.merge(one, other)
        say(f"merged {other} {user.id}")
    else:
        to = f"{who}@example.com"
        user = engine.identities.change_address_manually(one, to=to)
        say(f"moved {to} {user.id}")


MODULE: Final = Path(__file__)

if __name__ == "__main__":
    serve({"live": live})
