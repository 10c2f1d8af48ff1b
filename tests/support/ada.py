"""One user with a password, and log-ins of hers: what tests of sessions begin with."""

from __future__ import annotations

from admit import Actor, Client, Engine, LogIn, User

ADDRESS = "ada@example.com"
PASSWORD = "correct horse battery staple"
WRONG = "incorrect horse battery staple"


def made(engine: Engine, address: str = ADDRESS) -> User:
    """Return a new, confirmed user."""
    return engine.confirm_manually(engine.register(address, PASSWORD))


def log_in(
    engine: Engine, address: str = ADDRESS, *, device: str | None = None, at: str | None = None
) -> LogIn:
    """Log her in: from a device, from a network address."""
    client = Client(address=at, device=device)
    caller = engine.acting(Actor("application"), client=client)
    return caller.log_in("local-userpass", username=address, password=PASSWORD)
