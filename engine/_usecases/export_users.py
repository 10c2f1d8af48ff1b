"""Export many: users as rows that another system, or another store, can take in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .._codec import user_from
from .._commits import record
from .._core import Core
from .._events import Acting, Happening
from .._plugins import Offer
from ..masked import Secret
from ..records import Identity, User
from ..rows import AddressRow, IdentityRow, UserRow
from ..stores import Cursor, Ref
from .custom_data import KIND
from .given_passwords import must_be_changed

_PAGE: Final = 200


def export_users(core: Core, by: Acting, label: str, *, hashes: bool) -> Iterator[UserRow]:
    """Record that users are taken along, and yield each; see `Users.export_all`."""
    codes = {"users": label, "hashes": "yes" if hashes else "no"}
    record(core, by, [Happening("export", codes=codes)])
    return _each(core, label, hashes)


def _each(core: Core, label: str, hashes: bool) -> Iterator[UserRow]:
    offers = core.plugins.offers("register_providers")
    after: Cursor | None = None
    while True:
        page = core.store.page("user", label, after, _PAGE)
        users = [user_from(found) for found in page.items]
        documents = core.store.get_many([Ref(KIND, user.id) for user in users])
        for user, document in zip(users, documents, strict=True):
            if user.state == "deleted" or user.type != "normal":
                continue  # a server key's own user is nobody without it
            logins = [
                _identity(core, offers.get(one.provider), one, hashes)
                for one in user.identities
                if one.login_key is not None
            ]
            yield _row(user, logins, None if document is None else document.body["data"])
        after = page.next
        if after is None:
            return


def _row(user: User, logins: list[IdentityRow], data: object) -> UserRow:
    assert user.state != "deleted", "who was deleted does not move"
    return UserRow(
        id=user.id,
        state=user.state,
        disabled=user.disabled,
        identities=tuple(logins),
        addresses=tuple(
            AddressRow(typed=one.typed, proved_at=one.proved_at, proved_by=one.proved_by)
            for one in user.addresses
        ),
        created_at=user.created_at,
        confirmed_at=user.confirmed_at,
        delete_at=user.delete_at,
        first_log_in_at=user.first_log_in_at,
        last_seen_at=user.last_seen_at,
        custom_data=data if isinstance(data, dict) and data else None,
    )


def _identity(core: Core, offer: Offer | None, one: Identity, hashes: bool) -> IdentityRow:
    hashed: Secret | None = None
    if hashes and offer is not None and hasattr(offer.value, "exported_hash"):
        hashed = core.plugins.call(offer, "exported_hash", lambda: offer.value.exported_hash(one))
    assert one.login_key is not None, "an identity without one is not exported"
    return IdentityRow(
        provider=one.provider,
        login_key=one.login_key,
        id=one.id,
        data=one.data,
        password_hash=hashed,
        password_must_change=hashed is not None and must_be_changed(one),
        added_at=one.added_at,
    )
