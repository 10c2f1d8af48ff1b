"""The tables of the SQL stores, the same on every database.

Every primary key begins with the application, and what must be unique – keys, ids of events –
stands in it, so that a database may spread each table over machines. Nothing is counted up by the
database, nothing refers to another table.

Texts that are compared are kept as bytes: UTF-8 orders as code points do, whatever the database's
collation and encoding, and holds the NUL that PostgreSQL's text refuses. An id is its twelve bytes,
which `psql` shows as its hex digits.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

METADATA: Final = sa.MetaData()

RECORD: Final = sa.Table(
    "admit_record",
    METADATA,
    sa.Column("app", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("id", sa.LargeBinary, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    # Its keys and labels, so that it is read, compared and set with one row: see `texts.Marks`.
    sa.Column("marks", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)

KEY: Final = sa.Table(
    "admit_key",
    METADATA,
    sa.Column("app", sa.Text, primary_key=True),
    sa.Column("key", sa.LargeBinary, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("id", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

LABEL: Final = sa.Table(
    "admit_label",
    METADATA,
    sa.Column("app", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("name", sa.LargeBinary, primary_key=True),
    sa.Column("place", sa.LargeBinary, primary_key=True),
    sa.Column("id", sa.LargeBinary, primary_key=True),
    sqlite_with_rowid=False,
)

EVENT: Final = sa.Table(
    "admit_event",
    METADATA,
    sa.Column("app", sa.Text, primary_key=True),
    sa.Column("id", sa.LargeBinary, primary_key=True),
    # The order of commits: see `statements`.
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("user_id", sa.LargeBinary),
    # 0: it names none. Such an event stands before all others of its user.
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("sequence", sa.BigInteger),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("detail", sa.Text),
)

_of_user: Final = EVENT.c.user_id.is_not(None)
_unsealed: Final = EVENT.c.sequence.is_(None)
_sealed: Final = EVENT.c.sequence.is_not(None)

sa.Index(
    "admit_event_of_user",
    EVENT.c.app,
    EVENT.c.user_id,
    EVENT.c.version,
    EVENT.c.number,
    EVENT.c.id,
    postgresql_where=_of_user,
    sqlite_where=_of_user,
)
sa.Index(
    "admit_event_unsealed",
    EVENT.c.app,
    EVENT.c.number,
    EVENT.c.id,
    postgresql_where=_unsealed,
    sqlite_where=_unsealed,
)
sa.Index(
    "admit_event_sealed",
    EVENT.c.app,
    EVENT.c.sequence,
    EVENT.c.number,
    EVENT.c.id,
    postgresql_where=_sealed,
    sqlite_where=_sealed,
)

META: Final = sa.Table(
    "admit_meta",
    METADATA,
    # What concerns the whole database stands under the application "", which nobody can have.
    sa.Column("app", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
