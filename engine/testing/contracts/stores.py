"""What `admit.stores.Store` promises, as a test suite."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, Protocol

import pytest

from ...errors import StoreClosed, StoreReadOnly
from ...stores import (
    Change,
    Cursor,
    KeyTaken,
    Label,
    NewEvent,
    Page,
    Put,
    Record,
    Ref,
    Remove,
    Store,
    StoredEvent,
    VersionMoved,
)

HOSTILE_TEXTS: Final = {
    "nul": "a\0b",
    "controls": "\x01\t\r\n\x7f",
    "bidi": "\u202eadmin\u202c\u2066",
    "astral": "𝔘𝔫𝔦 \U0001f469\u200d\U0001f680 \U0010fffd",
    "combining": "e\u0301 é ﬁ İ",
    "separators": "\u2028\u2029\u0085\ufeff",
    "quotes": "'\"\\`;--%_$1{}[]",
    "empty": "",
}
"""Texts that a store must keep as they are, wherever a text may stand."""

LARGE_BYTES: Final = 256 * 1024
"""The largest body there is: custom data (design.md §9)."""

_THREADS: Final = 8


class Reopen(Protocol):
    """Closes nothing: opens once more what a store keeps."""

    def __call__(self, store: Store, *, read_only: bool = False) -> Store: ...


def id_of(number: int) -> str:
    """Return an id: *number* as 24 hex digits."""
    return f"{number:024x}"


def user(
    number: int,
    body: Mapping[str, Any] | None = None,
    *,
    expects: int | None = None,
    keys: Sequence[str] = (),
    labels: Sequence[tuple[str, str]] = (),
) -> Put:
    """Return the write of a user."""
    return Put(
        "user",
        id_of(number),
        {"n": number} if body is None else body,
        expects,
        tuple(keys),
        tuple([Label(name, order) for name, order in labels]),
    )


def event(
    number: int, *, user: int | None = None, version: int | None = None, detail: Any = None
) -> NewEvent:
    """Return an event of a user, or of nobody."""
    body: dict[str, Any] = {"id": id_of(number), "trigger": "test"}
    return NewEvent(id_of(number), body, None if user is None else id_of(user), version, detail)


def numbers(page: Page[Record] | Page[StoredEvent]) -> list[int]:
    """Return the numbers of which the ids on a page were made."""
    return [int(item.id, 16) for item in page.items]


class StoreContract:
    """Subclass it, override `store`, and `reopen` unless the store forgets what it kept.

    class TestMyStore(StoreContract):
        @pytest.fixture
        def store(self, tmp_path):
            with closing(MyStore(tmp_path)) as store:
                yield store
    """

    lacks: ClassVar[frozenset[str]] = frozenset()
    """What the store cannot do, by name: `reopen` (nothing is kept when it is closed). Each test
    that needs it is reported as skipped, with this reason."""

    @pytest.fixture
    def store(self) -> Store:
        """Return a new, empty store; close it after the test."""
        raise NotImplementedError("override the fixture `store`")

    @pytest.fixture
    def reopen(self) -> Reopen:
        """Return a function that opens once more what a store keeps, while that may be open."""
        if "reopen" in self.lacks:
            pytest.skip("the store declares that it lacks: reopen")
        raise NotImplementedError("override the fixture `reopen`, or declare lacks = {'reopen'}")

    # One record

    def test_a_record_comes_back_as_it_was_put(self, store: Store) -> None:
        """Given a record with all it can have, when it is got, then nothing is missing."""
        body = {"text": "a", "n": 1, "f": 0.5, "none": None, "yes": True, "list": [1, {"b": []}]}
        labels = (Label("all", "2024"), Label("address", "ada@example.com"))

        store.commit(Change(put=(Put("user", id_of(1), body, None, ("k:1", "k:2"), labels),)))

        expected = Record("user", id_of(1), 1, body, ("k:1", "k:2"), labels)
        assert expected == store.get("user", id_of(1))

    def test_what_is_not_there_is_none(self, store: Store) -> None:
        """Given a user, when another id, kind or key is asked for, then the answer is None."""
        store.commit(Change(put=(user(1, keys=["k"]),)))

        assert store.get("user", id_of(2)) is None
        assert store.get("session", id_of(1)) is None
        assert store.find("K") is None

    def test_one_id_may_name_records_of_several_kinds(self, store: Store) -> None:
        """Given a user and his custom data under one id, when got, then each is its own."""
        data = Put("custom-data", id_of(1), {"colour": "green"})

        store.commit(Change(put=(user(1), data)))
        store.commit(Change(remove=(Remove("user", id_of(1)),)))

        kept = store.get("custom-data", id_of(1))
        assert kept is not None
        assert kept.body == {"colour": "green"}

    def test_an_update_replaces_body_keys_and_labels(self, store: Store) -> None:
        """Given a record, when it is put again, then nothing of the old one is left."""
        store.commit(Change(put=(user(1, {"a": 1}, keys=["old"], labels=[("pending", "1")]),)))

        store.commit(
            Change(put=(user(1, {"b": 2}, expects=1, keys=["new"], labels=[("confirmed", "1")]),))
        )

        expected = Record("user", id_of(1), 2, {"b": 2}, ("new",), (Label("confirmed", "1"),))
        assert expected == store.get("user", id_of(1)) == store.find("new")
        assert store.find("old") is None
        assert (store.count("user", "pending"), store.count("user", "confirmed")) == (0, 1)

    def test_a_removed_record_leaves_no_key_and_no_label(self, store: Store) -> None:
        """Given a record, when it is removed, then it cannot be found in any way."""
        store.commit(Change(put=(user(1, keys=["k"], labels=[("all", "1")]),)))

        store.commit(Change(remove=(Remove("user", id_of(1), 1),)))

        assert store.get("user", id_of(1)) is None
        assert store.find("k") is None
        assert Page(()) == store.page("user", "all")
        assert store.count("user", "all") == 0

    def test_a_removed_record_may_be_put_again_from_version_one(self, store: Store) -> None:
        """Given a removed record, when its id is put anew, then it has the version 1."""
        store.commit(Change(put=(user(1),)))
        store.commit(Change(remove=(Remove("user", id_of(1)),)))

        store.commit(Change(put=(user(1),)))

        again = store.get("user", id_of(1))
        assert again is not None
        assert again.version == 1

    def test_a_change_of_nothing_is_let_pass(self, store: Store) -> None:
        """Given an empty change, when it is committed, then nothing happens."""
        store.commit(Change())
        store.commit(Change(), settle=False)

    @pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS)
    def test_any_text_is_kept_as_it_is(self, store: Store, text: str) -> None:
        """Given a hostile text, when it stands in a body, a key, a label and an event, then each
        finds it, or shows it, unchanged."""
        body = {"text": text, text: {text: [text]}}
        key = f"k:{text}"
        happened = NewEvent(id_of(9), {"said": text}, id_of(1), 1, {"detail": text})

        store.commit(
            Change(
                put=(user(1, body, keys=[key], labels=[(f"l/{text}", text)]),), events=(happened,)
            )
        )

        found = store.find(key)
        assert found is not None
        assert body == found.body
        assert numbers(store.page("user", f"l/{text}")) == [1]
        (kept,) = store.events(user=id_of(1)).items
        assert ({"said": text}, {"detail": text}) == (kept.body, kept.detail)

    @pytest.mark.parametrize(
        "name", ["id", "_id", "__id", "version", "_version", "_keys", "_labels"]
    )
    def test_a_field_may_have_any_name(self, store: Store, name: str) -> None:
        """Given fields with names that a store might use itself, when got, then they are there."""
        body = {name: "mine", f"_{name}": "mine too"}
        happened = NewEvent(id_of(9), body, None, None, body)

        store.commit(Change(put=(user(1, body),), events=(happened,)))

        kept = store.get("user", id_of(1))
        assert kept is not None
        assert (body, 1) == (kept.body, kept.version)
        (kept_event,) = store.events(unsealed=True).items
        assert (body, body) == (kept_event.body, kept_event.detail)

    def test_a_large_body_is_kept(self, store: Store) -> None:
        """Given a body of 256 kB, when it is updated and got, then it is whole."""
        body = {"text": "x" * LARGE_BYTES}
        store.commit(Change(put=(user(1, {}),)))

        store.commit(Change(put=(user(1, body, expects=1),)))

        kept = store.get("user", id_of(1))
        assert kept is not None
        assert body == kept.body

    def test_get_many_answers_in_the_order_asked(self, store: Store) -> None:
        """Given some records, when several are asked for, one twice, then each has its place."""
        store.commit(Change(put=(user(1), user(2), Put("session", id_of(3), {}))))
        refs = [
            Ref("session", id_of(3)),
            Ref("user", id_of(9)),
            Ref("user", id_of(1)),
            Ref("user", id_of(1)),
        ]

        got = store.get_many(refs)

        expected = [("session", id_of(3)), None, ("user", id_of(1)), ("user", id_of(1))]
        assert expected == [None if r is None else (r.kind, r.id) for r in got]
        assert store.get_many([]) == []

    # Versions and keys

    @pytest.mark.parametrize("expects", [None, 1, 3])
    def test_a_put_with_another_version_is_refused(self, store: Store, expects: int | None) -> None:
        """Given a record at version 2, when a put expects another one, then VersionMoved."""
        store.commit(Change(put=(user(1),)))
        store.commit(Change(put=(user(1, {"kept": True}, expects=1),)))

        with pytest.raises(VersionMoved) as refused:
            store.commit(Change(put=(user(1, {}, expects=expects),)))

        assert ("user", id_of(1)) == (refused.value.kind, refused.value.id)
        kept = store.get("user", id_of(1))
        assert kept is not None
        assert (kept.version, kept.body) == (2, {"kept": True})

    def test_an_update_of_nothing_is_refused(self, store: Store) -> None:
        """Given no record, when a put expects one, then VersionMoved and there is still none."""
        with pytest.raises(VersionMoved):
            store.commit(Change(put=(user(1, expects=1),)))

        assert store.get("user", id_of(1)) is None

    def test_a_remove_with_another_version_is_refused(self, store: Store) -> None:
        """Given a record at version 1, when a remove expects 2, then VersionMoved."""
        store.commit(Change(put=(user(1),)))

        with pytest.raises(VersionMoved):
            store.commit(Change(remove=(Remove("user", id_of(1), 2),)))
        with pytest.raises(VersionMoved):
            store.commit(Change(remove=(Remove("user", id_of(2), 1),)))

        assert store.get("user", id_of(1)) is not None

    def test_a_remove_that_expects_nothing_is_content_with_anything(self, store: Store) -> None:
        """Given a record, when it is removed twice at whatever version, then it is gone."""
        store.commit(Change(put=(user(1),)))

        store.commit(Change(remove=(Remove("user", id_of(1)),)))
        store.commit(Change(remove=(Remove("user", id_of(1)),)))

        assert store.get("user", id_of(1)) is None

    def test_a_taken_key_is_refused_with_its_name(self, store: Store) -> None:
        """Given a key with a holder, when another record, of any kind, takes it, then KeyTaken."""
        store.commit(Change(put=(user(1, keys=["k"]),)))

        for put in (user(2, keys=["mine", "k"]), Put("api-key", id_of(2), {}, None, ("k",))):
            with pytest.raises(KeyTaken) as refused:
                store.commit(Change(put=(put,)))
            assert refused.value.key == "k"

        holder = store.find("k")
        assert holder is not None
        assert id_of(1) == holder.id
        assert store.find("mine") is None

    def test_a_record_keeps_its_own_key(self, store: Store) -> None:
        """Given a record with a key, when it is put again with that key, then it still holds it."""
        store.commit(Change(put=(user(1, keys=["k"]),)))

        store.commit(Change(put=(user(1, expects=1, keys=["k", "l"]),)))

        assert store.find("k") == store.find("l") == store.get("user", id_of(1))

    def test_a_key_freed_by_an_update_may_be_taken_in_the_same_change(self, store: Store) -> None:
        """Given a holder, when he lets go of a key and another takes it at once, then it moves;
        in whichever order the change names them."""
        store.commit(Change(put=(user(1, keys=["k"]), user(2))))

        store.commit(Change(put=(user(2, expects=1, keys=["k"]), user(1, expects=1))))
        store.commit(Change(put=(user(2, expects=2), user(1, expects=2, keys=["k"]))))

        holder = store.find("k")
        assert holder is not None
        assert (id_of(1), 3) == (holder.id, holder.version)

    def test_a_key_freed_by_a_remove_may_be_taken_in_the_same_change(self, store: Store) -> None:
        """Given a holder, when he is removed and another takes the key at once, then it moves."""
        store.commit(Change(put=(user(1, keys=["k"]),)))

        store.commit(Change(put=(user(2, keys=["k"]),), remove=(Remove("user", id_of(1), 1),)))

        holder = store.find("k")
        assert holder is not None
        assert id_of(2) == holder.id

    def test_two_records_may_exchange_keys(self, store: Store) -> None:
        """Given two holders, when one change exchanges their keys, then each has the other's."""
        store.commit(Change(put=(user(1, keys=["a"]), user(2, keys=["b"]))))

        store.commit(Change(put=(user(1, expects=1, keys=["b"]), user(2, expects=1, keys=["a"]))))

        a, b = store.find("a"), store.find("b")
        assert a is not None
        assert b is not None
        assert (id_of(2), id_of(1)) == (a.id, b.id)

    def test_two_records_of_one_change_cannot_take_one_key(self, store: Store) -> None:
        """Given a free key, when two records of a change take it, then KeyTaken and neither is."""
        with pytest.raises(KeyTaken) as refused:
            store.commit(Change(put=(user(1, keys=["k"]), user(2, keys=["k"]))))

        assert refused.value.key == "k"
        assert store.get_many([Ref("user", id_of(1)), Ref("user", id_of(2))]) == [None, None]

    def test_versions_are_compared_before_keys(self, store: Store) -> None:
        """Given a change with a taken key and a moved version, then the version is named."""
        store.commit(Change(put=(user(1, keys=["k"]), user(2))))

        with pytest.raises(VersionMoved):
            store.commit(Change(put=(user(3, keys=["k"]), user(2, expects=7))))
        with pytest.raises(VersionMoved):
            store.commit(Change(put=(user(3, keys=["k"]),), remove=(Remove("user", id_of(2), 7),)))

    def test_a_refused_change_leaves_nothing(self, store: Store) -> None:
        """Given a change of many parts, one refused, then none of them happened."""
        store.commit(
            Change(
                put=(user(1, keys=["k"], labels=[("all", "1")]), user(2)),
                events=(event(90, user=1, version=1, detail={"d": 1}),),
            )
        )

        with pytest.raises(KeyTaken):
            store.commit(
                Change(
                    put=(user(3, keys=["n"], labels=[("all", "3")]), user(4, keys=["k"])),
                    remove=(Remove("user", id_of(2)),),
                    events=(event(91, user=3, version=1),),
                    sequence={id_of(90): 1},
                    erase=(id_of(90),),
                    forget=(id_of(90),),
                )
            )

        assert store.get("user", id_of(3)) is None
        assert store.get("user", id_of(2)) is not None
        assert store.find("n") is None
        assert numbers(store.page("user", "all")) == [1]
        assert store.get("event", id_of(91)) is None
        (kept,) = store.events(unsealed=True).items
        assert (id_of(90), {"d": 1}, None) == (kept.id, kept.detail, kept.sequence)

    def test_an_event_is_never_written_twice(self, store: Store) -> None:
        """Given a commit whose answer was lost, when it is repeated blindly, then VersionMoved."""
        store.commit(Change(events=(event(9),)))

        with pytest.raises(VersionMoved) as refused:
            store.commit(Change(put=(user(1),), events=(event(9),)))

        assert ("event", id_of(9)) == (refused.value.kind, refused.value.id)
        assert store.get("user", id_of(1)) is None

    # Labels

    def test_a_page_is_ordered_by_code_point_then_id(self, store: Store) -> None:
        """Given orders that a collation would mix, when paged, then code points decide."""
        orders = ["a", "B", "é", "z", "", "ab", "a", "\U0001f600", "\uffee", "10", "9"]
        store.commit(
            Change(put=tuple([user(n, labels=[("l", o)]) for n, o in enumerate(orders, 1)]))
        )

        page = store.page("user", "l")

        expected = [n for _, n in sorted((o, n) for n, o in enumerate(orders, 1))]
        assert expected == numbers(page)
        assert page.next is None

    def test_pages_follow_each_other_without_gap_or_repeat(self, store: Store) -> None:
        """Given ten records, four with one order, when paged by three, then all come in turn."""
        _ten(store)

        assert _walk(store, limit=3) == [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10]]
        assert _walk(store, limit=3, reverse=True) == [[10, 9, 8], [7, 6, 5], [4, 3, 2], [1]]

    @pytest.mark.parametrize("limit", [5, 10, 11])
    def test_the_last_page_has_no_cursor(self, store: Store, limit: int) -> None:
        """Given ten records, when a page ends with the last one, then it says that it is over."""
        _ten(store)

        assert limit < 10 or store.page("user", "l", limit=limit).next is None
        assert sum(_walk(store, limit=limit), []) == list(range(1, 11))

    def test_a_cursor_is_the_order_and_id_of_the_last_item(self, store: Store) -> None:
        """Given ten records, when a page is left, then its cursor is what the protocol says."""
        _ten(store)

        assert Cursor("d", id_of(5)) == store.page("user", "l", limit=5).next
        assert Cursor("d", id_of(6)) == store.page("user", "l", limit=5, reverse=True).next

    def test_many_labels_of_one_name_stay_in_order(self, store: Store) -> None:
        """Given 1,200 records put in a jumble, some removed, when paged, then none is missing."""
        jumbled = [n * 7919 % 1201 for n in range(1, 1201)]
        store.commit(Change(put=tuple([user(n, labels=[("l", f"{n:04}")]) for n in jumbled])))
        gone = tuple([Remove("user", id_of(n)) for n in jumbled if n % 3 == 0])
        store.commit(Change(remove=gone))

        walked = sum(_walk(store, limit=97), [])

        assert [n for n in range(1, 1201) if n % 3] == walked
        assert len(walked) == store.count("user", "l")
        assert walked[::-1] == sum(_walk(store, limit=97, reverse=True), [])

    def test_a_prefix_search_is_a_range(self, store: Store) -> None:
        """Given addresses, when paged after Cursor(prefix, ""), then the first has the prefix."""
        addresses = ["abe@x", "ada@x", "ada@y", "adam@x", "bob@x"]
        store.commit(
            Change(put=tuple([user(n, labels=[("a", o)]) for n, o in enumerate(addresses, 1)]))
        )

        assert numbers(store.page("user", "a", after=Cursor("ada", ""))) == [2, 3, 4, 5]
        assert numbers(store.page("user", "a", after=Cursor("ada@y", ""))) == [3, 4, 5]
        assert numbers(store.page("user", "a", after=Cursor("ada", ""), reverse=True)) == [1]

    def test_a_cursor_stays_true_while_others_come_and_go(self, store: Store) -> None:
        """Given a page, when its last item is removed and others come before and behind, then the
        walk goes on behind its place and sees each that stayed exactly once."""
        _ten(store)
        first = store.page("user", "l", limit=3)

        store.commit(Change(remove=(Remove("user", id_of(3)), Remove("user", id_of(5)))))
        store.commit(Change(put=(user(20, labels=[("l", "a")]), user(21, labels=[("l", "zz")]))))

        second = store.page("user", "l", after=first.next, limit=50)
        assert numbers(second) == [4, 6, 7, 8, 9, 10, 21]

    def test_a_record_that_changes_without_moving_is_seen_once(self, store: Store) -> None:
        """Given a walk, when a record behind is updated with the same label, then it comes once."""
        _ten(store)
        first = store.page("user", "l", limit=5)

        for n, order in ((2, "b"), (6, "d")):
            store.commit(Change(put=(user(n, {"new": True}, expects=1, labels=[("l", order)]),)))

        assert numbers(store.page("user", "l", after=first.next)) == [6, 7, 8, 9, 10]

    def test_a_label_belongs_to_its_kind(self, store: Store) -> None:
        """Given two kinds with one label, when paged and counted, then they are not mixed."""
        label = (Label("due", "1"),)
        store.commit(
            Change(
                put=(
                    Put("user", id_of(1), {}, labels=label),
                    Put("job", id_of(2), {}, labels=label),
                )
            )
        )

        assert numbers(store.page("user", "due")) == [1]
        assert numbers(store.page("job", "due")) == [2]
        assert (store.count("job", "due"), store.count("session", "due")) == (1, 0)

    def test_a_record_may_move_within_its_label(self, store: Store) -> None:
        """Given two records, when the order of one changes, then it is found at its new place."""
        store.commit(Change(put=(user(1, labels=[("l", "1")]), user(2, labels=[("l", "2")]))))

        store.commit(Change(put=(user(1, expects=1, labels=[("l", "3")]),)))

        assert numbers(store.page("user", "l")) == [2, 1]
        assert store.count("user", "l") == 2

    # Events

    def test_an_event_is_found_by_its_id(self, store: Store) -> None:
        """Given an event, when got as a record, then it shows its body, at version 1."""
        store.commit(Change(events=(event(9, user=1, version=4, detail={"d": 1}),)))

        body = {"id": id_of(9), "trigger": "test"}
        expected = Record("event", id_of(9), 1, body)
        assert expected == store.get("event", id_of(9))
        assert [expected, None] == store.get_many([Ref("event", id_of(9)), Ref("event", id_of(8))])
        assert store.get("event", id_of(8)) is None

    def test_an_event_comes_back_as_it_was_written(self, store: Store) -> None:
        """Given events with and without a user and a detail, when listed, then they are whole."""
        store.commit(
            Change(events=(event(9, user=1, version=4, detail={"d": ["x"]}), event(10, detail={})))
        )

        body = {"trigger": "test"}
        expected = (
            StoredEvent(id_of(9), {"id": id_of(9)} | body, id_of(1), 4, {"d": ["x"]}, None),
            StoredEvent(id_of(10), {"id": id_of(10)} | body, None, None, {}, None),
        )
        assert expected == store.events(unsealed=True).items

    def test_a_users_events_come_by_version_then_commit(self, store: Store) -> None:
        """Given events that name versions out of turn, when listed, then versions decide, then
        the order of commits, whatever their ids."""
        for number, version in ((50, 1), (49, 3), (48, 2), (47, 2), (46, 3)):
            store.commit(Change(events=(event(number, user=1, version=version),)))
        store.commit(Change(events=(event(60, user=2, version=1), event(61))))

        assert numbers(store.events(user=id_of(1))) == [50, 48, 47, 49, 46]
        assert Page(()) == store.events(user=id_of(3))

    def test_events_of_one_commit_keep_their_order(self, store: Store) -> None:
        """Given three events in one change, when listed in both ways, then they stand as given."""
        three = (event(30, user=1, version=1), event(20, user=1, version=1), event(10, user=1))

        store.commit(Change(events=three))

        assert numbers(store.events(unsealed=True)) == [30, 20, 10]
        assert [n for n in numbers(store.events(user=id_of(1))) if n != 10] == [30, 20]

    def test_unsealed_events_wait_in_the_order_of_their_commits(self, store: Store) -> None:
        """Given events, when some are given a sequence, then the others wait, in order."""
        _events(store, [5, 4, 3, 2, 1])

        store.commit(Change(sequence={id_of(4): 1, id_of(5): 2}))

        assert numbers(store.events(unsealed=True)) == [3, 2, 1]

    def test_sealed_events_come_by_sequence(self, store: Store) -> None:
        """Given sequences unlike the order of commits, when followed, then the sequence decides."""
        _events(store, [1, 2, 3, 4])
        store.commit(Change(sequence={id_of(1): 30, id_of(2): 10, id_of(3): 20}))

        page = store.events(sequence_after=0)

        assert numbers(page) == [2, 3, 1]
        assert [item.sequence for item in page.items] == [10, 20, 30]
        assert numbers(store.events(sequence_after=20)) == [1]
        assert numbers(store.events(sequence_after=30)) == []

    def test_a_sequence_for_an_event_that_was_forgotten_is_let_pass(self, store: Store) -> None:
        """Given an event that is forgotten while it is being sealed, when its sequence is written,
        then the others get theirs."""
        _events(store, [1, 2])
        store.commit(Change(forget=(id_of(1),)))

        store.commit(Change(sequence={id_of(1): 1, id_of(2): 2}))

        assert numbers(store.events(sequence_after=0)) == [2]

    @pytest.mark.parametrize("way", ["user", "sequence_after", "unsealed"])
    def test_events_are_paged_in_every_way(self, store: Store, way: str) -> None:
        """Given seven events, when paged by two while more come, then none is missed or
        repeated."""
        _events(store, range(1, 8), user=1)
        if way == "sequence_after":
            store.commit(Change(sequence={id_of(n): n for n in range(1, 8)}))
        ask: dict[str, Any] = {way: {"user": id_of(1), "sequence_after": 0, "unsealed": True}[way]}

        seen, after = [], None
        for n in range(20, 23):
            page = store.events(**ask, after=after, limit=2)
            seen += numbers(page)
            after = page.next
            assert after is not None
            store.commit(Change(events=(event(n, user=1, version=n),)))
        rest = numbers(store.events(**ask, after=after))

        came = [] if way == "sequence_after" else [20, 21, 22]
        assert [1, 2, 3, 4, 5, 6, 7, *came] == seen + rest

    def test_a_cursor_stays_true_when_its_event_is_sealed_or_forgotten(self, store: Store) -> None:
        """Given a page of unsealed events, when they are sealed and forgotten, then the walk goes
        on behind them."""
        _events(store, [1, 2, 3, 4])
        first = store.events(unsealed=True, limit=2)

        store.commit(Change(sequence={id_of(1): 1}, forget=(id_of(2),)))

        assert numbers(store.events(unsealed=True, after=first.next)) == [3, 4]

    def test_asking_for_events_in_no_way_or_two_is_refused(self, store: Store) -> None:
        """Given the three ways to ask, when none or two are named, then ValueError."""
        with pytest.raises(ValueError, match="exactly one"):
            store.events()
        with pytest.raises(ValueError, match="exactly one"):
            store.events(user=id_of(1), unsealed=True)

    def test_erasing_removes_the_detail_and_nothing_else(self, store: Store) -> None:
        """Given events with details, when one's is erased, then its body and place stay."""
        details = (event(1, user=7, version=1, detail={"d": 1}), event(2, detail={"d": 2}))
        store.commit(Change(events=details))
        store.commit(Change(sequence={id_of(1): 5}))

        store.commit(Change(erase=(id_of(1), id_of(99))))
        store.commit(Change(erase=(id_of(1),)))

        body = {"id": id_of(1), "trigger": "test"}
        expected = (StoredEvent(id_of(1), body, id_of(7), 1, None, 5),)
        assert expected == store.events(sequence_after=0).items == store.events(user=id_of(7)).items
        assert [item.detail for item in store.events(unsealed=True).items] == [{"d": 2}]

    def test_forgetting_removes_an_event_whole(self, store: Store) -> None:
        """Given sealed and unsealed events, when forgotten, then no way leads to them."""
        _events(store, [1, 2, 3], user=7)
        store.commit(Change(sequence={id_of(1): 1}))

        store.commit(Change(forget=(id_of(1), id_of(2), id_of(99))))

        assert store.get("event", id_of(1)) is None
        assert numbers(store.events(user=id_of(7))) == [3]
        assert numbers(store.events(unsealed=True)) == [3]
        assert numbers(store.events(sequence_after=0)) == []

    def test_an_event_outlives_its_user(self, store: Store) -> None:
        """Given a user with an event, when he is removed, then the event stays."""
        store.commit(Change(put=(user(1),), events=(event(9, user=1, version=1),)))

        store.commit(Change(remove=(Remove("user", id_of(1)),)))

        assert numbers(store.events(user=id_of(1))) == [9]

    # Durability and the end

    def test_an_unsettled_commit_is_visible_at_once(self, store: Store) -> None:
        """Given a commit that is not settled, when read, then it is there; settling it is let
        pass, twice too."""
        store.commit(Change(put=(user(1, keys=["k"]),), events=(event(9),)), settle=False)

        assert store.find("k") is not None
        assert store.get("event", id_of(9)) is not None
        store.settle()
        store.settle()

    def test_an_unsettled_commit_is_refused_like_any(self, store: Store) -> None:
        """Given a moved version, when an unsettled commit meets it, then VersionMoved."""
        store.commit(Change(put=(user(1),)), settle=False)

        with pytest.raises(VersionMoved):
            store.commit(Change(put=(user(1),)), settle=False)

    def test_a_closed_store_refuses_everything(self, store: Store) -> None:
        """Given a closed store, when anything is asked of it, then StoreClosed; closing it again
        is let pass."""
        store.commit(Change(put=(user(1),)))
        store.close()
        store.close()

        asks: list[Callable[[], object]] = [
            lambda: store.get("user", id_of(1)),
            lambda: store.get_many([Ref("user", id_of(1))]),
            lambda: store.find("k"),
            lambda: store.page("user", "all"),
            lambda: store.count("user", "all"),
            lambda: store.events(unsealed=True),
            lambda: store.commit(Change(put=(user(2),))),
            store.settle,
        ]
        for ask in asks:
            with pytest.raises(StoreClosed):
                ask()

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
    def test_a_forked_child_is_refused(self, store: Store) -> None:
        """Given an open store, when a child is forked, then it gets StoreClosed for reads and
        commits, may close, and the parent goes on."""
        with warnings.catch_warnings():
            # Python 3.12 warns when other threads are there: the child does nothing with them.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            refused = 0
            try:
                asks: list[Callable[[], object]] = [
                    lambda: store.get("user", id_of(1)),
                    lambda: store.commit(Change(put=(user(1),))),
                ]
                for ask in asks:
                    try:
                        ask()
                    except StoreClosed:
                        refused += 1
                store.close()
            finally:
                os._exit(refused)

        _, status = os.waitpid(child, 0)

        assert os.waitstatus_to_exitcode(status) == 2
        store.commit(Change(put=(user(1),)))
        assert store.get("user", id_of(1)) is not None

    def test_what_was_committed_is_there_after_reopening(
        self, store: Store, reopen: Reopen
    ) -> None:
        """Given a store with everything in it, when it is closed and opened again, then all reads
        answer the same."""
        _fill(store)
        before = _everything(store)
        store.close()

        again = reopen(store)

        try:
            assert before == _everything(again)
        finally:
            again.close()

    def test_a_reopened_store_goes_on(self, store: Store, reopen: Reopen) -> None:
        """Given a reopened store, when more is committed, then versions, keys and the order of
        events go on where they were."""
        _fill(store)
        store.close()
        again = reopen(store)

        try:
            with pytest.raises(KeyTaken):
                again.commit(Change(put=(user(50, keys=["k:2"]),)))
            with pytest.raises(VersionMoved):
                again.commit(Change(put=(user(2),)))
            waiting = numbers(again.events(unsealed=True))
            again.commit(Change(put=(user(2, expects=1),), events=(event(1000),)))
            assert [*waiting, 1000] == numbers(again.events(unsealed=True))
        finally:
            again.close()

    def test_cursors_stay_true_over_reopening(self, store: Store, reopen: Reopen) -> None:
        """Given a cursor into events of which some are forgotten, when the store is reopened, then
        the cursor leads on to the same place."""
        _events(store, [1, 2, 3, 4], user=7)
        after = store.events(unsealed=True, limit=3).next
        store.commit(Change(forget=(id_of(1), id_of(4))))
        store.close()
        again = reopen(store)

        try:
            again.commit(Change(events=(event(5),)))
            assert numbers(again.events(unsealed=True, after=after)) == [5]
        finally:
            again.close()

    def test_two_openings_see_each_others_commits(self, store: Store, reopen: Reopen) -> None:
        """Given one store opened twice, when each commits, then the other sees it at once and is
        refused what is taken."""
        other = reopen(store)
        try:
            store.commit(Change(put=(user(1, keys=["k"], labels=[("l", "1")]),)))
            other.commit(Change(put=(user(2, labels=[("l", "2")]),), events=(event(9, user=2),)))

            assert [1, 2] == numbers(store.page("user", "l")) == numbers(other.page("user", "l"))
            assert numbers(store.events(user=id_of(2))) == [9]
            with pytest.raises(KeyTaken):
                other.commit(Change(put=(user(3, keys=["k"]),)))
            with pytest.raises(VersionMoved):
                store.commit(Change(put=(user(2),)))
        finally:
            other.close()

    def test_a_store_opened_for_reading_refuses_to_write(
        self, store: Store, reopen: Reopen
    ) -> None:
        """Given a store, when it is opened for reading only, then it reads, follows what others
        commit, and raises StoreReadOnly for a commit."""
        store.commit(Change(put=(user(1),)))
        reader = reopen(store, read_only=True)
        try:
            assert (store.read_only, reader.read_only) == (False, True)
            assert reader.get("user", id_of(1)) is not None
            with pytest.raises(StoreReadOnly):
                reader.commit(Change(put=(user(2),)))
            reader.settle()

            store.commit(Change(put=(user(3),)))
            assert reader.get("user", id_of(3)) is not None
        finally:
            reader.close()

    # Threads

    def test_of_threads_that_race_for_a_key_one_wins(self, store: Store) -> None:
        """Given eight threads, when each takes the same key for its own record, ten times, then
        each time one has it and seven are told that it is taken."""

        def take(thread: int, turn: int) -> None:
            store.commit(Change(put=(user(100 * turn + thread, keys=[f"k:{turn}"]),)))

        outcomes = _race(take, turns=10)

        expected = sorted(map(str, [None] + [KeyTaken] * (_THREADS - 1)))
        assert [expected] * 10 == [sorted(map(str, outcome)) for outcome in outcomes]
        assert None not in [store.find(f"k:{turn}") for turn in range(10)]

    def test_of_threads_that_race_for_a_version_one_wins(self, store: Store) -> None:
        """Given eight threads, when each updates the same version of one record, ten times, then
        each time one does and seven are told that it moved."""
        store.commit(Change(put=(user(1, {}),)))

        def update(thread: int, turn: int) -> None:
            store.commit(Change(put=(user(1, {"by": thread}, expects=turn + 1),)))

        outcomes = _race(update, turns=10)

        expected = sorted(map(str, [None] + [VersionMoved] * (_THREADS - 1)))
        assert [expected] * 10 == [sorted(map(str, outcome)) for outcome in outcomes]
        last = store.get("user", id_of(1))
        assert last is not None
        assert last.version == 11

    def test_no_increment_of_racing_threads_is_lost(self, store: Store) -> None:
        """Given eight threads, when each increments one record 20 times, retrying when its version
        moved, then the sum is 160."""
        store.commit(Change(put=(user(1, {"n": 0}),)))

        def increment(thread: int, turn: int) -> None:
            for _ in range(20):
                while True:
                    record = store.get("user", id_of(1))
                    assert record is not None
                    new = user(1, {"n": record.body["n"] + 1}, expects=record.version)
                    try:
                        store.commit(Change(put=(new,)), settle=False)
                        break
                    except VersionMoved:
                        continue

        assert _race(increment, turns=1) == [[None] * _THREADS]

        record = store.get("user", id_of(1))
        assert record is not None
        assert record.body["n"] == 20 * _THREADS

    def test_a_change_of_two_records_is_never_seen_by_half(self, store: Store) -> None:
        """Given a writer that puts two records in each change, when others read both at once, then
        they always agree."""
        refs = [Ref("user", id_of(1)), Ref("user", id_of(2))]
        store.commit(Change(put=(user(1, {"n": 0}), user(2, {"n": 0}))))
        halves: list[object] = []

        def act(thread: int, turn: int) -> None:
            for n in range(1, 60):
                if thread == 0:
                    both = (user(1, {"n": n}, expects=n), user(2, {"n": n}, expects=n))
                    store.commit(Change(put=both), settle=False)
                else:
                    one, two = store.get_many(refs)
                    if one is None or two is None or one.body != two.body:
                        halves.append((one, two))

        assert _race(act, turns=1) == [[None] * _THREADS]
        assert halves == []

    def test_a_walk_among_writers_sees_each_that_stays_exactly_once(self, store: Store) -> None:
        """Given 40 records that stay and threads that put and remove others between them, when
        the label is walked, then each of the 40 is seen exactly once."""
        stay = [user(n, labels=[("l", f"{n:05}")]) for n in range(0, 4000, 100)]
        store.commit(Change(put=tuple(stay)))
        walks: list[list[int]] = []

        def act(thread: int, turn: int) -> None:
            for n in range(20):
                if thread < 2:
                    walks.append(sum(_walk(store, limit=7), []))
                    continue
                number = 100 * n + thread
                store.commit(
                    Change(put=(user(number, labels=[("l", f"{number:05}")]),)), settle=False
                )
                store.commit(Change(remove=(Remove("user", id_of(number)),)), settle=False)

        assert _race(act, turns=1) == [[None] * _THREADS]

        expected = list(range(0, 4000, 100))
        assert [expected] * 40 == [[n for n in walk if n % 100 == 0] for walk in walks]


def _ten(store: Store) -> None:
    orders = ["a", "b", "c", "d", "d", "d", "d", "e", "f", "g"]
    store.commit(Change(put=tuple([user(n, labels=[("l", o)]) for n, o in enumerate(orders, 1)])))


def _walk(store: Store, *, limit: int, reverse: bool = False) -> list[list[int]]:
    pages: list[list[int]] = []
    after = None
    while True:
        page = store.page("user", "l", after=after, limit=limit, reverse=reverse)
        pages.append(numbers(page))
        after = page.next
        if after is None:
            return pages


def _events(store: Store, which: Sequence[int], user: int | None = None) -> None:
    for number in which:
        version = None if user is None else 1
        store.commit(Change(events=(event(number, user=user, version=version),)))


def _fill(store: Store) -> None:
    for n in range(1, 8):
        happened = event(100 + n, user=n % 3, version=n, detail={"d": n})
        put = user(n, keys=[f"k:{n}"], labels=[("l", str(n % 3)), ("m", HOSTILE_TEXTS["astral"])])
        store.commit(Change(put=(put,), events=(happened,)), settle=n % 2 == 0)
    store.commit(Change(put=(user(1, {"é": "\0"}, expects=1, keys=["moved"]),)))
    store.commit(Change(remove=(Remove("user", id_of(7)),)))
    store.commit(Change(sequence={id_of(101): 2, id_of(102): 1}, erase=(id_of(101), id_of(103))))
    store.commit(Change(forget=(id_of(104),)))


def _everything(store: Store) -> list[object]:
    return [
        [store.get("user", id_of(n)) for n in range(9)],
        [store.find(f"k:{n}") for n in range(9)],
        store.find("moved"),
        [store.page("user", label) for label in ("l", "m")],
        [store.events(user=id_of(n)) for n in range(3)],
        store.events(sequence_after=0),
        store.events(unsealed=True),
    ]


def _race(act: Callable[[int, int], None], *, turns: int) -> list[list[type[Exception] | None]]:
    """Let threads act at once, turn by turn; return what each raised in each turn."""
    outcomes: list[list[type[Exception] | None]] = [[None] * _THREADS for _ in range(turns)]
    together = threading.Barrier(_THREADS)

    def run(thread: int) -> None:
        for turn in range(turns):
            together.wait(timeout=60)
            try:
                act(thread, turn)
            except Exception as error:
                outcomes[turn][thread] = type(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
