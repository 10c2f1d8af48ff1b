"""What is left of a deleted user is erased though the process that erases it is killed anywhere."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import leaving_processes
import pytest
from leaving_processes import ADDRESS, PASSWORD, STEPS, engine_on, open_store
from nursery import Nursery, nursery

from admit import Actor, Client, care
from admit.clock import to_text
from admit.errors import UserNotFound
from admit.testing import KEY, SettableClock
from admit.upkeep import Upkeep

Count = Callable[[str, int], None]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TRACES = (ADDRESS, "Vanishing Name", "c-42", "192.0.2.7")


@pytest.fixture(scope="module")
def forks() -> Iterator[Nursery]:
    with nursery(leaving_processes.MODULE) as forks:
        yield forks


@pytest.fixture(params=["tinydb", pytest.param("sqlite", marks=pytest.mark.full)])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Places for a new store and the book of the plugin beside it."""

    def endless() -> Iterator[tuple[str, Path]]:
        number = 0
        while True:
            number += 1
            folder = tmp_path / f"{number}"
            folder.mkdir()
            is_sql = request.param == "sqlite"
            where = f"sqlite:///{folder}/users.db" if is_sql else str(folder / "users.json")
            yield where, folder / "book"

    return endless()


def lived(where: str, book: Path) -> str:
    """Let a user live in a new store; return her id."""
    book.touch()
    with closing(open_store(where)) as store:
        engine = engine_on(store, book, NOW)
        client = Client(address="192.0.2.7", device="her phone")
        hers = engine.acting(Actor("user"), client=client)
        user = hers.register(ADDRESS, PASSWORD, data={"name": "Vanishing Name"})
        hers.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
        engine.custom_data.set(user, {"customer": "c-42"})
        while engine.work_once():
            pass
        return user.id


def finish(where: str, book: Path, user_id: str) -> Counter[str]:
    """Do later what the dead process left undone; return how often each step was called. Nothing
    of her is left then, and everything that stays fits together."""
    with closing(open_store(where)) as store:
        engine = engine_on(store, book, NOW + timedelta(minutes=2))
        with contextlib.suppress(UserNotFound):
            engine.delete(user_id)  # unless that was committed
        while engine.work_once():
            pass

        erasure = engine.users.erasure(user_id)
        assert erasure.finished
        assert dict.fromkeys(STEPS, "done") == {s.name: s.ended for s in erasure.steps}
        assert () == engine.events.verify().problems
        assert isinstance(store, Upkeep)
        with store.view() as view:
            held = [repr(record) for kind in view.kinds() for record in view.records(kind)]
            held += [repr(event) for event in view.events()]
        assert [] == [trace for trace in TRACES if any(trace in text for text in held)]
        keys = care.keys_of(store, KEY)
        assert [] == list(care.check(store, keys, clock=SettableClock(NOW)))
    return Counter(line.split()[0] for line in book.read_text().splitlines())


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_any_commit_leaves_nothing_undone(
    forks: Nursery, places: Iterator[tuple[str, Path]], when: str, count: Count
) -> None:
    """
    Given a user who is being deleted and erased,
    when the process is killed before, or after, each of its commits, one store each,
    then whoever works later finishes: each step was called, at most once more than it had to be,
    nothing of her is left, and the trail is whole.
    """
    at = 0
    while True:
        where, book = next(places)
        user_id = lived(where, book)
        said = forks.fork(
            "leave", where=where, book=str(book), now=to_text(NOW), at=at, when=when, dies=""
        ).last_words()

        called = finish(where, book, user_id)

        assert set(STEPS) == set(called)
        assert max(called.values()) <= 2
        if said == ["done"]:
            break
        assert [] == said
        count("kills while erasing", 1)
        at += 1
    assert {1} == set(called.values()), "without a crash, nothing is repeated"
    assert at > 10


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_in_a_step_has_it_called_again(
    forks: Nursery, places: Iterator[tuple[str, Path]], when: str, step: str, count: Count
) -> None:
    """
    Given a step that is being called,
    when the process is killed just before it does its work, or just after it,
    then it is called again by whoever works later – at least once –, and no other is repeated.
    """
    where, book = next(places)
    user_id = lived(where, book)
    said = forks.fork(
        "leave",
        where=where,
        book=str(book),
        now=to_text(NOW),
        at=-1,
        when="",
        dies=f"{when} {step}",
    ).last_words()
    assert [] == said
    count("kills while erasing", 1)

    called = finish(where, book, user_id)

    again = 1 if when == "before" else 2
    assert {name: again if name == step else 1 for name in STEPS} == called


def test_two_workers_at_once_call_each_step_once(
    forks: Nursery, places: Iterator[tuple[str, Path]]
) -> None:
    """
    Given twelve deleted users and two processes that work at the same time,
    when both have worked,
    then every step was called exactly once for each of them.
    """
    where, book = next(places)
    book.touch()
    with closing(open_store(where)) as store:
        engine = engine_on(store, book, NOW)
        users = [engine.create(f"user{number}@example.com", PASSWORD) for number in range(12)]
        for user in users:
            engine.delete(user)

    workers = [forks.fork("work", where=where, book=str(book), now=to_text(NOW)) for _ in range(2)]
    assert [["done"], ["done"]] == [worker.last_words() for worker in workers]

    wanted = Counter(f"{step} user{number}@example.com" for step in STEPS for number in range(12))
    assert wanted == Counter(book.read_text().splitlines())
    with closing(open_store(where)) as store:
        engine = engine_on(store, book, NOW)
        assert all(engine.users.erasure(user).finished for user in users)
