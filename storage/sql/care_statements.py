"""What is said to a database to walk over a store, restore it or look through it."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from .statements import compiled, inserting, next_number, same_record
from .tables import EVENT, KEY, LABEL, RECORD

_b: Final = sa.bindparam


class CareStatements:
    """The statements in one database's dialect; made when they are first needed."""

    def __init__(self, dialect: sa.Dialect) -> None:
        record, key, label, event = RECORD.c, KEY.c, LABEL.c, EVENT.c
        app: sa.BindParameter[str] = _b("of_app")

        self.next_kind = compiled(
            sa.select(sa.func.min(record.kind)).where(
                record.app == app, record.kind > _b("after_kind")
            ),
            dialect,
        )
        self.records = compiled(
            sa.select(record.id, record.version, record.marks, record.body)
            .where(record.app == app, record.kind == _b("of_kind"))
            .order_by(record.id),
            dialect,
        )
        events = sa.select(
            event.id, event.user_id, event.version, event.sequence, event.body, event.detail
        ).where(event.app == app)
        self.events = compiled(events.order_by(event.number, event.id), dialect)
        self.events_by_user = compiled(
            events.where(event.user_id.is_not(None)).order_by(
                event.user_id, event.version, event.number, event.id
            ),
            dialect,
        )

        # Each with the marks of the record that it leads to, if that is there.
        self.keys = compiled(
            sa.select(key.key, key.kind, key.id, record.marks)
            .select_from(KEY.outerjoin(RECORD, same_record(KEY, RECORD)))
            .where(key.app == app),
            dialect,
        )
        self.labels = compiled(
            sa.select(label.name, label.place, label.kind, label.id, record.marks)
            .select_from(LABEL.outerjoin(RECORD, same_record(LABEL, RECORD)))
            .where(label.app == app),
            dialect,
        )
        self.holder = compiled(
            sa.select(key.kind, key.id).where(key.app == app, key.key == _b("of_key")), dialect
        )
        self.place = compiled(
            sa.select(label.id).where(
                label.app == app,
                label.kind == _b("of_kind"),
                label.name == _b("of_name"),
                label.place == _b("of_place"),
                label.id == _b("of_id"),
            ),
            dialect,
        )

        self.record_counts = compiled(
            sa.select(record.kind, sa.func.count()).where(record.app == app).group_by(record.kind),
            dialect,
        )
        self.event_counts = compiled(
            sa.select(sa.func.count(), sa.func.count(event.sequence)).where(event.app == app),
            dialect,
        )

        self.next_number = compiled(sa.select(next_number(dialect)), dialect)
        # An event that is there keeps its number: its place in the order of commits.
        kept = ("app", "id", "number")
        changed = [c.name for c in event if c.name not in kept]
        self.restore_event = inserting(
            EVENT,
            dialect,
            lambda insert: insert.on_conflict_do_update(
                index_elements=["app", "id"], set_={name: insert.excluded[name] for name in changed}
            ),
        )
