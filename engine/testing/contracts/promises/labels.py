"""What a store promises of labels: order, counts, cursors."""

from __future__ import annotations

import pytest

from ....stores import Change, Cursor, Label, Put, Remove, Store
from .fixtures import StoreFixtures
from .pieces import id_of, numbers, put_ten, user, walk


class LabelPromises(StoreFixtures):
    """Pages of records."""

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
        put_ten(store)

        assert walk(store, limit=3) == [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10]]
        assert walk(store, limit=3, reverse=True) == [[10, 9, 8], [7, 6, 5], [4, 3, 2], [1]]

    @pytest.mark.parametrize("limit", [5, 10, 11])
    def test_the_last_page_has_no_cursor(self, store: Store, limit: int) -> None:
        """Given ten records, when a page ends with the last one, then it says that it is over."""
        put_ten(store)

        assert limit < 10 or store.page("user", "l", limit=limit).next is None
        assert sum(walk(store, limit=limit), []) == list(range(1, 11))

    def test_a_cursor_is_the_order_and_id_of_the_last_item(self, store: Store) -> None:
        """Given ten records, when a page is left, then its cursor is what the protocol says."""
        put_ten(store)

        assert Cursor("d", id_of(5)) == store.page("user", "l", limit=5).next
        assert Cursor("d", id_of(6)) == store.page("user", "l", limit=5, reverse=True).next

    def test_many_labels_of_one_name_stay_in_order(self, store: Store) -> None:
        """Given 1,200 records put in a jumble, some removed, when paged, then none is missing."""
        jumbled = [n * 7919 % 1201 for n in range(1, 1201)]
        store.commit(Change(put=tuple([user(n, labels=[("l", f"{n:04}")]) for n in jumbled])))
        gone = tuple([Remove("user", id_of(n)) for n in jumbled if n % 3 == 0])
        store.commit(Change(remove=gone))

        walked = sum(walk(store, limit=97), [])

        assert [n for n in range(1, 1201) if n % 3] == walked
        assert len(walked) == store.count("user", "l")
        assert walked[::-1] == sum(walk(store, limit=97, reverse=True), [])

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
        put_ten(store)
        first = store.page("user", "l", limit=3)

        store.commit(Change(remove=(Remove("user", id_of(3)), Remove("user", id_of(5)))))
        come = [user(n, labels=[("l", "a")]) for n in (20, 21, 22)]
        store.commit(Change(put=(*come, user(23, labels=[("l", "zz")]))))

        second = store.page("user", "l", after=first.next, limit=50)
        assert numbers(second) == [4, 6, 7, 8, 9, 10, 23]

    def test_a_record_that_changes_without_moving_is_seen_once(self, store: Store) -> None:
        """Given a walk, when a record behind is updated with the same label, then it comes once."""
        put_ten(store)
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

    def test_a_record_may_stand_at_two_places_of_a_label(self, store: Store) -> None:
        """Given a user with two addresses, when the label is paged and counted, then he stands at
        both places, and leaves one without the other."""
        both = [("address", "ada@x"), ("address", "lovelace@x")]
        store.commit(Change(put=(user(1, labels=both), user(2, labels=[("address", "bob@x")]))))

        assert numbers(store.page("user", "address")) == [1, 2, 1]
        assert store.count("user", "address") == 3
        first = store.page("user", "address", limit=1)
        assert Cursor("ada@x", id_of(1)) == first.next
        store.commit(Change(put=(user(1, expects=1, labels=both[1:]),)))
        assert numbers(store.page("user", "address")) == [2, 1]
        assert store.count("user", "address") == 2

    def test_counts_follow_every_change(self, store: Store) -> None:
        """Given records that are put, moved to another label and removed, when counted after each
        change, then the count is what a walk sees."""
        for n in range(1, 13):
            store.commit(Change(put=(user(n, labels=[("pending", f"{n:03}")]),)), settle=False)
        for n in range(1, 9):
            moved = user(n, expects=1, labels=[("confirmed", f"{n:03}")])
            gone = (Remove("user", id_of(n + 4)),) if n > 4 else ()
            store.commit(Change(put=(moved,), remove=gone), settle=False)

            for label in ("pending", "confirmed"):
                page = store.page("user", label)
                assert len(page.items) == store.count("user", label)
        assert (store.count("user", "pending"), store.count("user", "confirmed")) == (0, 8)

    @pytest.mark.parametrize("limit", [0, -1])
    def test_a_page_of_less_than_one_is_refused(self, store: Store, limit: int) -> None:
        """Given any label, when a page without room is asked for, then ValueError."""
        with pytest.raises(ValueError, match="at least one"):
            store.page("user", "l", limit=limit)
        with pytest.raises(ValueError, match="at least one"):
            store.events(unsealed=True, limit=limit)
