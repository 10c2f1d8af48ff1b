"""Copying a store: everything, once, resumed, caught up, verified."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from cared_store import PASSWORD, Lived, StaysOpen, held, live, tiny

import admit
from admit import care
from admit.care import Copied, Progress
from admit.errors import (
    InvalidInput,
    StoreDamaged,
    StoreFull,
    StoreIncomplete,
    StoreReadOnly,
    TryLater,
)
from admit.stores import Change, Put, Record, StoredEvent
from admit.testing import KEY, Inbox, MemoryStore
from admit.testing import open as open_engine
from admit.upkeep import Upkeep, View


def written(copied: Copied) -> dict[str, int]:
    """Return what was written or removed, by kind, without what was not."""
    did = {kind.kind: kind.written + kind.removed for kind in copied.kinds}
    return {kind: number for kind, number in did.items() if number}


# --- a whole copy --------------------------------------------------------------------------------


def test_a_copy_holds_what_its_source_holds(
    source: MemoryStore, lived: Lived, target: Upkeep
) -> None:
    """
    Given a store with a bit of everything,
    when it is copied to one of another kind,
    then both hold the same, and each kind is told with its number.
    """
    copied = care.copy(source, target)

    assert held(source) == held(target)
    assert {kind: len(items) for kind, items in held(source).items()} == {
        kind.kind: kind.count for kind in copied.kinds
    }
    assert all(kind.count == kind.written for kind in copied.kinds)
    assert copied.began
    assert lived.ada.id not in repr(copied)


def test_an_engine_goes_on_in_the_copy_where_it_was(
    source: MemoryStore, lived: Lived, target: Upkeep
) -> None:
    """
    Given a copy, opened with the same key,
    when users come with what they had from the original,
    then links, sessions, passwords and lists work, and the audit trail verifies.
    """
    care.copy(source, target)

    with open_engine(target, clock=lived.clock, inbox=Inbox()) as engine:
        assert lived.ada.id == engine.verify(lived.login.access_token).user_id
        assert "confirmed" == engine.confirm(**lived.inbox.last_link().credentials).state
        engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
        assert 3 == engine.users.count("confirmed")
        assert lived.engine.users.timeline(lived.ada) == engine.users.timeline(lived.ada)[:-1]
        assert () == engine.events.verify().problems


@pytest.mark.parametrize("kinds", ["memory to file", "file to memory", "file to file"])
def test_any_store_can_be_copied_to_any_other(tmp_path: Path, kinds: str) -> None:
    """Whatever kinds they are; there and back is where one began."""
    make: dict[str, Callable[[str], Upkeep]] = {
        "memory": lambda name: MemoryStore(),
        "file": lambda name: tiny(tmp_path, name),
    }
    first, second = kinds.split(" to ")
    with (
        closing(make[first]("one")) as one,
        closing(make[second]("two")) as two,
        closing(make[first]("three")) as three,
        live(one).engine,
    ):
        care.copy(one, two)
        care.copy(two, three)

        assert held(one) == held(three)


def test_a_copy_survives_being_closed(tmp_path: Path, source: MemoryStore, lived: Lived) -> None:
    """What was written is durable; and the order of the events is kept."""
    with closing(tiny(tmp_path, "target")) as target:
        care.copy(source, target)

    with (
        closing(tiny(tmp_path, "target")) as again,
        source.view() as here,
        again.view() as there,
    ):
        assert held(source) == held(again)
        assert list(here.events()) == list(there.events())


def test_the_source_may_be_open_for_reading_only(tmp_path: Path) -> None:
    """Nothing is written to it."""
    with closing(tiny(tmp_path, "source")) as store, live(store).engine:
        pass

    with closing(care.open_store(tmp_path / "source.json", read_only=True)) as source:
        target = MemoryStore()
        care.copy(source, target)
        assert isinstance(source, Upkeep)
        assert held(source) == held(target)


def test_progress_is_told_stage_by_stage(source: MemoryStore, lived: Lived, target: Upkeep) -> None:
    """Copying and verifying, kind by kind; each ends with all that there were."""
    for number in range(1100):
        put = Put("custom-data", f"{number:024x}", {"n": number})
        source.commit(Change(put=(put,)))
    told: list[Progress] = []

    care.copy(source, target, progress=told.append)

    stages = list(dict.fromkeys(progress.stage for progress in told))
    kinds = ["admin-key", "admin-session", "consumer", "custom-data", "job", "seal", "secret"]
    kinds += ["session", "setting", "throttle", "user", "event"]
    assert [f"copying {kind}" for kind in kinds] == stages[:12]
    assert "verifying event" == stages[-1]
    of_data = [(p.done, p.total) for p in told if p.stage == "copying custom-data"]
    assert [(500, 1100), (1000, 1100), (1100, 1100)] == of_data


def test_a_dry_run_writes_nothing_and_says_what_it_would(
    source: MemoryStore, lived: Lived, target: Upkeep
) -> None:
    """The same numbers as the real one."""
    would = care.copy(source, target, dry_run=True)

    assert {} == held(target)
    assert would == care.copy(source, target)


# --- again ---------------------------------------------------------------------------------------


def test_copying_again_writes_nothing(source: MemoryStore, lived: Lived, target: Upkeep) -> None:
    """Nothing twice."""
    care.copy(source, target)

    again = care.copy(source, target)

    assert ({}, False) == (written(again), again.began)
    assert held(source) == held(target)


def test_copying_again_catches_up_with_everything_that_happened(
    source: MemoryStore, lived: Lived, target: Upkeep
) -> None:
    """
    Given a copy, and a source in which users came, went and changed meanwhile, settings went,
        events were sealed, details erased, and a tombstone forgotten with its events,
    when it is copied again,
    then both hold the same, and only the difference was written.
    """
    care.copy(source, target)
    engine = lived.engine
    engine.settings.unset("email.subject")
    engine.delete(lived.ada)
    engine.create("new@example.com")
    lived.let_a_year_pass()

    copied = care.copy(source, target)

    assert held(source) == held(target)
    did = {kind.kind: (kind.written, kind.removed) for kind in copied.kinds}
    assert (0, 1) == did["setting"]
    assert did["event"][1] > 0
    assert (0, 0) == did["secret"]


@pytest.mark.parametrize("first", ["earlier", "later"])
def test_a_key_that_passed_to_another_user_passes_in_the_copy(
    source: MemoryStore, lived: Lived, target: Upkeep, first: str
) -> None:
    """
    Given a copy of two users, of whom one then takes over the other's address,
    when it is copied again – the new owner is walked before or after the former one –,
    then the key has its new owner.
    """
    engine = lived.engine
    earlier, later = (
        engine.register(f"{name}@example.com", PASSWORD) for name in ("earlier", "later")
    )
    giver, taker = (later, earlier) if first == "earlier" else (earlier, later)
    care.copy(source, target)
    engine.delete(giver)
    taken = giver.addresses[0].canonical
    engine.correct_address(taker, to=taken)

    care.copy(source, target)

    holder = target.find(f"local-userpass:{taken}")
    assert holder is not None
    assert taker.id == holder.id
    assert held(source) == held(target)


def test_keys_may_change_places(source: MemoryStore, lived: Lived, target: Upkeep) -> None:
    """
    Given a copy of two records that then exchange their keys,
    when it is copied again,
    then so do the copies.
    """
    ids = [f"{number:024x}" for number in (1, 2)]
    source.commit(Change(put=tuple(Put("x", id, {}, None, (f"k:{id}",)) for id in ids)))
    care.copy(source, target)
    swapped = zip(ids, reversed(ids), strict=True)
    source.commit(Change(put=tuple(Put("x", id, {}, 1, (f"k:{other}",)) for id, other in swapped)))

    care.copy(source, target)

    assert held(source) == held(target)


def test_what_is_written_to_the_source_while_it_is_copied_comes_with_the_next_copy(
    source: MemoryStore, lived: Lived, target: Upkeep
) -> None:
    """
    Given an application that goes on registering users while its store is copied,
    when it stands still and the store is copied again,
    then the first copy was whole – it is verified –, and the second has everybody.
    """
    names = iter(range(1000))

    def meanwhile(progress: Progress) -> None:
        if progress.stage.startswith("copying"):
            lived.engine.create(f"user{next(names)}@example.com")

    care.copy(source, target, progress=meanwhile)
    assert lived.engine.users.count() > len(held(target)["user"])

    care.copy(source, target)

    assert held(source) == held(target)


class ShowsLate(MemoryStore):
    """A store as several writers make one: a commit becomes visible behind a later one."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: set[str] = set()

    @contextmanager
    def view(self) -> Iterator[View]:
        with super().view() as view:
            yield _Some(view, self.hidden)


class _Some:
    """A view of all but some events."""

    def __init__(self, view: View, hidden: set[str]) -> None:
        self.kinds, self.records, self.events_by_user = (
            view.kinds,
            view.records,
            view.events_by_user,
        )
        self._view, self._hidden = view, hidden

    def events(self) -> Iterator[StoredEvent]:
        return (event for event in self._view.events() if event.id not in self._hidden)


def test_events_that_become_visible_late_are_copied_once(target: Upkeep) -> None:
    """
    Given a store that showed two of its events only after later ones had been copied,
    when it is copied again, and again after some of them were forgotten or sealed,
    then each time the copy has each event once, as it is.
    """
    source = ShowsLate()
    with live(source).engine as engine:
        ids = [event.id for event in held(source)["event"]]
        source.hidden = {ids[2], ids[5]}
        care.copy(source, target)
        source.hidden = set()

        copied = care.copy(source, target)

        assert {"event": 2} == written(copied)
        source.commit(Change(forget=(ids[2], ids[6])))
        engine.work_once()
        care.copy(source, target)
        assert held(source) == held(target)
        assert {} == written(care.copy(source, target)), "in whatever order"


# --- cut off -------------------------------------------------------------------------------------


class Unplugged(StaysOpen):
    """A store that fails at its n-th write, before or after it is made."""

    writes_left: int | None = None
    after_writing = False

    def _count(self) -> bool:
        if self.writes_left is None:
            return False
        self.writes_left -= 1
        return self.writes_left < 0

    def commit(self, change: Change, *, settle: bool = True) -> None:
        failing = self._count()
        if not failing or self.after_writing:
            super().commit(change, settle=settle)
        if failing:
            raise StoreFull("No room.")

    def restore(self, records: Sequence[Record], events: Sequence[StoredEvent]) -> None:
        failing = self._count()
        if not failing or self.after_writing:
            super().restore(records, events)
        if failing:
            raise StoreFull("No room.")


@pytest.mark.parametrize("after_writing", [False, True], ids=["before", "after"])
def test_a_copy_that_was_cut_off_anywhere_goes_on(
    source: MemoryStore, lived: Lived, after_writing: bool
) -> None:
    """
    Given copies that are cut off at the first, second, … write,
    when each is opened, and then copied again,
    then no engine opens it before it is whole, nothing is written twice, and it is whole.
    """
    for number in range(1000):
        target = Unplugged()
        target.writes_left, target.after_writing = number, after_writing
        try:
            care.copy(source, target)
        except StoreFull:
            pass
        else:
            break
        target.writes_left = None
        before = held(target)
        mark = target.find("job:store-copy")
        if mark is not None and mark.body["tallies"] is None:
            with pytest.raises(StoreIncomplete, match="not finished"):
                admit.open(target, key=KEY)
        else:
            assert before in ({}, held(source)), "it had not begun, or was through"

        copied = care.copy(source, target)

        assert held(source) == held(target)
        assert sum(map(len, held(source).values())) - sum(map(len, before.values())) == sum(
            written(copied).values()
        )
        admit.open(target, key=KEY).close()
    assert 13 == number, "the mark, ten kinds of records, events, the mark again"


def test_an_unfinished_copy_is_no_source(source: MemoryStore, lived: Lived, target: Upkeep) -> None:
    """What is missing in it would be missing for good."""
    half = Unplugged()
    half.writes_left = 3
    with pytest.raises(StoreFull):
        care.copy(source, half)

    with pytest.raises(StoreIncomplete):
        care.copy(half, target)

    assert {} == held(target)


def test_a_copy_of_a_copy_is_its_own(source: MemoryStore, lived: Lived, target: Upkeep) -> None:
    """The mark of the first is not copied: both stay what they are."""
    middle = MemoryStore()
    care.copy(source, middle)

    care.copy(middle, target)

    assert held(source) == held(target)
    assert {} == written(care.copy(middle, target))
    assert {} == written(care.copy(source, middle))


# --- refused -------------------------------------------------------------------------------------


def test_a_store_that_holds_something_is_no_target(source: MemoryStore, lived: Lived) -> None:
    """Even if it is only an event."""
    target = StaysOpen()
    with open_engine(target):
        pass
    before = held(target)

    with pytest.raises(InvalidInput, match="target: is not empty") as refused:
        care.copy(source, target)

    assert "target" == refused.value.field
    assert before == held(target)


def test_the_copy_of_another_store_is_no_target(source: MemoryStore, lived: Lived) -> None:
    """Not even an untouched one."""
    another = StaysOpen()
    with live(another).engine:
        pass
    target = MemoryStore()
    care.copy(another, target)

    with pytest.raises(InvalidInput, match="a copy of another store"):
        care.copy(source, target)

    assert held(another) == held(target)


def test_a_copy_that_was_written_to_is_not_brought_up_to_date(
    source: MemoryStore, lived: Lived
) -> None:
    """
    Given a copy that an application has begun to use,
    when somebody copies the original once more,
    then that is refused, and what was done in the copy stays.
    """
    target = StaysOpen()
    care.copy(source, target)
    with open_engine(target, settings={"email.subject": "Hi"}) as engine:
        engine.create("new@example.com")

    with pytest.raises(InvalidInput, match="was written to since"):
        care.copy(source, target)

    assert target.find("local-userpass:new@example.com") is not None


def test_a_copy_that_was_only_looked_at_is_brought_up_to_date(
    source: MemoryStore, lived: Lived
) -> None:
    """Opening it and reading is no writing."""
    target = StaysOpen()
    care.copy(source, target)
    with admit.open(target, key=KEY, worker=False) as engine:
        assert 4 == engine.users.count()
        assert () == engine.events.verify().problems

    assert {} == written(care.copy(source, target))


def test_two_copies_into_one_target_do_not_both_finish(
    source: MemoryStore, lived: Lived, target: Upkeep
) -> None:
    """
    Given a copy, in whose midst somebody else copies into the same target,
    when the first comes to its end,
    then it says so; the target is whole, for the second one has verified it.
    """
    second: list[Copied] = []

    def meanwhile(progress: Progress) -> None:
        if progress.stage == "verifying user" and not second:
            second.append(care.copy(source, target))

    with pytest.raises(TryLater, match="another copy"):
        care.copy(source, target, progress=meanwhile)

    assert held(source) == held(target)
    assert {} == written(care.copy(source, target))


def test_a_store_is_not_copied_onto_itself(
    tmp_path: Path, source: MemoryStore, lived: Lived
) -> None:
    """Neither the same object, nor the same file; not even if that is a copy itself."""
    with pytest.raises(InvalidInput, match="is the source"):
        care.copy(source, source)
    with closing(tiny(tmp_path, "one")) as one, closing(tiny(tmp_path, "one")) as same:
        care.copy(source, one)
        with pytest.raises(InvalidInput, match="is the source"):
            care.copy(one, same)


def test_what_no_engine_has_opened_is_not_copied(target: Upkeep) -> None:
    """Most often a mistyped path."""
    with pytest.raises(InvalidInput, match="source: was never opened by an engine"):
        care.copy(MemoryStore(), target)


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_store_that_cannot_be_walked_is_named(
    source: MemoryStore, lived: Lived, side: str
) -> None:
    """By its side."""

    class Plain:
        path, read_only = None, False
        commit = MemoryStore.commit

    plain, whole = Plain(), MemoryStore()
    pair = (plain, whole) if side == "source" else (source, plain)

    with pytest.raises(InvalidInput, match=f"{side}: this kind of store cannot be walked"):
        care.copy(*pair)


def test_a_target_that_is_read_only_says_so(source: MemoryStore, lived: Lived) -> None:
    """Before anything is copied."""
    with pytest.raises(StoreReadOnly):
        care.copy(source, MemoryStore(read_only=True))


# --- verified ------------------------------------------------------------------------------------


class Forgetful(MemoryStore):
    """A store that loses something of what it is given."""

    def __init__(self, loses: str) -> None:
        super().__init__()
        self._loses = loses

    def restore(self, records: Sequence[Record], events: Sequence[StoredEvent]) -> None:
        if self._loses == "event":
            events = events[:-1]
        super().restore([r for r in records if r.kind != self._loses], events)


@pytest.mark.parametrize("loses", ["user", "session", "event"])
def test_what_the_target_lost_is_noticed(source: MemoryStore, lived: Lived, loses: str) -> None:
    """The kind is named, and no engine opens the copy."""
    target = Forgetful(loses)

    with pytest.raises(StoreIncomplete, match=f"does not equal its source: {loses}"):
        care.copy(source, target)
    with pytest.raises(StoreIncomplete, match="not finished"):
        admit.open(target, key=KEY)


def test_a_source_with_a_key_of_two_owners_is_not_copied(
    source: MemoryStore, lived: Lived, target: Upkeep
) -> None:
    """It is told what to look at, and the key is not quoted."""
    for number in (1, 2):
        record = Record("user", f"{number:024x}", 1, {}, ("local-userpass:twice@example.com",))
        source._records[record.kind, record.id] = record

    with pytest.raises(StoreDamaged, match="hold the same key") as refused:
        care.copy(source, target)

    assert "admit store check" in str(refused.value)
    assert "twice" not in str(refused.value)
