"""Everything that a SQL store says to its database, as the text that its driver takes.

The order of commits, which `number` keeps: a commit that was answered before another one began
stands before it; commits that overlapped stand either way. A counter would make writers
wait for each other, so a number is the microseconds of a clock: on a server its own, at the
beginning of the transaction; on SQLite, which has one writer at a time, that of this machine, but
more than that of any event not sealed yet, should the clock step back. The events of one commit
count on from there, and ids decide between commits of one microsecond.
"""

from __future__ import annotations

from collections.abc import Callable
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
    many: str | None = None
    """The same for many rows at once: each parameter is the list of all rows' values."""
    may_prepare: bool = True
    """Whether a plan may be kept: one made for a small table may be slow when it has grown."""

    def parameters(self, **given: Any) -> dict[str, Any]:
        """Return what is handed to the driver beside the text."""
        return given | self.constants if self.constants else given


class Statements:
    """The statements in one database's dialect. Parameters go by name."""

    def __init__(self, dialect: sa.Dialect) -> None:
        self._dialect = dialect
        self._several: dict[tuple[int, bool], Statement] = {}
        self._read_records()
        self._read_events()
        self._write_records()
        self._write_events()
        name: sa.ColumnElement[str] = sa.literal_column("'settled'")
        settled = insert_into(META, dialect).values(app=_b("of_app"), name=name, value=_ONE)
        self.settle = self._text(
            settled.on_conflict_do_update(
                index_elements=["app", "name"], set_={"value": META.c.value + _ONE}
            )
        )

    def several(self, how_many: int, *, locked: bool = False) -> Statement:
        """Return the statement that reads so many records, by `kind_0`, `id_0`, … ; *locked*: and
        keeps others from writing them until the transaction ends."""
        found = self._several.get((how_many, locked))
        if found is None:
            record = RECORD.c
            # The application in each: SQLite would look for it alone, and read all that it has.
            wanted = [
                sa.and_(
                    record.app == _b("of_app"),
                    record.kind == _b(f"kind_{n}"),
                    record.id == _b(f"id_{n}", type_=_Bytes),
                )
                for n in range(how_many)
            ]
            columns = (record.kind, record.id, record.version, record.marks, record.body)
            select = sa.select(*columns).where(sa.or_(*wanted))
            text = self._text(select.with_for_update() if locked else select)
            found = attrs.evolve(text, may_prepare=how_many == 1)
            self._several[how_many, locked] = found
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
        found = KEY.join(RECORD, same_record(KEY, RECORD))
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
            .select_from(LABEL.join(RECORD, same_record(LABEL, RECORD)))
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
        number = (
            next_number(self._dialect)
            if self._dialect.name == "sqlite"
            else _server_clock() + _b("place", type_=_Int)
        )
        values: dict[str, Any] = {c.name: _b(c.name) for c in event} | {"number": number}
        insert = insert_into(EVENT, self._dialect).values(values)
        self.insert_event = self._text(insert.on_conflict_do_nothing())
        self.seal_event = self._text(
            sa.update(EVENT).where(*this_event).values(sequence=_b("sequence"))
        )
        self.erase_event = self._text(sa.update(EVENT).where(*this_event).values(detail=sa.null()))
        self.forget_event = self._text(sa.delete(EVENT).where(*this_event))

    def _insert(self, table: sa.Table) -> Statement:
        """Insert a row, or nothing if there is one with its key."""
        return inserting(table, self._dialect, lambda insert: insert.on_conflict_do_nothing())

    def _text(self, statement: sa.ClauseElement) -> Statement:
        return compiled(statement, self._dialect)


def compiled(statement: sa.ClauseElement, dialect: sa.Dialect) -> Statement:
    """Return the statement as text in a dialect."""
    text = statement.compile(dialect=dialect)
    constants = {name: value for name, value in (text.params or {}).items() if value is not None}
    return Statement(text.string, constants)


def inserting(
    table: sa.Table, dialect: sa.Dialect, if_there: Callable[[Any], sa.ClauseElement]
) -> Statement:
    """Return an INSERT of a row of *table*, its parameters named as the columns are; *if_there*
    adds what is done if there is one with its key."""
    insert = insert_into(table, dialect)
    names = [column.name for column in table.columns]
    one = compiled(if_there(insert.values({name: _b(name) for name in names})), dialect)
    if dialect.name == "sqlite":
        return one
    # PostgreSQL takes a hundred rows in the time of two if they come as one array a column.
    arrays = [sa.cast(_b(c.name), postgresql.ARRAY(c.type)) for c in table.columns]
    rows = sa.func.unnest(*arrays).table_valued(*names).render_derived()
    many = if_there(insert.from_select(names, sa.select(*[rows.c[name] for name in names])))
    return attrs.evolve(one, many=compiled(many, dialect).text)


def insert_into(table: sa.Table, dialect: sa.Dialect) -> Any:
    """Return an INSERT that can say what to do if a row is there: each dialect has its own."""
    return (sqlite if dialect.name == "sqlite" else postgresql).insert(table)


def next_number(dialect: sa.Dialect) -> sa.ColumnElement[int]:
    """Return the number of an event behind all that are there. On SQLite it needs `now_us`."""
    last = sa.select(sa.func.coalesce(sa.func.max(EVENT.c.number) + _ONE, _ONE))
    last = last.where(EVENT.c.app == _b("app"), EVENT.c.sequence.is_(None))
    if dialect.name == "sqlite":
        return sa.func.max(_b("now_us", type_=_Int), last.scalar_subquery())
    return sa.func.greatest(_server_clock(), last.scalar_subquery())


def _server_clock() -> sa.ColumnElement[int]:
    microseconds = sa.extract("epoch", sa.func.now()) * sa.literal_column("1000000")
    return sa.cast(microseconds, _Int)


def same_record(table: sa.Table, record: sa.Table) -> sa.ColumnElement[bool]:
    """Return the condition that a row of *table* names the record of a row of *record*."""
    return sa.and_(*[table.c[name] == record.c[name] for name in ("app", "kind", "id")])


def _delete_row(table: sa.Table) -> sa.Delete:
    return sa.delete(table).where(*[column == _b(column.name) for column in table.columns])
