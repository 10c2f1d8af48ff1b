"""Shops: an engine behind a web application: Ada is confirmed, and her access token is at hand."""

from __future__ import annotations

from datetime import timedelta

import attrs

import admit
from admit.testing import SettableClock

PASSWORD = "correct horse battery staple"


@attrs.frozen
class Shop:
    """The engine, and how Ada comes to it."""

    engine: admit.Engine
    clock: SettableClock
    ada: admit.User

    def token(self) -> str:
        """Return an access token of a log-in that happens now."""
        return self._logged_in().access_token.reveal()

    def expired(self) -> str:
        """Return an access token that is no longer good, of a session that is."""
        token = self.token()
        self.clock.advance(timedelta(minutes=31))
        return token

    def stale(self) -> str:
        """Return an access token that is good, of a log-in of yesterday."""
        login = self._logged_in()
        self.clock.advance(timedelta(days=1))
        return self.engine.refresh(login.refresh_token).access_token.reveal()

    def ended(self) -> str:
        """Return an access token of somebody who logged out."""
        login = self._logged_in()
        self.engine.log_out(login.refresh_token)
        return login.access_token.reveal()

    def of_disabled(self) -> str:
        """Return an access token of somebody who was disabled since."""
        token = self.token()
        self.engine.disable(self.ada)
        return token

    def of_deleted(self) -> str:
        """Return an access token of somebody who is gone."""
        token = self.token()
        self.engine.delete(self.ada, at_once=True)
        return token

    def dead(self, how: str) -> str:
        """Return a token that opens nothing, and why."""
        kinds = {
            "expired": self.expired,
            "ended": self.ended,
            "disabled": self.of_disabled,
            "deleted": self.of_deleted,
        }
        return kinds[how]() if how in kinds else {"garbage": "no-token", "not ASCII": "é.ü.ö"}[how]

    def _logged_in(self) -> admit.LogIn:
        return self.engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)


DEAD = ("expired", "ended", "disabled", "deleted", "garbage", "not ASCII")
"""Each way in which a token opens nothing; see `Shop.dead`."""
