"""What a row says of a user, made into the user that is to be kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs

from .._core import Core
from .._documents import check_document
from .._evolve import evolve
from ..addresses import canonical
from ..errors import InvalidInput, UnknownName
from ..lifecycle import NEW, move
from ..providers import RegistrationRequest
from ..records import Address, Identity, User, UserId
from ..rows import AddressRow, IdentityRow, UserRow
from .create import imported_private
from .given_passwords import MUST_CHANGE, SET_BY
from .json_data import checked_data
from .registering import registers

_SKEW: Final = timedelta(minutes=5)
"""What the clocks of two machines may differ by."""


@attrs.frozen(kw_only=True)
class Arrival:
    """A user who arrives."""

    user: User
    custom_data: Mapping[str, object] | None


def arrival_of(core: Core, row: UserRow) -> Arrival:
    """Return the user that *row* describes. Raises InvalidInput, UnknownName, and for a hash
    NotConfigured, MissingExtra."""
    now = core.now()
    if row.id is None and not row.identities:
        raise InvalidInput("identities", "is empty; without an id, nobody would know this user.")
    for name in ("created_at", "confirmed_at", "first_log_in_at", "last_seen_at"):
        _must_have_been(getattr(row, name), name, now)
    created_at = row.created_at or _said_by(row.id, now) or now
    confirmed_at = None
    if row.state == "confirmed":
        confirmed_at = row.confirmed_at or created_at
    elif row.confirmed_at is not None or row.delete_at is not None:
        name = "delete_at" if row.confirmed_at is None else "confirmed_at"
        raise InvalidInput(name, "is only for who is confirmed.")
    identities, addresses = (
        [],
        [_address(part, n, row, now) for n, part in enumerate(row.addresses)],
    )
    for place, part in enumerate(row.identities):
        identity, address = _identity(core, part, f"identities[{place}]", created_at, now)
        identities.append(identity)
        if address is not None and address.canonical not in [a.canonical for a in addresses]:
            addresses.append(address)
    if len({identity.key for identity in identities}) < len(identities):
        raise InvalidInput("identities", "has the same login twice.")
    if len({address.canonical for address in addresses}) < len(addresses):
        raise InvalidInput("addresses", "has the same mailbox twice.")
    user = User(
        id=UserId(row.id or core.ids.mint(now)),
        state=move(NEW, "create" if row.state == "confirmed" else "register").state,
        disabled=row.disabled,
        identities=tuple(identities),
        addresses=tuple(
            evolve(address, proved_at=confirmed_at or created_at)
            if address.proved_by is not None and address.proved_at is None
            else address
            for address in addresses
        ),
        created_at=created_at,
        confirmed_at=confirmed_at,
        delete_at=row.delete_at,
        first_log_in_at=row.first_log_in_at or row.last_seen_at,
        last_seen_at=row.last_seen_at or row.first_log_in_at,
    )
    document = None
    if row.custom_data is not None:
        most = core.settings.custom_data_bytes
        document = check_document(row.custom_data, "custom_data", most_bytes=most)
    return Arrival(user=user, custom_data=document)


def _must_have_been(instant: datetime | None, name: str, now: datetime) -> None:
    if instant is not None and instant > now + _SKEW:
        raise InvalidInput(name, "lies in the future.")


def _said_by(user_id: str | None, now: datetime) -> datetime | None:
    """Return the second that an id was made in, if it can be one."""
    if user_id is None:
        return None
    instant = datetime.fromtimestamp(int(user_id[:8], 16), UTC)
    return instant if instant <= now else None


def _address(part: AddressRow, place: int, row: UserRow, now: datetime) -> Address:
    _must_have_been(part.proved_at, f"addresses[{place}].proved_at", now)
    proved_by = part.proved_by
    if proved_by is None and part.proved_at is not None:
        proved_by = "import"
    return Address(
        typed=part.typed,
        canonical=canonical(part.typed, field=f"addresses[{place}].typed"),
        proved_at=part.proved_at,
        proved_by=proved_by,
    )


def _identity(
    core: Core, part: IdentityRow, place: str, created_at: datetime, now: datetime
) -> tuple[Identity, Address | None]:
    """Return the identity, and the address that it logs in with, if it is one."""
    _must_have_been(part.added_at, f"{place}.added_at", now)
    offers = core.plugins.offers("register_providers")
    offer = offers.get(part.provider)
    if offer is None:
        raise UnknownName("provider", part.provider, list(offers))
    if not getattr(offer.value, "linkable", True):
        raise InvalidInput(f"{place}.provider", "has no identities: its keys are made here.")
    login_key, data, address = part.login_key, checked_data(part.data, field=f"{place}.data"), None
    private: dict[str, str] = {}
    if registers(offer):
        request = RegistrationRequest(login=login_key, data=data)
        try:
            asked = core.plugins.call(
                offer, "new_identity", lambda: offer.value.new_identity(request, core.services)
            )
        except InvalidInput as problem:
            raise InvalidInput(f"{place}.login_key", problem.rule, problem.next_step) from None
        login_key, data = asked.login_key, {**asked.data, **data}
        if asked.address is not None:
            address = Address(typed=asked.address, canonical=canonical(asked.address))
    if part.password_hash is not None:
        if not registers(offer):
            raise InvalidInput(f"{place}.password_hash", "is nothing this provider looks at.")
        private |= imported_private(core, offer.name, part.password_hash.reveal())
        if part.password_must_change:
            private |= {SET_BY: MUST_CHANGE}
    identity = Identity(
        provider=part.provider,
        id=part.id or core.ids.mint(now),
        login_key=login_key,
        data=data,
        private=private,
        added_at=part.added_at or created_at,
    )
    return identity, address
