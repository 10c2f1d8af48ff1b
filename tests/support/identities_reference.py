"""The reference model of identities: what a user is known by, and what opens the account.

Each verb comes in two: what refuses it, as the class of the error or None, and what it does.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import attrs
from known_accounts import LOCAL, ONCE_ONLY, Account, Key, Login, Opened, Refusal, Token

from admit import LogIn, Secret
from admit.errors import (
    AddressTaken,
    AlreadyLinked,
    ConfirmationRequired,
    IdentityTaken,
    InvalidInput,
    LastIdentity,
    Leaving,
    NotAllowed,
    ProviderDisabled,
    UserDisabled,
    WrongCredentials,
)
from admit.records import UserId

MOST_WAITING = 5


def opened_with(person: Account, asks: Opened | None) -> list[Login]:
    """Which of her logins opened the session that *asks*: one that was linked again is the same."""
    by = None if asks is None else asks.by
    if not isinstance(by, Login):
        return []
    name = None if by.provider == LOCAL else (by.provider, by.key)
    return [one for one in person.logins if one is by or (one.provider, one.key) == name]


def _age(person: Account) -> tuple[datetime, str]:
    return person.created_at, person.id


@attrs.define
class World:
    """All accounts, and what is dead for ever."""

    now: datetime
    policy: str = "reserve"
    grace: timedelta | None = None
    rotates: bool = False
    """Whether each refresh replaces the refresh token."""
    off: set[str] = attrs.field(factory=set)
    """Providers that nobody comes in with."""
    people: dict[UserId, Account] = attrs.field(factory=dict)
    absorbed: dict[UserId, UserId] = attrs.field(factory=dict)
    """Ids that lead to another one."""
    gone: list[UserId] = attrs.field(factory=list)
    dead_tokens: list[Token] = attrs.field(factory=list)
    spent_tokens: list[Token] = attrs.field(factory=list)
    """Did what they were for: pressing one again changes nothing."""
    ended: list[LogIn] = attrs.field(factory=list)
    dead_refresh_tokens: list[Secret] = attrs.field(factory=list)
    """Replaced ones, of sessions that ended."""
    dead_keys: list[Key] = attrs.field(factory=list)
    dead_offers: list[str] = attrs.field(factory=list)

    def owner(self, provider: str, key: str) -> Account | None:
        """Whose identity this is: one user's, or nobody's."""
        holders = [person for person in self.people.values() if not person.waits]
        names = [(p, (one.provider, one.key)) for p in holders for one in p.logins]
        found = [person for person, name in names if name == (provider, key)]
        assert len(found) <= 1, "one identity, one user"
        return found[0] if found else None

    def waiting(self, address: str) -> list[Account]:
        """Who waits to prove this login, the newest last."""
        found = [p for p in self.people.values() if p.waits and p.logins[0].key == address]
        return sorted(found, key=_age)

    def known_as(self, provider: str, key: str) -> Account | None:
        """Who is answered when these are given: the owner, else the newest who waits."""
        waiting = self.waiting(key) if provider == LOCAL else []
        return self.owner(provider, key) or (waiting[-1] if waiting else None)

    def named_by(self, address: str) -> Account | None:
        """Who is meant by an address alone: whose login it is or will be, else who proved it, else
        who only carries it."""
        carry = [p for p in self.people.values() if address in p.addresses]
        proved = [p for p in carry if p.state == "confirmed" and p.addresses[address]]
        owner = self.owner(LOCAL, address) or max(proved, key=_age, default=None)
        if owner is not None:
            return owner
        confirmed = [person for person in carry if person.state == "confirmed"]
        return self.known_as(LOCAL, address) or min(confirmed, key=lambda p: p.id, default=None)

    def loses(self, person: Account) -> bool:
        """Whether somebody else has proved the login that *person* waits for."""
        return person.waits and self.owner(LOCAL, person.logins[0].key) is not None

    # --- what ends -----------------------------------------------------------------------------

    def end_sessions(self, person: Account, but: Opened | None = None) -> None:
        """An offer to stay ends with them."""
        self.end(person, [one for one in person.sessions if one is not but])
        self.dead_offers += [offer for offer, _ in person.offers]
        person.offers = []

    def end(self, person: Account, sessions: list[Opened]) -> None:
        self.ended += [one.log_in for one in sessions]
        self.dead_refresh_tokens += [token for one in sessions for token in one.replaced]
        person.sessions = [one for one in person.sessions if one not in sessions]

    def end_keys(self, person: Account) -> None:
        self.dead_keys += person.keys
        person.keys = []

    def kill(self, person: Account, *purposes: str) -> None:
        self._kill(person, [t for t in person.tokens if t.purpose in purposes])

    def _kill(self, person: Account, tokens: list[Token]) -> None:
        self.dead_tokens += tokens
        person.tokens = [t for t in person.tokens if t not in tokens]

    def spend(self, person: Account, token: Token) -> None:
        person.tokens.remove(token)
        self.spent_tokens.append(token)

    def sent(self, person: Account, token: Token) -> None:
        """A message was handed over: it alone counts from now on, of its purpose."""
        self.kill(person, token.purpose)
        person.tokens.append(token)

    def have_addresses(self, person: Account, addresses: dict[str, bool]) -> None:
        """What went to an address that is hers no more is dead."""
        person.addresses = addresses
        self._kill(person, [t for t in person.tokens if t.of_hers and t.address not in addresses])

    def remove(self, person: Account) -> None:
        del self.people[person.id]
        self.gone.append(person.id)
        self.kill(person, "confirm", "reset", "change-address")
        self.end_sessions(person)
        self.end_keys(person)

    def usable(self, logins: Iterable[Login], addresses: dict[str, bool]) -> list[Login]:
        """Which of them she could log in with now: also where a reset would set the password."""
        return [
            one
            for one in logins
            if one.provider not in (*ONCE_ONLY, *self.off)
            and (one.provider != LOCAL or one.password or addresses.get(one.key))
        ]

    # --- proving and gaining -------------------------------------------------------------------

    def prove(
        self, person: Account, address: str, spared: list[Login], new: list[Login] | None = None
    ) -> bool:
        """Its owner is heard of; for the first time (then True): what she never proved goes."""
        first = person.addresses.get(address) is False
        if first:
            own = [one for one in person.logins if one.key == address]
            others = [other for other in person.addresses if other != address]
            registered = [one for one in person.logins if one.provider == LOCAL]
            own = own or [one for one in registered if one.key not in others]
            person.logins = [one for one in person.logins if one in own or one in spared]
            self.have_addresses(person, {address: True})
        for one in [] if new is None else person.logins:
            assert new is not None
            if one.key == address and one.provider == LOCAL and one not in new and first:
                one.password = None
        return first

    def gain(
        self,
        person: Account,
        logins: list[Login],
        addresses: list[tuple[str, bool]],
        asks: Opened | None = None,
        goes_on: bool | None = None,
    ) -> bool:
        """She has these logins and addresses, too. True: her first proof ended all sessions but
        *asks* – which *goes_on* if a login that she had opened it: not if one did that is gone."""
        had_proof = person.is_proved
        goes_on = bool(opened_with(person, asks)) if goes_on is None else goes_on
        spared = [*logins, *opened_with(person, asks)]
        person.logins = [*person.logins, *logins]
        firsts = [a for a, proved in addresses if proved and person.addresses.get(a) is False]
        for address in firsts:
            self.prove(person, address, spared, logins)
        for address, proved in addresses:
            is_login = any(one.key == address for one in person.logins)
            if address not in person.addresses and (proved or is_login or not person.addresses):
                person.addresses[address] = proved
        ends = bool(firsts) or (person.is_proved and not had_proof)
        if ends:
            self.end_sessions(person, but=asks if goes_on else None)
            self.end_keys(person)
        self.kill(person, "change-address")
        return ends

    def confirmed(self, person: Account, token: Token, *, by_reset: bool = False) -> None:
        """A token of hers for `confirm` or `reset` was pressed."""
        was_pending, person.state = person.state == "pending", "confirmed"
        person.waits = False
        first = self.prove(person, token.address, [])
        self.kill(person, "change-address")
        if by_reset:
            self.kill(person, "reset", *(["confirm"] if was_pending else []))
        else:
            self.spend(person, token)
        if first or was_pending or by_reset:
            self.end_sessions(person)
            self.end_keys(person)

    def address_changed(
        self, person: Account, to: str, *, proved: bool, asks: Opened | None = None
    ) -> None:
        """What was proved once stays so."""
        old, first = person.login_address, proved and not person.is_proved
        spared = opened_with(person, asks)
        proved = proved or person.addresses.get(to, False)
        for one in self.movable(person):
            one.key = to
        changed = {to: proved} if old is None else {}
        for address, was_proved in person.addresses.items():
            if address == old:
                changed[to] = proved
            elif address != to:
                changed[address] = was_proved
        self.have_addresses(person, changed)
        if first:
            logins = person.logins
            person.addresses[to] = False
            self.prove(person, to, spared)
            person.logins = person.logins or logins
            self.end_keys(person)
            asks = asks if spared else None
        self.kill(person, "confirm", "reset", "change-address")
        self.end_sessions(person, but=asks)

    def movable(self, person: Account) -> list[Login]:
        """The logins that go with her address."""
        old = person.login_address
        return [one for one in person.logins if one.provider == LOCAL and one.key == old]

    # --- what refuses --------------------------------------------------------------------------

    def state_refuses(self, person: Account) -> Refusal:
        """What stands in the way of somebody with the right credentials."""
        if person.disabled:
            return UserDisabled
        if person.state == "pending":
            return ConfirmationRequired
        if person.leaves_at is None:
            return None
        return Leaving if self.now < person.leaves_at else WrongCredentials

    def register_refuses(self, address: str) -> Refusal:
        if LOCAL in self.off:
            return ProviderDisabled
        many = len(self.waiting(address)) >= MOST_WAITING
        return AddressTaken if many or self.owner(LOCAL, address) else None

    def log_in_refuses(self, provider: str, key: str, password: str | None) -> Refusal:
        if provider in self.off:
            return ProviderDisabled
        person = self.known_as(provider, key)
        if provider == LOCAL and not self.is_password(person, key, password):
            return WrongCredentials
        return None if person is None else self.state_refuses(person)

    def is_password(self, person: Account | None, key: str, password: str | None) -> bool:
        local = None if person is None else person.local
        return local is not None and local.key == key and local.password == password is not None

    def link_refuses(
        self, person: Account, provider: str, key: str, password: str | None
    ) -> Refusal:
        if provider in self.off:
            return ProviderDisabled
        holder = self.known_as(provider, key)
        if provider == LOCAL and not self.is_password(holder, key, password):
            return WrongCredentials
        if holder not in (None, person):
            assert holder is not None
            if (refusal := self.state_refuses(holder)) is not None:
                return refusal
        if not self.may_link(person):
            return NotAllowed
        if holder in (None, person):
            return None
        assert holder is not None
        if holder.used or len(holder.logins) > 1:
            return IdentityTaken
        if provider == LOCAL and person.local is not None:
            return AlreadyLinked
        loses = bool(person.data and holder.data and person.data != holder.data)
        return IdentityTaken if loses else None

    def may_link(self, person: Account) -> bool:
        is_there = person.state == "confirmed" and person.leaves_at is None
        return is_there and not person.disabled and not person.is_server

    def unlink_refuses(self, person: Account, login: Login) -> Refusal:
        if person.state != "confirmed":
            return NotAllowed
        rest = [one for one in person.logins if one is not login]
        return None if self.usable(rest, person.addresses) else LastIdentity

    def taken(self, person: Account, address: str) -> Refusal:
        """Who only waits with an address loses it to who proves it."""
        holder = self.owner(LOCAL, address)
        is_free = holder in (None, person) or (holder is not None and holder.state == "pending")
        return None if is_free else AddressTaken

    def add_login_refuses(self, person: Account, address: str) -> Refusal:
        if LOCAL in self.off:
            return ProviderDisabled
        if not self.may_link(person):
            return NotAllowed
        return AlreadyLinked if person.local is not None else self.taken(person, address)

    def has_address(self, person: Account) -> bool:
        """Whether hers can be changed."""
        return person.state == "confirmed" and not person.is_server

    def change_refuses(self, person: Account, to: str) -> Refusal:
        if not self.has_address(person):
            return NotAllowed
        if person.login_address == to and person.addresses[to]:
            return InvalidInput
        return self.taken(person, to) if self.movable(person) else None

    def confirm_address_refuses(self, person: Account, token: Token) -> Refusal:
        if token.adds is not None and person.local is not None:
            return AlreadyLinked
        needs_key = token.adds is not None or self.movable(person)
        return self.taken(person, token.address) if needs_key else None

    def merge_refuses(self, into: Account, absorbed: Account, *, itself: bool = False) -> Refusal:
        if into is absorbed and not itself:
            return InvalidInput
        both = (into, absorbed)
        return None if all(map(self.may_link, both)) else NotAllowed

    # --- merging -------------------------------------------------------------------------------

    def plan(self, into: Account, absorbed: Account, *, taking: bool) -> list[Login]:
        """The logins that the survivor will have; *taking*: the other's password, if both have."""
        loses = into.local if taking and absorbed.local is not None else None
        stay = [one for one in into.logins if one is not loses]
        has_local = any(one.provider == LOCAL for one in stay)
        moves = [one for one in absorbed.logins if one.provider not in ONCE_ONLY]
        return stay + [one for one in moves if not (has_local and one.provider == LOCAL)]

    def planned_addresses(
        self, into: Account, absorbed: Account, logins: list[Login]
    ) -> dict[str, bool]:
        keys = {one.key for one in logins}
        dropped = {one.key for one in (*into.logins, *absorbed.logins)} - keys
        own = {a: p for a, p in into.addresses.items() if p or a not in dropped}
        more = {a: p for a, p in absorbed.addresses.items() if p or a in keys}
        return {a: own.get(a, False) or more.get(a, False) for a in (*own, *more)}

    def plan_refuses(self, into: Account, absorbed: Account, logins: list[Login]) -> Refusal:
        both = (into, absorbed)
        could = any(self.usable(person.logins, person.addresses) for person in both)
        after = self.usable(logins, self.planned_addresses(into, absorbed, logins))
        return InvalidInput if could and not after else None

    def absorb(
        self,
        into: Account,
        absorbed: Account,
        logins: list[Login],
        *,
        ends: bool,
        asks: Opened | None = None,
    ) -> None:
        """One user less. *ends*: the survivor's sessions, too, but the one that *asks*."""
        stay, goes_on = self.planned_addresses(into, absorbed, logins), opened_with(into, asks)
        coming = [(a, proved) for a, proved in absorbed.addresses.items() if a in stay]
        into.logins, moves = (
            [one for one in mine if one in logins] for mine in (into.logins, absorbed.logins)
        )
        self.have_addresses(into, {a: p for a, p in into.addresses.items() if a in stay})
        into.used = into.used or absorbed.used
        if not self.gain(into, moves, coming, asks, bool(goes_on)) and ends:
            self.end_sessions(into, but=asks)
        if absorbed.data and not into.data:
            into.data, into.data_version = absorbed.data, into.data_version + 1
        self.remove(absorbed)
        self.gone.remove(absorbed.id)
        older = [old for old, survivor in self.absorbed.items() if survivor == absorbed.id]
        self.absorbed |= dict.fromkeys([absorbed.id, *older], into.id)

    # --- leaving -------------------------------------------------------------------------------

    def leave(self, person: Account, *, at_once: bool) -> None:
        """Deleted, or blocked until the grace is over: only who could prove to be back."""
        could = any(one.provider not in ONCE_ONLY for one in person.logins)
        if person.leaves_at is not None and not at_once:
            return
        if at_once or self.grace is None or person.state == "pending" or not could:
            self.remove(person)
            return
        person.leaves_at = self.now + self.grace
        self.kill(person, "confirm", "reset", "change-address")
        self.end_sessions(person)
        self.end_keys(person)

    def restore(self, person: Account) -> None:
        person.leaves_at = None
        self.dead_offers += [offer for offer, _ in person.offers]
        person.offers = []
