"""Bad input: whatever a caller passes, the answer names the field, and nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import admit
from admit import Actor, AdmitError, Client, Cursor, Engine
from admit.errors import (
    IdentityNotFound,
    InvalidInput,
    LogInRefused,
    PasswordRefused,
    SessionInvalid,
    TokenMalformed,
    UnknownName,
)
from admit.testing import KEY, Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

ADDRESS = "ada@example.com"
PASSWORD = "correct horse battery staple"
NEW = "my own long password"
TOKEN_ID = "64f0aa64f0aa64f0aa64f0aa"
TOKEN = "0123456789abcdef" * 8
CODE = "AAAA-2222"
TEN_MEGABYTES = "a" * 10_000_000
LONGEST = 4000
"""Characters of an error and its `repr`: the names of all settings fit in."""

NO_TEXT: Mapping[str, object] = {
    "number": 7,
    "truth": True,
    "bytes": b"ada@example.com",
    "list": ["ada@example.com"],
    "mapping": {"$ne": None},
    "object": object(),
}
BAD_TEXT: Mapping[str, object] = {
    "empty": "",
    "blank": "   ",
    "ten-megabytes": TEN_MEGABYTES,
    "ten-megabytes-at-a-domain": TEN_MEGABYTES + "@example.com",
    "nul": "ada\x00@example.com",
    "control": "ada\x1b[31m@example.com",
    "delete": "ada\x7f@example.com",
    "line-break": "ada@example.com\r\nBcc: eve@example.com",
    "line-feed": "ada\n@example.com",
    "line-separator": "ada\u2028@example.com",
    "lone-surrogate": "ada\ud800@example.com",
    "surrogate-in-the-domain": "ada@ex\udfffample.com",
    "right-to-left": "\u202eada@example.com",
    "two-addresses": "ada@example.com, eve@example.com",
    "display-name": "Ada <ada@example.com>",
    "quoted": '"ada lovelace"@example.com',
    "template": "{{ 7 }}",
    "path": "../../etc/passwd",
}
BAD_ADDRESSES = {**NO_TEXT, **BAD_TEXT}

Call = Callable[[Any, Any], object]
"""A verb, called on an engine with something bad in one place. (Bad on purpose, hence no types.)"""


@pytest.fixture
def engine(clock: SettableClock, inbox: Inbox) -> Iterator[Engine]:
    """An engine with one confirmed user, Ada, and one pending one."""
    with open_engine(MemoryStore(), clock=clock, inbox=inbox) as engine:
        engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
        engine.register("grace@example.com", PASSWORD)
        engine.settings.set("cool_down", 0)
        yield engine


def refused(engine: Engine, call: Call, bad: object) -> AdmitError:
    """What the call raises: one of our errors, short, without what was handed in; nothing was
    changed."""
    before = everything(engine)

    with pytest.raises(AdmitError) as raised:
        call(engine, bad)

    assert before == everything(engine)
    shown = f"{raised.value} {raised.value!r}"
    assert len(shown) < LONGEST
    if isinstance(bad, str) and len(bad) > 100:
        assert bad not in shown
    return raised.value


def everything(engine: Engine) -> object:
    """All that a verb could change, but the record of refusals and what strangers' requests are
    counted by."""
    lists = [engine.users.page(label, limit=1000).items for label in ("all", "deleted")]
    return [*lists, [(info.name, info.value) for info in engine.settings.all()]]


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
BAD_IDS = {
    **BAD_ADDRESSES,
    "too-short": "64f0",
    "no-hex": "z" * 24,
    "capitals": "64F0AA64F0AA64F0AA64F0AA",
    "other-digits": "\u0664" * 24,
    "line-behind": TOKEN_ID + "\n",
}


@pytest.mark.parametrize("verb", BY_ID)
def test_what_is_no_id_is_refused_by_name(engine: Engine, verb: str) -> None:
    """Given what is no id, when a user or a session is named by it, then that is said."""
    field, call = BY_ID[verb]
    for bad in BAD_IDS.values():
        problem = refused(engine, call, bad)
        assert isinstance(problem, InvalidInput)
        assert field == problem.field


# --- tokens and codes ----------------------------------------------------------------------------

BY_TOKEN: Mapping[str, tuple[str, Call]] = {
    "confirm": ("token", lambda e, bad: e.confirm(token_id=TOKEN_ID, token=bad)),
    "confirm.token_id": ("token_id", lambda e, bad: e.confirm(token_id=bad, token=TOKEN)),
    "prepare.confirm": ("token", lambda e, bad: e.prepare.confirm(token_id=TOKEN_ID, token=bad)),
    "identities.confirm_address": (
        "token",
        lambda e, bad: e.identities.confirm_address(token_id=TOKEN_ID, token=bad),
    ),
    "identities.confirm_address.token_id": (
        "token_id",
        lambda e, bad: e.identities.confirm_address(token_id=bad, token=TOKEN),
    ),
    "set_password": (
        "token",
        lambda e, bad: e.set_password(token_id=TOKEN_ID, token=bad, password=NEW),
    ),
    "set_password.token_id": (
        "token_id",
        lambda e, bad: e.set_password(token_id=bad, token=TOKEN, password=NEW),
    ),
    "public.restore": ("token", lambda e, bad: e.public.restore(token=bad)),
    "public.confirm": (
        "token",
        lambda e, bad: e.public.confirm(token_id=TOKEN_ID, token=bad, password=NEW),
    ),
    "public.confirm.token_id": (
        "token_id",
        lambda e, bad: e.public.confirm(token_id=bad, token=TOKEN, password=NEW),
    ),
    "public.set_password": (
        "token",
        lambda e, bad: e.public.set_password(token_id=TOKEN_ID, token=bad, password=NEW),
    ),
    "public.set_password.token_id": (
        "token_id",
        lambda e, bad: e.public.set_password(token_id=bad, token=TOKEN, password=NEW),
    ),
}
BY_CODE: Mapping[str, Call] = {
    "identities.confirm_address": lambda e, bad: e.identities.confirm_address(
        e.users.find(ADDRESS), code="" if bad is None else bad
    ),
    "confirm": lambda e, bad: e.confirm(address=ADDRESS, code=bad),
    "prepare.confirm": lambda e, bad: e.prepare.confirm(address=ADDRESS, code=bad),
    "set_password": lambda e, bad: e.set_password(address=ADDRESS, code=bad, password=NEW),
    "public.confirm": lambda e, bad: e.public.confirm(address=ADDRESS, code=bad, password=NEW),
    "public.set_password": lambda e, bad: e.public.set_password(
        address=ADDRESS, code=bad, password=NEW
    ),
}


@pytest.mark.parametrize("verb", BY_TOKEN)
def test_what_is_no_token_is_told_apart_from_a_dead_one(engine: Engine, verb: str) -> None:
    """Given what has not the shape of a token, when it is used as one, then it is malformed, and
    which half of the link is named."""
    field, call = BY_TOKEN[verb]
    for bad in (*BAD_IDS.values(), None, TOKEN[:-1], TOKEN + "0", "z" * 128):
        if bad == BAD_IDS["capitals"]:
            continue  # case is ignored in a link
        problem = refused(engine, call, bad)
        assert isinstance(problem, TokenMalformed)
        assert field == problem.field


@pytest.mark.parametrize("verb", BY_CODE)
def test_what_is_no_code_counts_as_no_try(engine: Engine, verb: str) -> None:
    """Given what cannot be a code, when it is typed, then the field is named, and it was no try:
    nothing is changed."""
    for bad in (*BAD_IDS.values(), None, "AAAA-222", "AAAA-22223", "ÄÄÄÄ-2222", "AAAA\x00222"):
        problem = refused(engine, BY_CODE[verb], bad)
        assert isinstance(problem, InvalidInput)
        assert "code" == problem.field


@pytest.mark.parametrize("verb", ["verify", "refresh", "log_out"])
def test_what_is_no_session_token_opens_nothing(engine: Engine, verb: str) -> None:
    """Given anything in the place of an access or refresh token, then it is one error."""
    call: Call = lambda e, bad: getattr(e, verb)(bad)  # noqa: E731
    for bad in (*BAD_IDS.values(), None, "a.b.c", "..", "." * 1000, "é.é.é"):
        assert isinstance(refused(engine, call, bad), SessionInvalid)


OF_ONES_OWN: Mapping[str, Call] = {
    "link": lambda own, bad: own.link(bad, "local-userpass", username=ADDRESS, password=PASSWORD),
    "unlink": lambda own, bad: own.unlink(access_token=bad, provider="local-userpass"),
    "add_login": lambda own, bad: own.add_login(access_token=bad, login=ADDRESS, password=NEW),
    "change_address": lambda own, bad: own.change_address(access_token=bad, to="eve@example.com"),
    "confirm_address": lambda own, bad: own.confirm_address(access_token=bad, code=CODE),
    "plan_merge": lambda own, bad: own.plan_merge(access_token=bad, absorbed_access_token=bad),
    "merge": lambda own, bad: own.merge(access_token=bad, absorbed_access_token=bad),
}


@pytest.mark.parametrize("verb", OF_ONES_OWN)
def test_what_is_no_access_token_changes_no_identity(engine: Engine, verb: str) -> None:
    """Given anything in the place of an access token, then it is one error."""
    call: Call = lambda e, bad: OF_ONES_OWN[verb](e.public.identities, bad)  # noqa: E731
    for bad in (*BAD_IDS.values(), None, "a.b.c", "..", "." * 1000, "é.é.é"):
        assert isinstance(refused(engine, call, bad), SessionInvalid)


@pytest.mark.parametrize("field", ["provider", "identity"])
def test_what_names_no_identity_is_refused(engine: Engine, field: str) -> None:
    """Given what is no name of a provider, or no id of an identity, then that is said, or there is
    none."""
    names = {"provider": "local-userpass", "identity": None}
    for bad in (*BAD_IDS.values(), "oauth2-google"):
        call: Call = lambda e, bad: e.identities.unlink(address=ADDRESS, **{**names, field: bad})  # noqa: E731
        problem = refused(engine, call, bad)
        assert isinstance(problem, InvalidInput | IdentityNotFound)


# --- passwords -----------------------------------------------------------------------------------

NEW_PASSWORDS: Mapping[str, tuple[str, Call]] = {
    "identities.add_login": (
        "password",
        lambda e, bad: e.identities.add_login(e.users.find(ADDRESS), "eve@example.com", bad),
    ),
    "register": ("password", lambda e, bad: e.register("eve@example.com", bad)),
    "create": ("password", lambda e, bad: e.create("eve@example.com", bad)),
    "prepare.register": ("password", lambda e, bad: e.prepare.register("eve@example.com", bad)),
    "reset": ("password", lambda e, bad: e.reset(address=ADDRESS, password=bad)),
    "change_password": (
        "new",
        lambda e, bad: e.change_password(address=ADDRESS, current=PASSWORD, new=bad),
    ),
    "public.register": ("password", lambda e, bad: e.public.register("eve@example.com", bad)),
    "public.reset": ("password", lambda e, bad: e.public.reset(address=ADDRESS, password=bad)),
    "public.change_password": (
        "new",
        lambda e, bad: e.public.change_password(address=ADDRESS, current=PASSWORD, new=bad),
    ),
    "public.set_password": (
        "password",
        lambda e, bad: e.public.set_password(address=ADDRESS, code=CODE, password=bad),
    ),
}
PROOFS: Mapping[str, tuple[str, Call]] = {
    "change_password": (
        "current",
        lambda e, bad: e.change_password(address=ADDRESS, current=bad, new=NEW),
    ),
    "correct_address": (
        "password",
        lambda e, bad: e.acting(Actor("user")).correct_address(
            address="grace@example.com", to="eve@example.com", password=bad
        ),
    ),
    "log_in": (
        "password",
        lambda e, bad: e.log_in("local-userpass", username=ADDRESS, password=bad),
    ),
    "public.log_in": (
        "password",
        lambda e, bad: e.public.log_in("local-userpass", username=ADDRESS, password=bad),
    ),
    "public.change_password": (
        "current",
        lambda e, bad: e.public.change_password(address=ADDRESS, current=bad, new=NEW),
    ),
    "public.delete": ("password", lambda e, bad: e.public.delete(address=ADDRESS, password=bad)),
    "public.correct_address": (
        "password",
        lambda e, bad: e.public.correct_address(
            address="grace@example.com", to="eve@example.com", password=bad
        ),
    ),
}
BAD_PASSWORDS = {
    "empty": "",
    "ten-megabytes": TEN_MEGABYTES,
    "lone-surrogate": "correct horse \ud800",
}


@pytest.mark.parametrize("verb", NEW_PASSWORDS)
def test_what_is_no_password_is_refused_by_name(engine: Engine, verb: str) -> None:
    """Given what no password can be, when it is to be set, then the policy refuses it; what is no
    text is named by its field."""
    field, call = NEW_PASSWORDS[verb]
    for bad in BAD_PASSWORDS.values():
        problem = refused(engine, call, bad)
        assert isinstance(problem, PasswordRefused)
        assert not bad or bad not in f"{problem} {problem!r}"
    for no_text in NO_TEXT.values():
        problem = refused(engine, call, no_text)
        assert isinstance(problem, InvalidInput)
        assert field == problem.field


@pytest.mark.parametrize("verb", PROOFS)
def test_what_is_no_password_proves_nothing(engine: Engine, verb: str) -> None:
    """Given what no password can be, when it is to prove something, then it is wrong, or its field
    is named; what is no text always is named."""
    field, call = PROOFS[verb]
    for bad in BAD_PASSWORDS.values():
        assert isinstance(refused(engine, call, bad), LogInRefused | InvalidInput)
    for no_text in NO_TEXT.values():
        problem = refused(engine, call, no_text)
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


# --- opening -------------------------------------------------------------------------------------

OPENING: Mapping[str, tuple[type[AdmitError], dict[str, object]]] = {
    "store-none": (InvalidInput, {"store": None}),
    "store-number": (InvalidInput, {"store": 7}),
    "store-empty": (InvalidInput, {"store": ""}),
    "store-nul": (InvalidInput, {"store": "users\x00.json"}),
    "store-scheme": (UnknownName, {"store": "redis://localhost"}),
    "store-long": (InvalidInput, {"store": TEN_MEGABYTES}),
    "key-short": (InvalidInput, {"key": b"short"}),
    "key-number": (InvalidInput, {"key": 7}),
    "key-empty-list": (InvalidInput, {"key": []}),
    "settings-list": (InvalidInput, {"settings": ["cool_down"]}),
    "settings-unknown": (UnknownName, {"settings": {"cool-down": 1}}),
    "settings-no-name": (InvalidInput, {"settings": {7: 1}}),
    "settings-value": (InvalidInput, {"settings": {"cool_down": object()}}),
    "functions-list": (InvalidInput, {"functions": ["greet"]}),
    "functions-no-callable": (InvalidInput, {"functions": {"greet": "greet"}}),
    "functions-no-name": (InvalidInput, {"functions": {7: print}}),
    "plugins-text": (InvalidInput, {"plugins": "admit.plugins.auto"}),
    "plugins-number": (InvalidInput, {"plugins": 7}),
    "discover-text": (InvalidInput, {"discover": "email"}),
    "config-number": (InvalidInput, {"config": 7}),
    "config-missing": (InvalidInput, {"config": "no-such-file.toml"}),
}


@pytest.mark.parametrize("bad", OPENING)
def test_an_engine_that_cannot_open_says_why_and_lets_go_of_its_store(
    tmp_path: Path, bad: str
) -> None:
    """Given a wrong argument, when an engine is opened, then it is named; afterwards the same store
    opens."""
    expected, arguments = OPENING[bad]
    store = tmp_path / "users.json"
    given: dict[str, Any] = {"store": store, **arguments}

    with pytest.raises(expected) as raised:
        admit.open(**given)

    assert len(f"{raised.value} {raised.value!r}") < LONGEST
    with admit.open(store) as engine:
        assert 0 == engine.users.count()


def test_a_store_of_ones_own_stays_closed_to_the_wrong_key() -> None:
    """Given a store in memory that was made with a key, when it is opened with what is no key, then
    that is said, and the key is not quoted."""
    with pytest.raises(InvalidInput) as raised:
        admit.open(MemoryStore(), key="not a key at all")

    assert "not a key at all" not in f"{raised.value} {raised.value!r}"
    admit.open(MemoryStore(), key=KEY).close()
