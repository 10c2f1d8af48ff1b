"""Copying and checking over every kind of store that comes with admit, there and back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import uuid4

import pytest
from cared_store import PASSWORD, held, live, tiny
from postgres import Postgres

import admit
from admit import care
from admit.care import Progress
from admit.errors import InvalidInput, StoreIncomplete
from admit.stores import Change, Put
from admit.testing import KEY
from admit.upkeep import Upkeep

Make = Callable[[str], Upkeep]


@pytest.fixture
def make(tmp_path: Path, request: pytest.FixtureRequest) -> Make:
    """Return a function that opens a new store of a kind."""

    def make(kind: str) -> Upkeep:
        name = f"a{uuid4().hex}"
        if kind == "tinydb":
            return tiny(tmp_path, name)
        if kind == "sqlite":
            opened = care.open_store(f"sqlite:///{tmp_path / name}.db")
        else:
            server: Postgres = request.getfixturevalue("postgres")
            opened = care.open_store(f"postgresql+psycopg://{server.location(name)}")
        assert isinstance(opened, Upkeep)
        return opened

    return make


PAIRS = pytest.mark.parametrize(
    "pair",
    [
        "tinydb to sqlite",
        "sqlite to tinydb",
        "tinydb to postgresql",
        "postgresql to tinydb",
        "sqlite to postgresql",
        "postgresql to postgresql",
    ],
)


@PAIRS
def test_a_store_in_use_moves_to_another(make: Make, pair: str) -> None:
    """
    Given an application that goes on while its store is copied to one of another kind,
    when it stands still, and the store is copied again,
    then both hold the same – keys that passed on, what was sealed, erased, forgotten –, the order
        of the events is kept, and nothing is wrong with either.
    """
    with ExitStack() as stack:
        source, target = (stack.enter_context(closing(make(k))) for k in pair.split(" to "))
        lived = live(source)
        engine = lived.engine
        names = iter(range(1000))

        def meanwhile(progress: Progress) -> None:
            if progress.stage.startswith("copying"):
                engine.create(f"user{next(names)}@example.com")

        care.copy(source, target, progress=meanwhile)
        giver, taker = lived.grace, engine.register("taker@example.com", PASSWORD)
        engine.delete(giver)
        engine.correct_address(taker, to="grace@example.com")
        lived.let_a_year_pass()

        copied = care.copy(source, target)

        assert held(source) == held(target)
        assert sum(kind.written + kind.removed for kind in copied.kinds) > 10
        assert 0 == sum(k.written + k.removed for k in care.copy(source, target).kinds)
        for store in (source, target):
            found = care.check(store, care.keys_of(store, KEY), clock=lived.clock)
            assert [] == list(found)
        engine.close()


@PAIRS
def test_the_order_of_events_is_kept(make: Make, pair: str) -> None:
    """It is that of the commits, which no other field tells."""
    one, other = pair.split(" to ")
    with closing(make(one)) as source, closing(make(other)) as target:
        lived = live(source)

        care.copy(source, target)

        with source.view() as here, target.view() as there:
            assert list(here.events()) == list(there.events())
            assert list(here.events_by_user()) == list(there.events_by_user())
        lived.engine.close()


@pytest.mark.parametrize("kind", ["tinydb", "sqlite", "postgresql"])
def test_keys_change_places_and_a_copy_that_is_cut_off_goes_on(make: Make, kind: str) -> None:
    """
    Given a copy of records that then exchange their keys in a ring, in part over another kind,
    when a second copy is cut off at each of its stages, and made again,
    then the half is opened by no engine, and the whole holds what the source holds.
    """
    ids = [f"{number:024x}" for number in range(1, 4)]
    with closing(make("tinydb")) as source:
        admit.open(tiny(source.path.parent, source.path.stem), key=KEY).close()  # type: ignore[union-attr]  # a file
        source.commit(Change(put=tuple(Put("x", id, {}, None, (f"k:{id}",)) for id in ids[:2])))
        source.commit(Change(put=(Put("y", ids[2], {}, None, (f"k:{ids[2]}",)),)))
        with closing(make(kind)) as target:
            care.copy(source, target)
            ring = [("x", ids[0], ids[1]), ("x", ids[1], ids[2]), ("y", ids[2], ids[0])]
            puts = tuple(Put(kind, id, {}, 1, (f"k:{other}",)) for kind, id, other in ring)
            source.commit(Change(put=puts))
            for stage in ("copying x", "copying y", "verifying x"):
                with pytest.raises(KeyboardInterrupt):
                    care.copy(source, target, progress=interrupted_at(stage))
                with pytest.raises(StoreIncomplete):
                    admit.open(unclosed(target), key=KEY)

            care.copy(source, target)

            assert held(source) == held(target)


def interrupted_at(stage: str) -> Callable[[Progress], None]:
    def interrupt(progress: Progress) -> None:
        if progress.stage == stage:
            raise KeyboardInterrupt

    return interrupt


def unclosed(store: Upkeep) -> Upkeep:
    """Return *store* as one that an engine cannot close."""

    class Unclosed:
        def __getattr__(self, name: str) -> object:
            return (lambda: None) if name == "close" else getattr(store, name)

    return Unclosed()  # type: ignore[return-value]  # all but `close` is the store's


def test_applications_of_one_database_are_copied_apart(postgres: Postgres) -> None:
    """
    Given two applications in one database,
    when one is copied to a third, and the other there, too,
    then the third holds what the first held, and the second copy is refused.
    """
    names = [f"a{uuid4().hex}" for _ in range(3)]
    with ExitStack() as stack:
        first, second, third = (
            stack.enter_context(
                closing(care.open_store(f"postgresql+psycopg://{postgres.location(name)}"))
            )
            for name in names
        )
        one, other = live(first), live(second)

        care.copy(first, third)

        assert isinstance(first, Upkeep)
        assert isinstance(third, Upkeep)
        assert held(first) == held(third)
        with pytest.raises(InvalidInput, match="a copy of another store"):
            care.copy(second, third)
        one.engine.close()
        other.engine.close()
