"""Users who are merged, and what the tests of it ask."""

from __future__ import annotations

import admit
from admit import LogIn, User

PASSWORD = "correct horse battery staple"
OTHER = "another horse, another battery"


def person(engine: admit.Engine, address: str, password: str = PASSWORD) -> User:
    """A confirmed user with a password, who has logged in."""
    engine.confirm_manually(engine.register(address, password))
    return engine.log_in("local-userpass", username=address, password=password).user


def merged(engine: admit.Engine, into: LogIn, absorbed: LogIn, **more: object) -> User:
    return engine.public.identities.merge(
        access_token=into.access_token,
        absorbed_access_token=absorbed.access_token,
        **more,  # type: ignore[arg-type]  # plan or adjust
    )


def names(identities: tuple[admit.Identity, ...]) -> list[tuple[str, str | None]]:
    return [(identity.provider, identity.login_key) for identity in identities]
