"""Working the queue: by hand, in a loop, in a thread of the engine's own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from meeting_flow import Meeting
from told_flow import ToldFlow

import admit
from admit import Entry, Outcome
from admit.errors import StoreClosed, StoreFull
from admit.testing import CHEAP_HASHING, KEY, Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
LIMIT_SECONDS = 30
"""How long a test waits for another thread before it fails."""


def test_opening_an_engine_does_nothing(engine: admit.Engine) -> None:
    """No thread is started, nothing is due."""
    assert "admit-worker" not in [thread.name for thread in threading.enumerate()]
    engine.work_once()

    worked = engine.work_once()

    assert (0, 0, 0) == (worked.runs, worked.swept, worked.sealed)
    assert not worked


def test_what_a_stranger_asks_for_is_queued_until_somebody_works(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """
    Given an engine without a worker,
    when a stranger registers,
    then no message is sent on her path, but by the next pass of a worker.
    """
    engine.public.register("ada@example.com", PASSWORD)
    assert [] == inbox.messages

    worked = engine.work_once()

    assert (1, ["ada@example.com"]) == (worked.runs, [m.to for m in inbox.messages])


def test_a_queued_run_waits_without_a_token(engine: admit.Engine) -> None:
    """No raw token waits anywhere: the worker's lease mints."""
    engine.public.register("ada@example.com", PASSWORD)

    run = engine.users.find("ada@example.com").last_run

    assert run is not None
    assert () == run.attempts


def test_a_pass_seals_what_was_committed(engine: admit.Engine) -> None:
    """Followers see it from then on."""
    engine.register("ada@example.com", PASSWORD)
    waiting = len(engine.events.unsealed(limit=100))

    assert waiting == engine.work_once().sealed
    assert () == engine.events.unsealed()


def test_a_pass_expires_who_is_past_the_deadline(
    engine: admit.Engine, clock: SettableClock
) -> None:
    """The policy needs no cron job besides the worker."""
    engine.settings.set("expire_pending_after", timedelta(days=7))
    engine.register("ada@example.com", PASSWORD)
    clock.advance(timedelta(days=7))

    assert 1 == engine.work_once().swept
    assert 0 == engine.users.count("pending")


@pytest.fixture
def arrived(inbox: Inbox) -> threading.Event:
    """Set when a message is being taken."""
    event = threading.Event()
    inbox.before_mail(lambda message: event.set())
    return event


def test_the_loop_works_until_it_is_told_to_stop(
    engine: admit.Engine, arrived: threading.Event
) -> None:
    """
    Given a loop that has nothing to do,
    when something is queued in this process, it takes it up at once, however long it idles;
    when it is told to stop, it ends.
    """
    stop = threading.Event()
    loop = threading.Thread(
        target=engine.work, args=(stop,), kwargs={"idle": timedelta(hours=1)}, daemon=True
    )
    loop.start()

    engine.public.register("ada@example.com", PASSWORD)

    assert arrived.wait(LIMIT_SECONDS)
    stop.set()
    engine.public.register("grace@example.com", PASSWORD)  # wakes it up
    loop.join(LIMIT_SECONDS)
    assert not loop.is_alive()


@pytest.fixture
def workshop(
    store: MemoryStore, inbox: Inbox, request: pytest.FixtureRequest
) -> Iterator[admit.Engine]:
    """An engine as an application opens it; the parameter is its argument `worker`."""
    with admit.open(
        store,
        key=KEY,
        settings={
            **CHEAP_HASHING,
            "transport": "inbox",
            "email.sender": "admit@example.com",
            "email.link_base": "https://app.example.com/confirm",
        },
        plugins=[inbox],
        worker=request.param,
    ) as engine:
        yield engine


@pytest.mark.parametrize("workshop", [None, True], indirect=True, ids=["by default", "at once"])
def test_the_first_use_of_public_finds_or_starts_a_worker(
    workshop: admit.Engine, arrived: threading.Event
) -> None:
    """
    Given an engine that was opened without a word about a worker, or with one,
    when a stranger registers,
    then the message is sent by a thread of the engine.
    """
    workshop.public.register("ada@example.com", PASSWORD)

    assert arrived.wait(LIMIT_SECONDS)


@pytest.mark.parametrize("workshop", [False], indirect=True)
def test_an_engine_whose_queue_others_work_starts_no_thread(workshop: admit.Engine) -> None:
    """`admit work` does it, in another process."""
    workshop.public.register("ada@example.com", PASSWORD)

    run = workshop.users.find("ada@example.com").last_run
    assert run is not None
    assert run.due_at is not None
    assert "admit-worker" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize("workshop", [True], indirect=True)
def test_closing_ends_the_worker(workshop: admit.Engine) -> None:
    """It waits for what is under way, and the thread is gone."""
    [worker] = [t for t in threading.enumerate() if t.name == "admit-worker"]

    workshop.close()

    worker.join(LIMIT_SECONDS)
    assert not worker.is_alive()
    with pytest.raises(StoreClosed):
        workshop.users.count()


def test_two_workers_send_one_message(
    store: MemoryStore, clock: SettableClock, told: ToldFlow
) -> None:
    """
    Given two processes that work the same queue,
    when one takes up a run while the other is about to,
    then the flow is entered once.
    """
    settings = {"confirmation_flow": "told"}
    one = open_engine(store, clock=clock, plugins=[told], settings=settings)
    other = open_engine(store, clock=clock, plugins=[told])
    one.public.register("ada@example.com", PASSWORD)

    def also_here(entry: Entry) -> Outcome:
        other.work_once()
        return Outcome.pending()

    told.act = also_here
    one.work_once()

    assert 1 == len(told.entries)


def test_a_worker_takes_up_a_few_users_side_by_side(store: MemoryStore) -> None:
    """
    Given a flow that lets nobody through until four users are in it,
    when a worker finds eight that are queued,
    then it brings all of them through: one who waits holds up nobody behind.
    """
    meeting = Meeting(4)
    with open_engine(store, plugins=[meeting], settings={"confirmation_flow": "meeting"}) as engine:
        for number in range(8):
            engine.public.register(f"user{number}@example.com", PASSWORD)

        assert 8 == engine.work_once().runs

        assert 8 == engine.users.count("confirmed")


def test_a_hiccup_of_the_store_does_not_end_the_loop(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox, arrived: threading.Event
) -> None:
    """
    Given a loop whose commits fail for a while,
    when the store is well again,
    then it goes on with what waits.
    """
    failed = threading.Event()

    def fail(change: object) -> None:
        failed.set()
        raise StoreFull("The disk is full.")

    engine.public.register("ada@example.com", PASSWORD)
    store.before_commit = fail
    stop = threading.Event()
    loop = threading.Thread(
        target=engine.work, args=(stop,), kwargs={"idle": timedelta(milliseconds=10)}, daemon=True
    )
    loop.start()
    assert failed.wait(LIMIT_SECONDS)

    store.before_commit = None

    assert arrived.wait(LIMIT_SECONDS)
    stop.set()
    loop.join(LIMIT_SECONDS)
