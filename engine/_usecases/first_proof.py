"""The first proof of an address: what somebody else may have left on the user goes (H3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .._core import Core
from .._evolve import evolve
from ..records import Identity, User
from .registering import is_login, was_registered


class Dropped(NamedTuple):
    """A user without what her owner never proved, and the identities that went."""

    user: User
    identities: tuple[Identity, ...]

    @property
    def codes(self) -> Mapping[str, str]:
        """What an event says of it: the providers, in the order of linking."""
        providers = dict.fromkeys(identity.provider for identity in self.identities)
        return {"dropped": ", ".join(providers)} if providers else {}

    @property
    def detail(self) -> Mapping[str, object]:
        """What stands in the event's erasable detail: each identity that went."""
        return {"dropped": named(self.identities)} if self.identities else {}


def named(identities: tuple[Identity, ...]) -> list[dict[str, str]]:
    """Return which identities, as an event's detail lists them."""
    return [{"provider": identity.provider, "id": identity.id} for identity in identities]


def is_proved(user: User) -> bool:
    """Return whether the owner of any address of *user* was ever heard of."""
    return any(address.proved_at is not None for address in user.addresses)


def drop_unproved(
    core: Core, user: User, mailboxes: Sequence[str], spared: tuple[Identity, ...] = ()
) -> Dropped:
    """Return *user* with what the owner of the *mailboxes* finds there as she is heard of for the
    first time: the logins that were registered with them, what is *spared*, and nothing else.

    Whoever had the account before may have linked identities of his own, or put in an address.
    (A password that he chose is for the use case: it knows whether she sets one.)
    """
    own = [i for i in user.identities if is_login(core, i, *mailboxes)]
    if not own:  # a login that is no address, which was registered together with one
        others = [a.canonical for a in user.addresses if a.canonical not in mailboxes]
        own = [
            i for i in user.identities if was_registered(core, i) and not is_login(core, i, *others)
        ]
    stays = tuple([i for i in user.identities if i in own or i in spared])
    goes = tuple([i for i in user.identities if i not in stays])
    new = evolve(
        user,
        identities=stays,
        addresses=tuple(address for address in user.addresses if address.canonical in mailboxes),
    )
    return Dropped(new, goes)
