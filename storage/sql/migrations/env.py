"""What Alembic runs to bring a database to the newest form: over the connection that it is given.

`migrating` holds the lock, and begins and commits.
"""

from __future__ import annotations

from alembic import context

from admit.storage.sql.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table="admit_schema",
)
context.run_migrations()
