"""The first form: records, keys, labels, events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables. What is there already was made by somebody who was interrupted."""
    op.create_table(
        "admit_meta",
        sa.Column("app", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    op.create_table(
        "admit_record",
        sa.Column("app", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("id", sa.LargeBinary, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("marks", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "admit_key",
        sa.Column("app", sa.Text, primary_key=True),
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    op.create_table(
        "admit_label",
        sa.Column("app", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("name", sa.LargeBinary, primary_key=True),
        sa.Column("place", sa.LargeBinary, primary_key=True),
        sa.Column("id", sa.LargeBinary, primary_key=True),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    op.create_table(
        "admit_event",
        sa.Column("app", sa.Text, primary_key=True),
        sa.Column("id", sa.LargeBinary, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.LargeBinary),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("detail", sa.Text),
        if_not_exists=True,
    )
    _index("of_user", ["app", "user_id", "version", "number", "id"], "user_id IS NOT NULL")
    _index("unsealed", ["app", "number", "id"], "sequence IS NULL")
    _index("sealed", ["app", "sequence", "number", "id"], "sequence IS NOT NULL")


def _index(name: str, columns: list[str], only_where: str) -> None:
    where = sa.text(only_where)
    op.create_index(
        f"admit_event_{name}",
        "admit_event",
        columns,
        postgresql_where=where,
        sqlite_where=where,
        if_not_exists=True,
    )
