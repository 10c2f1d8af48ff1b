"""Import many: a result for each row, none stops the others, one sync for many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

import attrs

from .._core import Core
from .._events import Acting
from .._ids import is_id
from .._numbers import check_number
from ..errors import AdmitError, IdentityTaken, IdTaken, InvalidInput, StoreError
from ..rows import AnyRow, UserRow, parsed, read_row, to_line
from .import_user import ImportResult, beside, import_user, next_to

_AT_ONCE: Final = 100
"""Rows that one sync settles: whoever waits for a result waits for so many."""
_MOST_ROWS: Final = 2**31


def import_users(
    core: Core, by: Acting, rows: Iterable[AnyRow], *, dry_run: bool, skip: int
) -> Iterator[ImportResult]:
    """Import each of *rows*; see `Users.import_all`."""
    check_number(skip, "skip", 0, _MOST_ROWS)
    if isinstance(rows, str | bytes | Mapping):
        raise InvalidInput("rows", "must be many: one is for import_user.")
    try:
        each = iter(rows)
    except TypeError:
        raise InvalidInput("rows", f"must be rows, not {type(rows).__name__}.") from None
    return _each(core, by, each, dry_run, skip)


def _each(
    core: Core, by: Acting, rows: Iterator[AnyRow], dry_run: bool, skip: int
) -> Iterator[ImportResult]:
    numbered = enumerate(islice(rows, skip, None), start=skip + 1)
    planned = _Planned()
    while some := list(islice(numbered, _AT_ONCE)):
        results = [_one(core, by, place, row, planned if dry_run else None) for place, row in some]
        if not dry_run:
            core.store.settle()  # nothing is told before it is durable
        yield from results


def _one(core: Core, by: Acting, place: int, row: AnyRow, planned: _Planned | None) -> ImportResult:
    user_id: str | None = None
    try:
        value = parsed(row)
        user_id = _id_in(value)  # also of a row that is refused
        read = read_row(value)
        if planned is not None:
            planned.add(read)
        result = import_user(core, by, read, dry_run=planned is not None, settle=False)
    except StoreError:
        raise  # the next one would fare no better
    except AdmitError as problem:
        result = ImportResult(user_id=user_id, outcome="refused", error=problem)
    return attrs.evolve(result, place=place)


def _id_in(row: Any) -> str | None:
    """Return the id of a row that may be no row."""
    found = row.get("id") if isinstance(row, Mapping) else getattr(row, "id", None)
    return found if is_id(found) else None


class _Planned:
    """What a dry run would have imported, so that rows which collide with each other are found."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._pending: set[str] = set()
        self._logins: dict[tuple[str, str], str | None] = {}

    def add(self, row: UserRow) -> None:
        """Remember *row*. Raises IdTaken, IdentityTaken, InvalidInput: it collides with one
        before."""
        told = hash(to_line(row))
        if row.id is not None and self._rows.setdefault(row.id, told) != told:
            raise IdTaken(row.id, row.state)
        if row.id is not None:
            other = beside(row.id)
            if other in self._pending or (row.state == "pending" and other in self._rows):
                raise next_to(other)
            if row.state == "pending":
                self._pending.add(row.id)
        for identity in row.identities:
            login = (identity.provider, identity.login_key.lower())
            if self._logins.setdefault(login, row.id) != row.id:
                raise IdentityTaken(identity.provider)
