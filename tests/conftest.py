"""What all tests share: the two lanes, and engines with nothing slow or real in them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from postgres import Postgres, running

import admit
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"

settings.register_profile(
    "fast",
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "full",
    max_examples=500,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full", action="store_true", help="run the full lane: long kill, race and model runs"
    )


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("full" if config.getoption("--full") else "fast")
    # Settings of the machine must not leak into tests.
    for name in [name for name in os.environ if name.startswith("ADMIT_")]:
        del os.environ[name]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--full"):
        return
    full = [item for item in items if item.get_closest_marker("full")]
    if full:
        config.hook.pytest_deselected(items=full)
        items[:] = [item for item in items if not item.get_closest_marker("full")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests counted: kills, faults, races."""
    totals: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, counted in report.user_properties:
            if name == "counted":
                totals.update(counted)
    if totals:
        terminalreporter.section("counted")
        for what, count in sorted(totals.items()):
            terminalreporter.write_line(f"{what}: {count:,}")


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Callable[[str, int], None]:
    """Count what a test does: `count("kills", 1)`; the sums of all tests end the run."""
    found: dict[str, int] = {}
    request.node.user_properties.append(("counted", found))

    def add(what: str, how_many: int) -> None:
        found[what] = found.get(what, 0) + how_many

    return add


@pytest.fixture
def clock() -> SettableClock:
    """A clock that stands still until the test moves it."""
    return SettableClock()


@pytest.fixture
def inbox() -> Inbox:
    """Where the engine's mail lands."""
    return Inbox()


@pytest.fixture
def store() -> MemoryStore:
    """The engine's store, which can be told to fail."""
    return MemoryStore()


@pytest.fixture
def engine(store: MemoryStore, clock: SettableClock, inbox: Inbox) -> Iterator[admit.Engine]:
    """An engine on a memory store, in the flow `email`."""
    with open_engine(store, clock=clock, inbox=inbox) as opened:
        yield opened


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server that this worker's tests share, each in an application of its own."""
    with running() as server:
        yield server


@pytest.fixture
def json_path(tmp_path: Path) -> Path:
    """Where a TinyDB store may be made."""
    return tmp_path / "users.json"
