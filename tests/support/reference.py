"""The reference model: what an account's life is, in a page, without stores, locks or plugins."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime, timedelta

import attrs

from admit import LogIn

TOKEN_LIFETIME = timedelta(minutes=30)


@attrs.define
class Token:
    """What a message, or a call of a function, has put into somebody's hands."""

    run: str
    token: str
    code: str
    purpose: str
    expires_at: datetime
    used: bool = False
    """Pressed: from then on its run may be forgotten, as newer ones come."""

    @property
    def credentials(self) -> dict[str, str]:
        return {"token_id": self.run, "token": self.token}


@attrs.define
class Person:
    """One account."""

    id: str
    address: str
    password: str | None
    created_at: datetime
    state: str = "pending"
    disabled: bool = False
    must_change: bool = False
    proved: bool = False
    tokens: list[Token] = attrs.field(factory=list)
    sessions: list[LogIn] = attrs.field(factory=list)


@attrs.define
class World:
    """All accounts, and what is dead for ever."""

    people: dict[str, Person] = attrs.field(factory=dict)
    dead: list[Token] = attrs.field(factory=list)
    ended: list[LogIn] = attrs.field(factory=list)

    def holder(self, address: str) -> Person | None:
        """Who has confirmed this address."""
        found = [p for p in self.people.values() if p.address == address and p.state == "confirmed"]
        assert len(found) <= 1, "an address has one owner"
        return found[0] if found else None

    def waiting(self, address: str) -> list[Person]:
        """Who waits for this address."""
        return [p for p in self.people.values() if p.address == address and p.state == "pending"]

    def kill(self, person: Person, *purposes: str, but: Container[str] = ()) -> None:
        """Tokens of these purposes open nothing any more, except those of some runs."""
        gone = [t for t in person.tokens if t.purpose in purposes and t.run not in but]
        person.tokens = [t for t in person.tokens if t not in gone]
        self.dead += gone

    def dispatched(self, person: Person, token: Token, since: Container[str]) -> None:
        """A message was handed over: of its purpose, it counts from now on, and what was begun
        *since*. Ids do not tell: of two processes in one instant, they come as they like."""
        self.kill(person, token.purpose, but=since)
        person.tokens.append(token)

    def confirmed(self, person: Person) -> None:
        person.state = "confirmed"

    def end_sessions(self, person: Person) -> None:
        self.ended += person.sessions
        person.sessions = []

    def password_set(self, person: Person, password: str, *, by_reset: bool) -> None:
        """An old password is no more, and whoever used it is out."""
        purposes = ["reset", *(["confirm"] if by_reset and person.state == "pending" else [])]
        self.kill(person, *purposes)
        person.password, person.must_change = password, False
        self.end_sessions(person)

    def gone(self, person: Person) -> None:
        del self.people[person.id]
        self.kill(person, "confirm", "reset")
        self.end_sessions(person)
