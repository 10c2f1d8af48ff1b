"""What a TinyStore finds when it is opened: all that it found before, though it decodes no body."""

from __future__ import annotations

import gc
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_store import CHANGES, happened, id_of, put

from admit.storage import TinyStore
from admit.storage.documents import event_from, event_text, record_from, record_text
from admit.storage.heads import event_head, record_head
from admit.stores import Change, Label, Put, Record, StoredEvent

_ODD = (
    "plain",
    "",
    'a "quoted" one',
    "a\\backslash\\",
    '"],["',
    '","',
    "é𝔘\n\t",
    '"_labels":[["x","y"]]',
    "a, b] c} d",
)

_texts = st.one_of(st.sampled_from(_ODD), st.text(max_size=8))
_names = st.one_of(st.sampled_from(["_keys", "_labels", "__keys", "_sequence", "_"]), _texts)
_bodies = st.dictionaries(_names, st.one_of(_texts, st.integers(), st.lists(_texts)), max_size=3)
_numbers = st.one_of(st.none(), st.integers(1, 10**12))
_labels = st.lists(st.builds(Label, _texts, _texts), max_size=3).map(tuple)


def _odd_put(number: int, text: str) -> Put:
    labels = (Label("all", text), Label(text or "none", "1"), Label("all", text + "."))
    body = {"text": text, "_keys": ["x"], "_labels": [["no", "label"]]}
    return Put("user", id_of(number), body, None, (f"{number}{text}", f"also:{number}"), labels)


@given(_texts, _bodies, st.lists(_texts, max_size=3).map(tuple), _labels)
def test_a_head_says_what_the_record_says(
    id_text: str, body: dict[str, object], keys: tuple[str, ...], labels: tuple[Label, ...]
) -> None:
    """Given any record, when its head is cut out of its text, then its id, keys and labels are
    those of the whole record."""
    text = record_text(Record("user", id_of(len(id_text)), 10, body, keys, labels))
    whole = record_from("user", text)

    assert (whole.id, whole.keys, whole.labels) == record_head(text)


@given(st.one_of(st.none(), _texts), _numbers, _numbers, _bodies, st.one_of(st.none(), _bodies))
def test_a_head_says_what_the_event_says(
    user: str | None,
    version: int | None,
    sequence: int | None,
    body: dict[str, object],
    detail: dict[str, object] | None,
) -> None:
    """Given any event, when its head is cut out of its text, then it says the place among the
    others that the whole event says."""
    text = event_text(StoredEvent(id_of(1), body, user, version, detail, sequence), 12)
    whole, number = event_from(text)

    assert (whole.id, number, whole.user, whole.version, whole.sequence) == event_head(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"_version":3,"_id":"%024x","_labels":[["all","1"]],"_keys":["a"],"state":"x"}' % 7,
        b'{"_id":"%024x","_version":3,"_labels":[["all","1"]],"_keys":["a"]}' % 7,
    ],
    ids=["version first", "labels first"],
)
def test_a_document_in_another_order_is_decoded(text: bytes) -> None:
    """Given a document whose own fields stand in an order that we do not write, when its head is
    asked for, then it says what the document says."""
    assert (id_of(7), ("a",), (Label("all", "1"),)) == record_head(text)


@pytest.mark.parametrize("compacted", [False, True], ids=["from a log", "from a snapshot"])
def test_odd_keys_and_labels_are_found_again(path: Path, compacted: bool) -> None:
    """Given records whose keys and labels hold what JSON escapes, when the store is opened again,
    then each is found by its keys and stands in the pages where it stood."""
    with closing(TinyStore(path)) as store:
        for number, text in enumerate(_ODD, 1):
            store.commit(Change(put=(_odd_put(number, text),)))
        before = [store.page("user", name) for name in ("all", "none", *_ODD[2:])]
        if compacted:
            store.compact()

    with closing(TinyStore(path)) as store:
        assert before == [store.page("user", name) for name in ("all", "none", *_ODD[2:])]
        assert list(range(1, len(_ODD) + 1)) == [
            int(found.id, 16)
            for number, text in enumerate(_ODD, 1)
            if (found := store.find(f"{number}{text}")) is not None
        ]
        assert [] == list(store.faults())


def test_a_long_store_is_walked_in_order_when_opened(path: Path) -> None:
    """Given some thousand users, some of their events sealed, and a snapshot of them, when opened
    and written to, then pages and events come in order, the new ones among them."""
    many = range(1, 1401)
    with closing(TinyStore(path)) as store:
        puts = tuple(put(number) for number in many if number != 700)
        store.commit(Change(put=puts, events=tuple(happened(n + 5000, user=1) for n in many)))
        store.commit(Change(sequence={id_of(n + 5000): 1401 - n for n in range(1, 801)}))
        store.compact()

    with closing(TinyStore(path)) as store:
        store.commit(Change(put=(put(700),), events=(happened(9000, user=1, version=2),)))
        store.commit(Change(sequence={id_of(5801): 1402}))
        users = store.page("user", "all", limit=2000).items
        sealed = store.events(sequence_after=0, limit=2000).items
        waiting = store.events(unsealed=True, limit=2000).items

        assert [id_of(number) for number in many] == [user.id for user in users]
        assert [*range(601, 1401), 1402] == [event.sequence for event in sealed]
        assert [*range(5802, 6401), 9000] == [int(event.id, 16) for event in waiting]


@pytest.mark.parametrize("was_on", [True, False], ids=["on", "off"])
def test_opening_leaves_the_garbage_collection_as_it_was(path: Path, was_on: bool) -> None:
    """Given garbage collection on or off, when a store is opened, or cannot be, then it is as it
    was."""
    with closing(TinyStore(path)) as store:
        store.commit(CHANGES[0])
    try:
        if not was_on:
            gc.disable()
        TinyStore(path).close()
        assert was_on == gc.isenabled()
        path.write_bytes(b"no store")
        with pytest.raises(Exception, match="no store of admit"):
            TinyStore(path)
        assert was_on == gc.isenabled()
    finally:
        gc.enable()
