"""The sessions of a life with identities: refreshed, their tokens replaced and used again (S2)."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule
from known_accounts import ONCE_ONLY, Account, Login, Opened, Refusal
from known_lives import KnownLife

from admit import Secret
from admit.errors import FreshLogInNeeded, SessionInvalid

FRESH = timedelta(minutes=5)
GRACE = timedelta(seconds=30)
"""How long a replaced refresh token is answered with the one that followed."""
some = st.integers(0, 1000)
"""Picks one of those there are."""


class RotatingSessions(KnownLife):
    """What a session's two tokens are good for."""

    @rule(rotates=st.booleans())
    def rotation_is_set(self, rotates: bool) -> None:
        self.world.rotates = rotates
        self.engine.settings.set("refresh_token_rotation", rotates)

    def refreshed(self, one: Opened) -> None:
        """With its present token, which is replaced, or given back."""
        token = one.log_in.refresh_token
        one.log_in = self.engine.refresh(token)
        assert self.world.rotates == (token.reveal() != one.log_in.refresh_token.reveal())
        if self.world.rotates:
            one.replaced.append(token)
            one.replaced_at = self.clock.now()
        self.secrets |= {one.log_in.access_token.reveal(), one.log_in.refresh_token.reveal()}

    @rule(number=some, which=some, more=st.integers(0, 2), times=st.integers(1, 3))
    def use_replaced_tokens(self, number: int, which: int, more: int, times: int) -> None:
        """At once, at the end of the grace and after it. *more*: replaced just now."""
        person = self.pick(number, lambda one: one.sessions)
        if person is None or not person.sessions:
            return
        one = person.sessions[which % len(person.sessions)]
        for _ in range(more):
            self.rotation_is_set(True)
            self.refreshed(one)
        for seconds in (0, 30, 1)[:times]:
            self.wait(timedelta(seconds=seconds))
            if one.replaced and one in person.sessions:
                older = number % 4 == 0 and len(one.replaced) > 1
                self.use_a_replaced_token(person, one, one.replaced[-2 if older else -1])

    def use_a_replaced_token(self, person: Account, one: Opened, token: Secret) -> None:
        """The last one, in time, as who lost the answer: the present one comes back. Else whoever
        holds either may be a thief, and the session ends."""
        assert one.replaced_at is not None
        in_time = token is one.replaced[-1] and self.clock.now() - one.replaced_at <= GRACE
        answer = self.ask(None if in_time else SessionInvalid, lambda: self.engine.refresh(token))
        if answer is None:
            self.world.end(person, [one])
        else:
            assert answer.refresh_token.reveal() == one.log_in.refresh_token.reveal()
            assert person.id == self.engine.verify(answer.access_token).user_id
            self.secrets.add(answer.access_token.reveal())

    def wait(self, how_long: timedelta) -> None:
        self.clock.advance(how_long)
        self.world.now = self.clock.now()

    def session_of(self, person: Account, which: int) -> Opened | None:
        """One of her sessions, its access token new."""
        if not person.sessions:
            return None
        one = person.sessions[which % len(person.sessions)]
        self.refreshed(one)
        return one

    def not_fresh(self, person: Account, one: Opened) -> Refusal:
        """A user's key is not fresh at any time; who has nothing to log in with again is always."""
        again = any(login.provider not in ONCE_ONLY for login in person.logins)
        is_fresh = not again or self.clock.now() - one.at <= FRESH
        is_proved = isinstance(one.by, Login) or person.is_server
        return None if is_fresh and is_proved else FreshLogInNeeded
