"""Brings a SQL store into a disorder, as a careless hand in its tables does."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from admit.storage.sql.tables import KEY, LABEL, RECORD

_FIRST: Final = bytes(11) + b"\1"
_SECOND: Final = bytes(11) + b"\2"


def spoil_sql(url: str, app: str, code: str) -> str:
    """Spoil one of the users 1 and 2 of an application; return which, as `kind id`."""
    row = {"app": app, "kind": "user", "id": _SECOND}
    statement: sa.Delete | sa.Insert | sa.Update
    if code == "key-lost":
        statement, id = sa.delete(KEY).where(KEY.c.app == app, KEY.c.key == b"k:1"), _FIRST
    elif code == "key-astray":
        statement, id = sa.insert(KEY).values(key=b"k:9", **row), _SECOND
    elif code == "label-lost":
        statement, id = sa.delete(LABEL).where(LABEL.c.app == app, LABEL.c.id == _FIRST), _FIRST
    elif code == "label-astray":
        at = {"name": b"m", "place": b"bob@example.com"}
        statement, id = sa.insert(LABEL).values(**at, **row), _SECOND
    else:
        where = (RECORD.c.app == app, RECORD.c.id == _SECOND)
        statement, id = sa.update(RECORD).where(*where).values(body='{"name": "bob@exam'), _SECOND
    with sa.create_engine(url, poolclass=sa.pool.NullPool).begin() as connection:
        connection.execute(statement)
    return f"user {id.hex()}"
