"""Tokens, codes and passwords that are none: refused by name, and nothing was changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from bad_input import (
    ADDRESS,
    BAD_IDS,
    CODE,
    NEW,
    NO_TEXT,
    PASSWORD,
    TEN_MEGABYTES,
    TOKEN_ID,
    Call,
    refused,
)

from admit import Actor, Engine
from admit.errors import (
    IdentityNotFound,
    InvalidInput,
    LogInRefused,
    PasswordRefused,
    SessionInvalid,
    TokenMalformed,
)
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

TOKEN = "0123456789abcdef" * 8


@pytest.fixture
def engine(clock: SettableClock, inbox: Inbox) -> Iterator[Engine]:
    """An engine with one confirmed user, Ada, and one pending one."""
    with open_engine(MemoryStore(), clock=clock, inbox=inbox) as engine:
        engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
        engine.register("grace@example.com", PASSWORD)
        engine.settings.set("cool_down", 0)
        yield engine


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
