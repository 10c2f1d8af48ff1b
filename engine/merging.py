"""What a merge of two users will do, said before it is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import attrs

from .records import Address, Identity, User


class Collision(NamedTuple):
    """Two identities of which one user can have one only: of a provider whose users register."""

    stays: Identity
    goes: Identity


@attrs.frozen(kw_only=True)
class MergePlan:
    """What a merge will do: made by `plan_merge`, shown, perhaps adjusted, then carried out.

    Whatever it says, sessions, API keys, links and codes of the absorbed user never follow.
    """

    into: User
    """The survivor, as it was when the plan was made."""
    absorbed: User
    """The user whose id will lead to the survivor."""
    identities: tuple[Identity, ...]
    """What the survivor will have, in the order of linking, each with its password."""
    once: frozenset[str] = frozenset()
    """Providers of which a user has one identity only: those whose users register. What another one
    calls somebody is no address, whatever it looks like."""

    drops_custom_data: bool = False
    """Both have custom data, and not the same: the survivor's stays. If only the absorbed user has
    any, it moves."""

    @property
    def all_identities(self) -> tuple[Identity, ...]:
        """The identities of both, the survivor's first."""
        return (*self.into.identities, *self.absorbed.identities)

    @property
    def moves(self) -> tuple[Identity, ...]:
        """The identities that the survivor gets."""
        return tuple(i for i in self.absorbed.identities if i in self.identities)

    @property
    def drops(self) -> tuple[Identity, ...]:
        """The identities that will open nothing any more."""
        return tuple(i for i in self.all_identities if i not in self.identities)

    @property
    def collisions(self) -> tuple[Collision, ...]:
        """What is dropped because its like stays; `taking` turns one round."""
        return tuple(
            Collision(stays, goes)
            for stays in self.identities
            for goes in self.drops
            if stays.provider == goes.provider and stays.provider in self.once
        )

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The survivor's addresses, the one that messages go to first: its own, then those of the
        absorbed user that were proved or are logins that move."""
        logins = {i.login_key for i in self.identities if i.provider in self.once}
        dropped = {i.login_key for i in self.drops if i.provider in self.once}
        own = [a for a in self.into.addresses if a.proved_at or a.canonical not in dropped - logins]
        gained = [a for a in self.absorbed.addresses if a.proved_at or a.canonical in logins]
        found: dict[str, Address] = {}
        for address in (*own, *gained):
            if address.canonical not in found or found[address.canonical].proved_at is None:
                found[address.canonical] = address
        return tuple(found.values())

    @property
    def drops_addresses(self) -> tuple[Address, ...]:
        """The addresses that will be nobody's."""
        kept = {address.canonical for address in self.addresses}
        both = (*self.into.addresses, *self.absorbed.addresses)
        return tuple({a.canonical: a for a in both if a.canonical not in kept}.values())

    def taking(self, identity: Identity) -> MergePlan:
        """Return the plan in which the survivor has *identity*, and not what that collides with."""
        return self._having(
            lambda i: (
                i == identity
                or (i in self.identities and not (i.provider == identity.provider in self.once))
            )
        )

    def leaving(self, identity: Identity) -> MergePlan:
        """Return the plan in which *identity* is dropped."""
        return self._having(lambda i: i in self.identities and i != identity)

    def _having(self, wanted: Callable[[Identity], bool]) -> MergePlan:
        return attrs.evolve(self, identities=tuple(filter(wanted, self.all_identities)))
