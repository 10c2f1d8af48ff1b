"""What a store promises of one record: it comes back as it was put."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ....stores import Change, KeyTaken, Label, NewEvent, Page, Put, Record, Ref, Remove, Store
from .fixtures import StoreFixtures
from .pieces import HOSTILE_TEXTS, LARGE_BYTES, id_of, numbers, user


class RecordPromises(StoreFixtures):
    """Records, texts, sizes."""

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

    @pytest.mark.parametrize(
        "number",
        [0, -1, 1.0, -0.0, 0.1, 1e300, 5e-324, 2**53 + 1, 2**63, -(2**64), 10**40],
        ids=repr,
    )
    def test_a_number_keeps_its_value_and_its_kind(self, store: Store, number: int | float) -> None:
        """Given a number that a database might round, when got, then its JSON text is the same:
        digests are made of it."""
        happened = NewEvent(id_of(9), {"n": number}, None, None, {"n": [number]})

        store.commit(Change(put=(user(1, {"n": number}),), events=(happened,)))

        kept = store.get("user", id_of(1))
        assert kept is not None
        (told,) = store.events(unsealed=True).items
        expected = json.dumps({"n": number})
        assert expected == json.dumps(dict(kept.body)) == json.dumps(dict(told.body))
        assert told.detail == {"n": [number]}

    def test_a_deep_body_is_kept(self, store: Store) -> None:
        """Given a body of 100 levels, when got, then each is there."""
        body: dict[str, Any] = {"bottom": [True, None, "é"]}
        for level in range(100):
            body = {f"level {level}": [body]}

        store.commit(Change(put=(user(1, body),)))

        kept = store.get("user", id_of(1))
        assert kept is not None
        assert body == kept.body

    def test_many_large_bodies_are_kept(self, store: Store) -> None:
        """Given twelve records of 256 kB of custom data in one change, in all scripts, when paged
        and got, then each is whole and its own."""
        texts = [f"{n} é𝔘\u2028\0" + "日本" * (LARGE_BYTES // 6) for n in range(12)]
        labels = (Label("all", "1"),)
        put = [
            Put("custom-data", id_of(n), {"text": text}, labels=labels)
            for n, text in enumerate(texts)
        ]

        store.commit(Change(put=tuple(put)))

        page = store.page("custom-data", "all", limit=50)
        assert texts == [record.body["text"] for record in page.items]
        got = store.get_many([Ref("custom-data", id_of(n)) for n in range(12)])
        assert texts == [record and record.body["text"] for record in got]

    def test_what_has_a_name_is_found_by_it(self, store: Store) -> None:
        """Given two admins who set one setting at once, when both put it anew, then the second is
        told that it is there, finds it by its name, and changes it by its version."""
        name = "setting:email.subject"
        store.commit(Change(put=(Put("setting", id_of(1), {"value": "Hello"}, keys=(name,)),)))

        with pytest.raises(KeyTaken):
            store.commit(Change(put=(Put("setting", id_of(2), {"value": "Hi"}, keys=(name,)),)))
        found = store.find(name)
        assert found is not None
        changed = Put("setting", found.id, {"value": "Hi"}, found.version, (name,))
        store.commit(Change(put=(changed,)))

        assert Record("setting", id_of(1), 2, {"value": "Hi"}, (name,)) == store.find(name)
