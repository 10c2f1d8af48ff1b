"""The index beside a snapshot: with it a store opens sooner, and holds no more and no less."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from small_store import UnsyncedFiles, id_of

from admit.errors import StoreDamaged
from admit.storage import TinyStore
from admit.stores import Change, Label, NewEvent, Put

MANY = 1100
"""More than one piece of an index holds."""

ODD = ("plain", 'a "quoted" one', "a\\backslash\\", '"],["', "é𝔘\n\t", "")


@pytest.fixture
def index(path: Path) -> Path:
    """Return where the index stands."""
    return path.with_name(path.name + ".index")


def opened(path: Path, *, read_only: bool = False, index_at_bytes: int = 0) -> TinyStore:
    """Open a store that writes an index whatever its length."""
    return TinyStore(
        path, read_only=read_only, files=UnsyncedFiles(), index_at_bytes=index_at_bytes
    )


def everything(store: TinyStore) -> list[object]:
    """Return the answers of a store to all that can be asked of it."""
    labels = ("all", "half", *ODD)
    users = [*[id_of(n) for n in range(0, MANY, 50)], "nobody's", "0" * 24]
    with store.view() as view:
        events = list(view.events())
        return [
            store.stats().records,
            store.stats().unsealed_events,
            [list(view.records(kind)) for kind in view.kinds()],
            events,
            list(view.events_by_user()),
            [store.page(kind, label, limit=2 * MANY) for kind in "ab" for label in labels],
            [store.find(f"key:{n}") for n in range(MANY)],
            [store.find(f"{text}{n}") for text in ODD for n in range(len(ODD))],
            [store.events(user=user, limit=2 * MANY) for user in users],
            store.events(sequence_after=0, limit=2 * MANY),
            store.events(unsealed=True, limit=2 * MANY),
            [store.get("event", event.id) for event in events[::50]],
            list(store.faults()),
        ]


def fill(store: TinyStore) -> None:
    """Write records of two kinds, some with several keys and labels, or none, and events."""
    puts = [
        Put("a", id_of(n), {"n": n}, None, (f"key:{n}",), (Label("all", str(n % 7)),))
        for n in range(MANY)
    ]
    puts += [
        Put(
            "b",
            id_of(n),
            {},
            None,
            (f"{text}{n}", f"also{n}"),
            (Label(text, text), Label("all", text)),
        )
        for n, text in enumerate(ODD)
    ]
    puts.append(Put("b", id_of(77), {}, None))
    users = [None, "nobody's", "0" * 24, *[id_of(n) for n in range(0, MANY, 50)]]
    events = [
        NewEvent(id_of(10_000 + n), {"n": n}, users[n % len(users)], n % 3 or None, {"detail": n})
        for n in range(MANY)
    ]
    store.commit(Change(put=tuple(puts), events=tuple(events)))
    store.commit(
        Change(
            sequence={id_of(10_000 + n): 2 * MANY - n for n in range(0, MANY, 3)},
            erase=tuple(id_of(10_000 + n) for n in range(0, MANY, 5)),
            forget=tuple(id_of(10_000 + n) for n in range(0, MANY, 7)),
        )
    )


@pytest.fixture
def compacted(path: Path) -> list[object]:
    """Leave a compacted store, closed, and return all that it holds."""
    with closing(opened(path)) as store:
        fill(store)
        before = everything(store)
        store.compact()
        assert before == everything(store)
    return before


def test_with_an_index_and_without_it_the_same_is_found(
    path: Path, index: Path, compacted: list[object]
) -> None:
    """
    Given a compacted store of records and events, with odd keys, labels and users,
    when it is opened with its index and without, and then written to and compacted again,
    then every answer is the same, and nothing in it does not fit.
    """
    shutil.copytree(path.parent, path.parent / "without")
    without = path.parent / "without" / path.name
    (without.parent / index.name).unlink()
    assert index.exists()

    with closing(opened(path)) as one, closing(opened(without)) as other:
        assert compacted == everything(one) == everything(other)
        for store in (one, other):
            more = NewEvent(id_of(9_999), {}, id_of(50), 9)
            store.commit(Change(put=(Put("a", id_of(5), {}, 1),), events=(more,)))
            store.commit(Change(sequence={id_of(10_001): 1}, forget=(id_of(10_002),)))
        changed = everything(one)
        assert compacted != changed == everything(other)
        one.compact()
        assert changed == everything(one)
    with closing(opened(path)) as again:
        assert changed == everything(again)
        assert [] == changed[-1]


SPOILS: tuple[Callable[[bytes], bytes], ...] = (
    lambda kept: b"",
    lambda kept: kept[:100],
    lambda kept: kept[:-1],
    lambda kept: kept + b"{}",
    lambda kept: kept.replace(b'"generation":2', b'"generation":1'),
    lambda kept: kept.replace(b'"admit_index":1', b'"admit_index":2'),
    lambda kept: kept.replace(b'"byteorder":"', b'"byteorder":"un'),
    *[lambda kept, at=at: _flipped(kept, at) for at in (5, 70, 90, 5_000, 50_000, -9)],
)


def test_an_index_that_is_not_right_is_let_be(
    path: Path, index: Path, compacted: list[object]
) -> None:
    """Given an index that is cut off, longer, damaged, or of another form, machine or generation,
    when the store is opened to read and to write, then it holds what it held, and the index is
    gone: what was erased since may stand in it."""
    kept = index.read_bytes()
    for spoil in SPOILS:
        spoilt = spoil(kept)
        assert kept != spoilt
        index.write_bytes(spoilt)

        opened(path, read_only=True).close()
        assert spoilt == index.read_bytes()
        with closing(opened(path)) as store:
            assert compacted == everything(store)
        assert not index.exists()


def _flipped(kept: bytes, at: int) -> bytes:
    spoilt = bytearray(kept)
    spoilt[at] ^= 1
    return bytes(spoilt)


def test_an_index_of_another_snapshot_is_let_be(path: Path, index: Path) -> None:
    """Given a store that was compacted in another way in a copy of it, when the index of one is put
    beside the snapshot of the other, both of one generation, then it is not used."""
    with closing(opened(path)) as store:
        fill(store)
    shutil.copytree(path.parent, path.parent / "other")
    with closing(opened(path.parent / "other" / path.name)) as store:
        store.commit(Change(put=(Put("a", id_of(5), {"other": True}, 1),)))
        store.compact()
    with closing(opened(path)) as store:
        store.compact()
        before = everything(store)

    index.write_bytes((path.parent / "other" / index.name).read_bytes())

    with closing(opened(path)) as store:
        assert before == everything(store)


def test_a_damaged_snapshot_is_refused_though_its_index_is_whole(
    path: Path, index: Path, compacted: list[object]
) -> None:
    """Given a byte of the snapshot that was changed, in a body, when opened with the index, then
    the damage is told."""
    text = path.read_bytes()
    path.write_bytes(text.replace(b'"n":1034', b'"n":1035', 1))
    assert text != path.read_bytes()
    assert compacted
    assert index.exists()

    with pytest.raises(StoreDamaged, match="checksum"):
        opened(path)


def test_only_a_long_snapshot_has_an_index(path: Path, index: Path) -> None:
    """Given a store with an index, when its snapshot is shorter than that pays for, then the next
    compaction takes the index away; and the index is read by its owner alone."""
    with closing(opened(path)) as store:
        fill(store)
        store.compact()
    assert 0o600 == stat.S_IMODE(index.stat().st_mode)

    with closing(opened(path, index_at_bytes=path.stat().st_size)) as store:
        store.compact()
        assert index.exists()
    with closing(opened(path, index_at_bytes=path.stat().st_size + 1)) as store:
        store.compact()
    assert not index.exists()


def test_a_compaction_does_without_an_index_that_cannot_be_written(path: Path, index: Path) -> None:
    """Given a folder in the place of the index, when the store is compacted, then it is, and it
    opens."""
    index.mkdir()
    with closing(opened(path)) as store:
        fill(store)
        store.compact()
        before = everything(store)

    with closing(opened(path)) as store:
        assert before == everything(store)
