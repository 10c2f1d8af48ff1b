"""What a store promises when it refuses: versions, keys, all or nothing."""

from __future__ import annotations

import pytest

from ....stores import Change, KeyTaken, Put, Ref, Remove, Store, VersionMoved
from .fixtures import StoreFixtures
from .pieces import event, id_of, numbers, user


class VersionPromises(StoreFixtures):
    """Versions, keys, refusals."""

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

    @pytest.mark.parametrize("last", ["moved", "taken", "there already"])
    def test_a_large_change_refused_at_its_end_leaves_nothing(
        self, store: Store, last: str
    ) -> None:
        """Given a change of 300 records and 300 events, when the last of them is refused, then
        nothing of it is there, and without that one all of it is."""
        store.commit(Change(put=(user(1000, keys=["k"]),), events=(event(9000),)))
        put = [user(n, keys=[f"k:{n}"], labels=[("l", f"{n:04}")]) for n in range(300)]
        happened = [event(2000 + n, user=n, version=1, detail={"n": n}) for n in range(300)]
        bad_put = {"moved": [user(1000)], "taken": [user(300, keys=["k"])]}.get(last, [])
        bad_event = [event(9000)] if last == "there already" else []

        with pytest.raises(KeyTaken if last == "taken" else VersionMoved):
            store.commit(Change(put=(*put, *bad_put), events=(*happened, *bad_event)))

        assert store.count("user", "l") == 0
        assert store.find("k:0") is None
        assert numbers(store.events(unsealed=True)) == [9000]
        store.commit(Change(put=tuple(put), events=tuple(happened)))
        assert store.count("user", "l") == 300
        assert store.find("k:299") == store.get("user", id_of(299))
        assert numbers(store.events(user=id_of(299))) == [2299]
