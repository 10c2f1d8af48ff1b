"""Everything that a SQL store says to its database, as the text that its driver takes.

The order of commits, which `number` keeps: a commit that was answered before another one began
stands before it; commits that overlapped stand either way. A counter would make writers
wait for each other, so a number is the microseconds of a clock: on a server its own, at the
beginning of the transaction; on SQLite, which has one writer at a time, that of this machine, but
more than that of any event not sealed yet, should the clock step back. The events of one commit
count on from there, and ids decide between commits of one microsecond.
"""

from __future__ import annotations

from typing import Any, Final

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from .tables import EVENT, KEY, LABEL, META, RECORD

_b: Final = sa.bindparam
_Int: Final = sa.BigInteger
_Bytes: Final = sa.LargeBinary
_ONE: Final[sa.ColumnElement[int]] = sa.literal_column("1")

LAST_PLACE: Final = (1 << 63) - 1
"""A number behind every event's."""
LAST_ID: Final = b"\xff" * 13
"""Bytes behind every id."""


@attrs.frozen
class Statement:
    """A text for the driver, and the parameters that are always the same."""

    text: str
    constants: dict[str, Any]

    def parameters(self, **given: Any) -> dict[str, Any]:
        """Return what is handed to the driver beside the text."""
        return given | self.constants if self.constants else given


class Statements:
    """The statements in one database's dialect. Parameters go by name."""

    def __init__(self, dialect: sa.Dialect) -> None:
        self._dialect = dialect
        self._several: dict[int, Statement] = {}
        self._read_records()
        self._read_events()
        self._write_records()
        self._write_events()
        name: sa.ColumnElement[str] = sa.literal_column("'settled'")
        settled = self._insert_into(META).values(app=_b("of_app"), name=name, value=_ONE)
        self.settle = self._text(
            settled.on_conflict_do_update(
                index_elements=["app", "name"], set_={"value": META.c.value + _ONE}
            )
        )

    def several(self, how_many: int) -> Statement:
        """Return the statement that reads so many records, by `kind_0`, `id_0`, … ."""
        found = self._several.get(how_many)
        if found is None:
            wanted = sa.or_(
                *[
                    sa.and_(
                        RECORD.c.kind == _b(f"kind_{n}"), RECORD.c.id == _b(f"id_{n}", type_=_Bytes)
                    )
                    for n in range(how_many)
                ]
            )
            columns = RECORD.c
            found = self._several[how_many] = self._text(
                sa.select(
                    columns.kind, columns.id, columns.version, columns.marks, columns.body
                ).where(columns.app == _b("of_app"), wanted)
            )
        return found

    def _read_records(self) -> None:
        columns = RECORD.c
        content = (columns.version, columns.marks, columns.body)
        self.get = self._text(
            sa.select(*content).where(
                columns.app == _b("of_app"),
                columns.kind == _b("of_kind"),
                columns.id == _b("of_id"),
            )
        )
        found = KEY.join(RECORD, _same(KEY, RECORD))
        self.find = self._text(
            sa.select(columns.kind, columns.id, *content)
            .select_from(found)
            .where(KEY.c.app == _b("of_app"), KEY.c.key == _b("of_key"))
        )
        label = LABEL.c
        place = sa.tuple_(label.place, label.id)
        cursor = sa.tuple_(_b("after_place", type_=_Bytes), _b("after_id", type_=_Bytes))
        page = (
            sa.select(label.place, columns.id, *content)
            .select_from(LABEL.join(RECORD, _same(LABEL, RECORD)))
            .where(
                label.app == _b("of_app"), label.kind == _b("of_kind"), label.name == _b("of_name")
            )
            .limit(_b("most", type_=sa.Integer))
        )
        backwards = page.order_by(label.place.desc(), label.id.desc())
        self.page = self._text(page.where(place > cursor).order_by(label.place, label.id))
        self.page_back = self._text(backwards.where(place < cursor))
        self.page_from_end = self._text(backwards)
        self.count = self._text(
            sa.select(sa.func.count())
            .select_from(LABEL)
            .where(
                label.app == _b("of_app"), label.kind == _b("of_kind"), label.name == _b("of_name")
            )
        )

    def _read_events(self) -> None:
        event = EVENT.c
        self.event_body = self._text(
            sa.select(event.body).where(event.app == _b("of_app"), event.id == _b("of_id"))
        )
        number, id = _b("after_number", type_=_Int), _b("after_id", type_=_Bytes)
        columns = (event.id, event.user_id, event.version, event.sequence, event.body, event.detail)
        events = (
            sa.select(event.number, *columns)
            .where(event.app == _b("of_app"))
            .limit(_b("most", type_=sa.Integer))
        )
        self.events_of_user = self._text(
            events.where(
                event.user_id == _b("of_user"),
                sa.tuple_(event.version, event.number, event.id)
                > sa.tuple_(_b("after_first", type_=_Int), number, id),
            ).order_by(event.version, event.number, event.id)
        )
        self.events_sealed = self._text(
            events.where(
                event.sequence.is_not(None),
                sa.tuple_(event.sequence, event.number, event.id)
                > sa.tuple_(_b("after_first", type_=_Int), number, id),
            ).order_by(event.sequence, event.number, event.id)
        )
        self.events_unsealed = self._text(
            events.where(
                event.sequence.is_(None),
                sa.tuple_(event.number, event.id) > sa.tuple_(number, id),
            ).order_by(event.number, event.id)
        )

    def _write_records(self) -> None:
        record = RECORD.c
        this_record = (
            record.app == _b("of_app"),
            record.kind == _b("of_kind"),
            record.id == _b("of_id"),
            record.version == _b("old_version"),
            record.marks == _b("old_marks"),
        )
        self.insert_record = self._insert(RECORD)
        self.update_record = self._text(
            sa.update(RECORD)
            .where(*this_record)
            .values(version=_b("version"), marks=_b("marks"), body=_b("body"))
        )
        self.delete_record = self._text(sa.delete(RECORD).where(*this_record))
        self.insert_key = self._insert(KEY)
        self.delete_key = self._text(_delete_row(KEY))
        self.insert_label = self._insert(LABEL)
        self.delete_label = self._text(_delete_row(LABEL))

    def _write_events(self) -> None:
        event = EVENT.c
        this_event = (event.app == _b("of_app"), event.id == _b("of_id"))
        number: sa.ColumnElement[int]
        if self._dialect.name == "sqlite":
            last = sa.select(sa.func.coalesce(sa.func.max(event.number) + _ONE, _ONE))
            last = last.where(event.app == _b("app"), event.sequence.is_(None))
            number = sa.func.max(_b("now_us", type_=_Int), last.scalar_subquery())
        else:
            microseconds = sa.extract("epoch", sa.func.now()) * sa.literal_column("1000000")
            number = sa.cast(microseconds, _Int) + _b("place", type_=_Int)
        self.insert_event = self._insert(EVENT, number=number)
        self.seal_event = self._text(
            sa.update(EVENT).where(*this_event).values(sequence=_b("sequence"))
        )
        self.erase_event = self._text(sa.update(EVENT).where(*this_event).values(detail=sa.null()))
        self.forget_event = self._text(sa.delete(EVENT).where(*this_event))

    def _insert(self, table: sa.Table, **expressions: sa.ColumnElement[Any]) -> Statement:
        """Insert a row, or nothing if there is one with its key."""
        values: dict[str, sa.ColumnElement[Any]] = {c.name: _b(c.name) for c in table.columns}
        values |= expressions
        insert = self._insert_into(table).values(**values)
        return self._text(insert.on_conflict_do_nothing())

    def _insert_into(self, table: sa.Table) -> Any:
        return (sqlite if self._dialect.name == "sqlite" else postgresql).insert(table)

    def _text(self, statement: sa.ClauseElement) -> Statement:
        compiled = statement.compile(dialect=self._dialect)
        constants = {
            name: value for name, value in (compiled.params or {}).items() if value is not None
        }
        return Statement(compiled.string, constants)


def _same(table: sa.Table, record: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(*[table.c[name] == record.c[name] for name in ("app", "kind", "id")])


def _delete_row(table: sa.Table) -> sa.Delete:
    return sa.delete(table).where(*[column == _b(column.name) for column in table.columns])
