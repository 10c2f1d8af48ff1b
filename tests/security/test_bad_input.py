"""Addresses, ids and data that are none: refused by name, and nothing was changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from bad_input import (
    ADDRESS,
    BAD_ADDRESSES,
    BAD_IDS,
    BAD_TEXT,
    CODE,
    NEW,
    NO_TEXT,
    PASSWORD,
    TEN_MEGABYTES,
    Call,
    refused,
)

from admit import Engine
from admit.errors import InvalidInput, LogInRefused
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


# --- addresses -----------------------------------------------------------------------------------


BY_ADDRESS: Mapping[str, tuple[str, Call]] = {
    "register": ("address", lambda e, bad: e.register(bad, PASSWORD)),
    "create": ("address", lambda e, bad: e.create(bad, PASSWORD)),
    "prepare.register": ("address", lambda e, bad: e.prepare.register(bad, PASSWORD)),
    "confirm": ("address", lambda e, bad: e.confirm(address=bad, code=CODE)),
    "prepare.confirm": ("address", lambda e, bad: e.prepare.confirm(address=bad, code=CODE)),
    "confirm_manually": ("address", lambda e, bad: e.confirm_manually(address=bad)),
    "rerun": ("address", lambda e, bad: e.rerun(address=bad)),
    "prepare.rerun": ("address", lambda e, bad: e.prepare.rerun(address=bad)),
    "resend": ("address", lambda e, bad: e.resend(address=bad)),
    "correct_address": (
        "address",
        lambda e, bad: e.correct_address(address=bad, to="eve@example.com"),
    ),
    "correct_address.to": (
        "to",
        lambda e, bad: e.correct_address(address="grace@example.com", to=bad),
    ),
    "disable": ("address", lambda e, bad: e.disable(address=bad)),
    "enable": ("address", lambda e, bad: e.enable(address=bad)),
    "delete": ("address", lambda e, bad: e.delete(address=bad)),
    "restore": ("address", lambda e, bad: e.restore(address=bad)),
    "users.export": ("address", lambda e, bad: e.users.export(address=bad)),
    "custom_data.get": ("address", lambda e, bad: e.custom_data.get(address=bad)),
    "custom_data.set": ("address", lambda e, bad: e.custom_data.set(address=bad, data={})),
    "reset": ("address", lambda e, bad: e.reset(address=bad)),
    "set_password": (
        "address",
        lambda e, bad: e.set_password(address=bad, code=CODE, password=NEW),
    ),
    "change_password": (
        "address",
        lambda e, bad: e.change_password(address=bad, current=PASSWORD, new=NEW),
    ),
    "log_out_all": ("address", lambda e, bad: e.log_out_all(address=bad)),
    "may": ("address", lambda e, bad: e.may(address=bad)),
    "why": ("address", lambda e, bad: e.why(address=bad)),
    "identities.usable": ("address", lambda e, bad: e.identities.usable(address=bad)),
    "identities.unlink": (
        "address",
        lambda e, bad: e.identities.unlink(address=bad, provider="local-userpass"),
    ),
    "identities.add_login": (
        "address",
        lambda e, bad: e.identities.add_login(e.users.find(ADDRESS), bad, PASSWORD),
    ),
    "identities.change_address": (
        "address",
        lambda e, bad: e.identities.change_address(address=bad, to="eve@example.com"),
    ),
    "identities.change_address.to": (
        "to",
        lambda e, bad: e.identities.change_address(address=ADDRESS, to=bad),
    ),
    "identities.change_address_manually": (
        "address",
        lambda e, bad: e.identities.change_address_manually(address=bad, to="eve@example.com"),
    ),
    "identities.change_address_manually.to": (
        "to",
        lambda e, bad: e.identities.change_address_manually(address=ADDRESS, to=bad),
    ),
    "users.find": ("address", lambda e, bad: e.users.find(bad)),
    "users.timeline": ("address", lambda e, bad: e.users.timeline(address=bad)),
    "sessions.of": ("address", lambda e, bad: e.sessions.of(address=bad)),
    "public.register": ("address", lambda e, bad: e.public.register(bad, PASSWORD)),
    "public.resend": ("address", lambda e, bad: e.public.resend(address=bad)),
    "public.rerun": ("address", lambda e, bad: e.public.rerun(address=bad)),
    "public.reset": ("address", lambda e, bad: e.public.reset(address=bad)),
    "public.confirm": (
        "address",
        lambda e, bad: e.public.confirm(address=bad, code=CODE, password=NEW),
    ),
    "public.set_password": (
        "address",
        lambda e, bad: e.public.set_password(address=bad, code=CODE, password=NEW),
    ),
    "public.change_password": (
        "address",
        lambda e, bad: e.public.change_password(address=bad, current=PASSWORD, new=NEW),
    ),
    "public.delete": ("address", lambda e, bad: e.public.delete(address=bad, password=PASSWORD)),
    "public.correct_address": (
        "address",
        lambda e, bad: e.public.correct_address(address=bad, password=PASSWORD, to=ADDRESS),
    ),
    "public.correct_address.to": (
        "to",
        lambda e, bad: e.public.correct_address(
            address="grace@example.com", password=PASSWORD, to=bad
        ),
    ),
}


@pytest.mark.parametrize("verb", BY_ADDRESS)
def test_what_is_no_address_is_refused_by_name(engine: Engine, verb: str) -> None:
    """Given text that is no address, or no text at all, when it stands in an address's place, then
    that field is named."""
    field, call = BY_ADDRESS[verb]
    for bad in BAD_ADDRESSES.values():
        problem = refused(engine, call, bad)
        assert isinstance(problem, InvalidInput)
        assert field == problem.field


@pytest.mark.parametrize("provider", ["public", "trusted"])
def test_e1_a_log_in_with_what_is_no_address_is_wrong_credentials(
    engine: Engine, provider: str
) -> None:
    """Given text that is no address, when somebody logs in with it, then it is refused like an
    unknown one; what is no text is named."""
    face = engine if provider == "trusted" else engine.public
    call: Call = lambda _, bad: face.log_in("local-userpass", username=bad, password=PASSWORD)  # noqa: E731
    for bad in BAD_TEXT.values():
        assert isinstance(refused(engine, call, bad), LogInRefused)
    for bad in (*NO_TEXT.values(), None):
        problem = refused(engine, call, bad)
        assert isinstance(problem, InvalidInput)
        assert "username" == problem.field


# --- ids -----------------------------------------------------------------------------------------


BY_ID: Mapping[str, tuple[str, Call]] = {
    "confirm_manually": ("user", lambda e, bad: e.confirm_manually(bad)),
    "rerun": ("user", lambda e, bad: e.rerun(bad)),
    "prepare.rerun": ("user", lambda e, bad: e.prepare.rerun(bad)),
    "resend": ("user", lambda e, bad: e.resend(bad)),
    "correct_address": ("user", lambda e, bad: e.correct_address(bad, to="eve@example.com")),
    "disable": ("user", lambda e, bad: e.disable(bad)),
    "enable": ("user", lambda e, bad: e.enable(bad)),
    "delete": ("user", lambda e, bad: e.delete(bad)),
    "restore": ("user", lambda e, bad: e.restore(bad)),
    "users.export": ("user", lambda e, bad: e.users.export(bad)),
    "users.erasure": ("user", lambda e, bad: e.users.erasure(bad)),
    "custom_data.get": ("user", lambda e, bad: e.custom_data.get(bad)),
    "custom_data.set": ("user", lambda e, bad: e.custom_data.set(bad, {})),
    "reset": ("user", lambda e, bad: e.reset(bad)),
    "change_password": (
        "user",
        lambda e, bad: e.change_password(bad, current=PASSWORD, new=NEW),
    ),
    "log_out_all": ("user", lambda e, bad: e.log_out_all(bad)),
    "may": ("user", lambda e, bad: e.may(bad)),
    "why": ("user", lambda e, bad: e.why(bad)),
    "identities.usable": ("user", lambda e, bad: e.identities.usable(bad)),
    "identities.link": ("user", lambda e, bad: e.identities.link(bad, "local-userpass")),
    "identities.unlink": (
        "user",
        lambda e, bad: e.identities.unlink(bad, provider="local-userpass"),
    ),
    "identities.add_login": ("user", lambda e, bad: e.identities.add_login(bad, ADDRESS, NEW)),
    "identities.plan_merge": (
        "user",
        lambda e, bad: e.identities.plan_merge(e.users.find(ADDRESS), bad),
    ),
    "identities.merge": ("user", lambda e, bad: e.identities.merge(bad, e.users.find(ADDRESS))),
    "identities.change_address": (
        "user",
        lambda e, bad: e.identities.change_address(bad, to="eve@example.com"),
    ),
    "identities.change_address_manually": (
        "user",
        lambda e, bad: e.identities.change_address_manually(bad, to="eve@example.com"),
    ),
    "identities.confirm_address": (
        "user",
        lambda e, bad: e.identities.confirm_address(bad, code=CODE),
    ),
    "users.get": ("user", lambda e, bad: e.users.get(bad)),
    "users.timeline": ("user", lambda e, bad: e.users.timeline(bad)),
    "sessions.of": ("user", lambda e, bad: e.sessions.of(bad)),
    "sessions.end": ("session", lambda e, bad: e.sessions.end(bad)),
    "public.resend": ("user", lambda e, bad: e.public.resend(user=bad)),
    "public.rerun": ("user", lambda e, bad: e.public.rerun(user=bad)),
    "public.change_password": (
        "user",
        lambda e, bad: e.public.change_password(user=bad, current=PASSWORD, new=NEW),
    ),
    "public.delete": ("user", lambda e, bad: e.public.delete(user=bad, password=PASSWORD)),
    "public.correct_address": (
        "user",
        lambda e, bad: e.public.correct_address(user=bad, password=PASSWORD, to=ADDRESS),
    ),
}


@pytest.mark.parametrize("verb", BY_ID)
def test_what_is_no_id_is_refused_by_name(engine: Engine, verb: str) -> None:
    """Given what is no id, when a user or a session is named by it, then that is said."""
    field, call = BY_ID[verb]
    for bad in BAD_IDS.values():
        problem = refused(engine, call, bad)
        assert isinstance(problem, InvalidInput)
        assert field == problem.field


# --- data that goes with a registration ----------------------------------------------------------


def nested(levels: int) -> dict[str, object]:
    found: dict[str, object] = {}
    for _ in range(levels):
        found = {"a": found}
    return found


BAD_DATA: Mapping[str, object] = {
    "list": ["name"],
    "text": "name",
    "object": {"name": object()},
    "set": {"names": {"Ada"}},
    "bytes": {"name": b"Ada"},
    "not-a-number": {"age": float("nan")},
    "infinity": {"age": float("inf")},
    "name-that-is-a-number": {7: "seven"},
    "name-that-is-a-pair": {(1, 2): "pair"},
    "too-large": {"name": TEN_MEGABYTES},
    "too-deep": nested(100_000),
    "lone-surrogate": {"name": "\ud800"},
    "lone-surrogate-in-a-name": {"\ud800": "name"},
    "nul": {"name": "A\x00da"},
}


DATA: Mapping[str, Call] = {
    "register": lambda e, bad: e.register("eve@example.com", PASSWORD, data=bad),
    "create": lambda e, bad: e.create("eve@example.com", PASSWORD, data=bad),
    "prepare.register": lambda e, bad: e.prepare.register("eve@example.com", PASSWORD, data=bad),
    "public.register": lambda e, bad: e.public.register("eve@example.com", PASSWORD, data=bad),
}


@pytest.mark.parametrize("bad", BAD_DATA)
@pytest.mark.parametrize("verb", DATA)
def test_data_that_json_cannot_hold_is_refused(engine: Engine, verb: str, bad: str) -> None:
    """Given data that a store could not keep, or not give back as it was, then it is named."""
    problem = refused(engine, DATA[verb], BAD_DATA[bad])

    assert isinstance(problem, InvalidInput)
    assert "data" == problem.field
