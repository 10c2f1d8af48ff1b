"""Who asks, names, numbers and cursors that are none: refused by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

import pytest
from bad_input import ADDRESS, BAD_TEXT, NO_TEXT, PASSWORD, TEN_MEGABYTES, Call, refused

from admit import Actor, Client, Cursor, Engine
from admit.errors import InvalidInput
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine


@pytest.fixture
def engine(clock: SettableClock, inbox: Inbox) -> Iterator[Engine]:
    """An engine with one confirmed user, Ada, and one pending one."""
    with open_engine(MemoryStore(), clock=clock, inbox=inbox) as engine:
        engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
        engine.register("grace@example.com", PASSWORD)
        engine.settings.set("cool_down", 0)
        yield engine


# --- who asks, and why ---------------------------------------------------------------------------


WHO: Mapping[str, tuple[str, Call]] = {
    "actor": ("actor", lambda e, bad: e.acting(bad)),
    "actor.id": ("actor.id", lambda e, bad: e.acting(Actor("admin", bad))),
    "reason": ("reason", lambda e, bad: e.acting(Actor("admin"), bad)),
    "client": ("client", lambda e, bad: e.acting(Actor("user"), client=bad)),
    "client.address": (
        "client.address",
        lambda e, bad: e.acting(Actor("user"), client=Client(address=bad)),
    ),
    "client.device": (
        "client.device",
        lambda e, bad: e.acting(Actor("user"), client=Client(device=bad)),
    ),
    "client.locale": (
        "client.locale",
        lambda e, bad: e.acting(Actor("user"), client=Client(locale=bad)),
    ),
}


BAD_LINES: Mapping[str, object] = {
    **NO_TEXT,
    "ten-megabytes": TEN_MEGABYTES,
    "nul": "support\x00",
    "escape": "\x1b[31msupport",
    "delete": "support\x7f",
    "c1-control": "support\x9b31m",
    "lone-surrogate": "support \udfff",
}


BREAKS = {"line-feed": "a\nb", "carriage-return": "a\rb", "line-separator": "a\u2028b"}


@pytest.mark.parametrize("who", WHO)
def test_a2_who_asks_is_checked_before_anything_is_done(engine: Engine, who: str) -> None:
    """Given an actor, a reason or a client that no event should keep – too long, of the wrong type,
    with control characters –, when a view is bound to it, then the field is named."""
    field, call = WHO[who]
    for bad in BAD_LINES.values():
        problem = refused(engine, call, bad)
        assert isinstance(problem, InvalidInput)
        assert field == problem.field


@pytest.mark.parametrize("who", [who for who in WHO if who not in ("actor", "client", "reason")])
def test_a2_ids_and_clients_are_one_line(engine: Engine, who: str) -> None:
    """Given a line break in an id or in what a client says of itself, then it is refused; a reason
    may have several lines."""
    for bad in BREAKS.values():
        assert WHO[who][0] == getattr(refused(engine, WHO[who][1], bad), "field", None)


@pytest.mark.parametrize(
    "reason", ["", "called by phone\nand wept\t", "\u202ereversed", "x" * 4000]
)
def test_a_reason_is_kept_as_it_was_given(engine: Engine, reason: str) -> None:
    """Given a reason in several lines, or in any script, when something is done for it, then the
    event has it to the letter."""
    ada = engine.acting(Actor("admin", "key-1"), reason).disable(address=ADDRESS)

    detail = engine.users.timeline(ada)[-1].detail

    assert (reason or None) == (None if detail is None else detail["reason"])


# --- names, lists, numbers -----------------------------------------------------------------------


BAD_NAMES: Mapping[str, Call] = {
    "register.provider": lambda e, bad: e.register("eve@example.com", PASSWORD, provider=bad),
    "create.provider": lambda e, bad: e.create("eve@example.com", PASSWORD, provider=bad),
    "public.register.provider": lambda e, bad: e.public.register(
        "eve@example.com", PASSWORD, provider=bad
    ),
    "log_in.provider": lambda e, bad: e.log_in(bad, username=ADDRESS, password=PASSWORD),
    "prepare.log_in.provider": lambda e, bad: e.prepare.log_in(bad, username=ADDRESS),
    "public.log_in.provider": lambda e, bad: e.public.log_in(bad, username=ADDRESS),
    "settings.get": lambda e, bad: e.settings.get(bad),
    "settings.info": lambda e, bad: e.settings.info(bad),
    "settings.set": lambda e, bad: e.settings.set(bad, "value"),
    "settings.unset": lambda e, bad: e.settings.unset(bad),
    "users.page": lambda e, bad: e.users.page(bad),
    "users.count": lambda e, bad: e.users.count(bad),
    "events.follow": lambda e, bad: list(e.events.follow(bad)),
    "users.find_login": lambda e, bad: e.users.find_login("local-userpass", bad),
    "users.find_login.provider": lambda e, bad: e.users.find_login(bad, ADDRESS),
}


@pytest.mark.parametrize("verb", BAD_NAMES)
def test_what_is_no_name_is_refused(engine: Engine, verb: str) -> None:
    """Given what names nothing, or is no name, when a setting, a provider or a list is named by it,
    then that is said in a line."""
    for bad in (*NO_TEXT.values(), TEN_MEGABYTES, "\ud800", "", "\x00", "nothing of the kind"):
        if bad == "nothing of the kind" and verb == "events.follow":
            continue  # a consumer may have that name
        refused(engine, BAD_NAMES[verb], bad)


NUMBERS: Mapping[str, tuple[str, Call]] = {
    "users.page": ("limit", lambda e, bad: e.users.page(limit=bad)),
    "users.pending": ("limit", lambda e, bad: e.users.pending(limit=bad)),
    "users.search": ("limit", lambda e, bad: e.users.search("ada", limit=bad)),
    "events.page": ("limit", lambda e, bad: e.events.page(limit=bad)),
    "events.unsealed": ("limit", lambda e, bad: e.events.unsealed(limit=bad)),
    "events.follow": ("limit", lambda e, bad: list(e.events.follow("billing", limit=bad))),
    "rerun_all": ("limit", lambda e, bad: list(e.users.rerun_all(dry_run=True, limit=bad))),
    "sweep": ("most", lambda e, bad: e.sweep(most=bad)),
}


BAD_NUMBERS: Mapping[str, object] = {
    "negative": -1,
    "huge": 10**30,
    "fraction": 1.5,
    "not-a-number": float("nan"),
    "text": "10",
    "truth": True,
    "list": [1],
}


@pytest.mark.parametrize("bad", BAD_NUMBERS)
@pytest.mark.parametrize("verb", NUMBERS)
def test_a_number_out_of_bounds_is_refused_by_name(engine: Engine, verb: str, bad: str) -> None:
    """Given a number that is none, or out of bounds, then its name and bounds are said."""
    field, call = NUMBERS[verb]

    problem = refused(engine, call, BAD_NUMBERS[bad])

    assert isinstance(problem, InvalidInput)
    assert field == problem.field


@pytest.mark.parametrize("bad", ["", 7, ("a",), ("a", "b", "c"), ["a", "b"], ("a", 7), object()])
@pytest.mark.parametrize(
    "call",
    [
        lambda e, bad: e.users.page(after=bad),
        lambda e, bad: e.users.pending(after=bad),
        lambda e, bad: list(e.users.rerun_all(after=bad, dry_run=True)),
    ],
    ids=["page", "pending", "rerun_all"],
)
def test_what_is_no_cursor_is_refused(engine: Engine, call: Call, bad: object) -> None:
    """Given what no page gave, when a walk is to go on there, then that is said."""
    problem = refused(engine, call, bad)

    assert isinstance(problem, InvalidInput)
    assert "after" == problem.field
    call(engine, Cursor("2026", "0" * 24))


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("pending_longer_than", 7),
        ("pending_longer_than", "2h"),
        ("pending_longer_than", timedelta(seconds=-1)),
        ("pending_longer_than", timedelta.max),
        ("domain", b"example.com"),
        ("domain", TEN_MEGABYTES),
        ("per_second", "fast"),
        ("per_second", float("nan")),
        ("per_second", float("inf")),
        ("per_second", 1e-300),
        ("per_second", True),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_filter_of_a_bulk_rerun_is_checked_at_once(
    engine: Engine, field: str, bad: object
) -> None:
    """Given a filter that is none, when a bulk re-run is asked for, then it is named before the
    first user is touched."""
    problem = refused(engine, lambda e, _: e.users.rerun_all(**{field: bad}), bad)

    assert isinstance(problem, InvalidInput)
    assert field == problem.field


@pytest.mark.parametrize("after", [-1, 1.5, "7", None, 10**30])
def test_what_is_no_sequence_is_refused(engine: Engine, after: object) -> None:
    """Given what is no number of a sealed event, when events behind it are asked for, then that is
    said."""
    problem = refused(engine, lambda e, bad: e.events.page(after=bad), after)

    assert isinstance(problem, InvalidInput)
    assert "after" == problem.field


@pytest.mark.parametrize("idle", [1, "1s", timedelta(0), timedelta(seconds=-1), timedelta.max])
def test_a_worker_that_would_never_rest_or_wake_is_refused(engine: Engine, idle: object) -> None:
    """Given what is no time to rest, when the worker's loop is begun, then it is not."""
    problem = refused(engine, lambda e, bad: e.work(idle=bad), idle)

    assert isinstance(problem, InvalidInput)
    assert "idle" == problem.field


def test_a_search_takes_any_text(engine: Engine) -> None:
    """Given any text, when addresses that begin so are searched, then nobody is found."""
    for bad in BAD_TEXT.values():
        if bad and len(str(bad)) < 1000 and "\ud800" not in str(bad) and "\udfff" not in str(bad):
            assert () == engine.users.search(str(bad))
    for bad in (*NO_TEXT.values(), TEN_MEGABYTES, "\ud800"):
        assert "prefix" == getattr(
            refused(engine, lambda e, bad: e.users.search(bad), bad), "field", None
        )
