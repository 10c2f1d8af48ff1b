"""Users who are being deleted, with a grace."""

from __future__ import annotations

from datetime import timedelta

import admit
from admit import User, hookimpl

PASSWORD = "correct horse battery staple"
ADDRESS = "ada@example.com"
GRACE = timedelta(days=30)


class Watching:
    """A plugin that is asked and told about deletions."""

    def __init__(self) -> None:
        self.asked = 0
        self.told: list[User] = []
        self.answer: str | None = None

    @hookimpl
    def before_delete(self, user: User) -> str | None:
        self.asked += 1
        return self.answer

    @hookimpl
    def after_delete(self, user: User) -> None:
        self.told.append(user)


def log_in(engine: admit.Engine) -> admit.LogIn:
    return engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
