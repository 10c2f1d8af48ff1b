"""A user who changes her address, and what the tests of it ask."""

from __future__ import annotations

import admit
from admit import LogIn, User
from admit.errors import WrongCredentials
from admit.testing import Inbox

PASSWORD = "correct horse battery staple"
OLD, NEW = "ada@example.com", "Ada@example.org"


def log_in(engine: admit.Engine, address: str, password: str = PASSWORD) -> LogIn:
    return engine.log_in("local-userpass", username=address, password=password)


def opens(engine: admit.Engine, address: str, password: str = PASSWORD) -> bool:
    try:
        log_in(engine, address, password)
    except WrongCredentials:
        return False
    return True


def ask(engine: admit.Engine, login: LogIn, to: str = NEW) -> None:
    engine.public.identities.change_address(access_token=login.access_token, to=to)
    engine.work_once()


def press(engine: admit.Engine, login: LogIn, **how: str) -> User:
    return engine.public.identities.confirm_address(access_token=login.access_token, **how)


def to(inbox: Inbox, address: str) -> str:
    """The text of the newest message to an address."""
    return next(message.text for message in reversed(inbox.messages) if message.to == address)
