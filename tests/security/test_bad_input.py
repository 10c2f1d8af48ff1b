"""Bad input: whatever a caller passes, the answer names the field, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from accounts import Commits

from admit import Actor, Engine
from admit.errors import (
    AdmitError,
    CodeWrong,
    InvalidInput,
    PasswordRefused,
    TokenMalformed,
    WrongCredentials,
)
from admit.testing import MemoryStore

ADDRESS = "ada@example.com"
PASSWORD = "correct horse battery staple"
NEW = "my own long password"
TOKEN_ID = "64f0aa64f0aa64f0aa64f0aa"
TOKEN = "0123456789abcdef" * 8

NO_TEXT: Mapping[str, object] = {
    "none": None,
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
    "ten-megabytes": "a" * 10_000_000,
    "ten-megabytes-at-a-domain": "a" * 10_000_000 + "@example.com",
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
BAD_TOKENS = {
    **BAD_ADDRESSES,
    "short": TOKEN[:-1],
    "long": TOKEN + "0",
    "no-hex": TOKEN[:-1] + "g",
    "full-width": TOKEN[:-1] + "\uff10",
}

BAD_PASSWORDS: Mapping[str, object] = {
    **{kind: value for kind, value in NO_TEXT.items() if value is not None},
    "half-a-character": "a long one with half \ud83d of an emoji",
    "ten-megabytes": "a" * 10_000_000,
}

Call = Callable[[Engine, object], object]

REGISTERING: Mapping[str, Call] = {
    "register": lambda e, bad: e.register(bad, NEW),  # type: ignore[arg-type]
    "create": lambda e, bad: e.create(bad, NEW),  # type: ignore[arg-type]
    "public.register": lambda e, bad: e.public.register(bad, NEW),  # type: ignore[arg-type]
}
BY_ADDRESS: Mapping[str, tuple[str, Call]] = {
    "confirm": ("address", lambda e, bad: e.confirm(address=bad, code="AAAA-2222")),  # type: ignore[arg-type]
    "confirm_manually": ("address", lambda e, bad: e.confirm_manually(address=bad)),  # type: ignore[arg-type]
    "rerun": ("address", lambda e, bad: e.rerun(address=bad)),  # type: ignore[arg-type]
    "resend": ("address", lambda e, bad: e.resend(address=bad)),  # type: ignore[arg-type]
    "correct_address": ("to", lambda e, bad: e.correct_address(address=ADDRESS, to=bad)),  # type: ignore[arg-type]
    "disable": ("address", lambda e, bad: e.disable(address=bad)),  # type: ignore[arg-type]
    "enable": ("address", lambda e, bad: e.enable(address=bad)),  # type: ignore[arg-type]
    "delete": ("address", lambda e, bad: e.delete(address=bad)),  # type: ignore[arg-type]
    "reset": ("address", lambda e, bad: e.reset(address=bad)),  # type: ignore[arg-type]
    "set_password": (
        "address",
        lambda e, bad: e.set_password(address=bad, code="AAAA-2222", password=NEW),  # type: ignore[arg-type]
    ),
    "change_password": (
        "address",
        lambda e, bad: e.change_password(address=bad, current=PASSWORD, new=NEW),  # type: ignore[arg-type]
    ),
    "log_out_all": ("address", lambda e, bad: e.log_out_all(address=bad)),  # type: ignore[arg-type]
    "why": ("address", lambda e, bad: e.why(address=bad)),  # type: ignore[arg-type]
    "users.find": ("address", lambda e, bad: e.users.find(bad)),  # type: ignore[arg-type]
    "public.resend": ("address", lambda e, bad: e.public.resend(address=bad)),  # type: ignore[arg-type]
    "public.rerun": ("address", lambda e, bad: e.public.rerun(address=bad)),  # type: ignore[arg-type]
    "public.reset": ("address", lambda e, bad: e.public.reset(address=bad)),  # type: ignore[arg-type]
    "public.confirm": (
        "address",
        lambda e, bad: e.public.confirm(address=bad, code="AAAA-2222", password=NEW),  # type: ignore[arg-type]
    ),
    "public.change_password": (
        "address",
        lambda e, bad: e.public.change_password(address=bad, current=PASSWORD, new=NEW),  # type: ignore[arg-type]
    ),
    "public.delete": ("address", lambda e, bad: e.public.delete(address=bad, password=PASSWORD)),  # type: ignore[arg-type]
    "public.correct_address": (
        "address",
        lambda e, bad: e.public.correct_address(
            address=bad,  # type: ignore[arg-type]
            password=PASSWORD,
            to=ADDRESS,
        ),
    ),
}


BY_PASSWORD: Mapping[str, tuple[str, Call]] = {
    "register": ("password", lambda e, bad: e.register("new@example.com", bad)),  # type: ignore[arg-type]
    "create": ("password", lambda e, bad: e.create("new@example.com", bad)),  # type: ignore[arg-type]
    "reset": ("password", lambda e, bad: e.reset(address=ADDRESS, password=bad)),  # type: ignore[arg-type]
    "set_password": (
        "password",
        lambda e, bad: e.set_password(address=ADDRESS, code="AAAA-2222", password=bad),  # type: ignore[arg-type]
    ),
    "change_password": (
        "new",
        lambda e, bad: e.change_password(address=ADDRESS, current=PASSWORD, new=bad),  # type: ignore[arg-type]
    ),
    "public.register": ("password", lambda e, bad: e.public.register("new@example.com", bad)),  # type: ignore[arg-type]
    "public.confirm": (
        "password",
        lambda e, bad: e.public.confirm(token_id=TOKEN_ID, token=TOKEN, password=bad),  # type: ignore[arg-type]
    ),
    "public.change_password": (
        "new",
        lambda e, bad: e.public.change_password(address=ADDRESS, current=PASSWORD, new=bad),  # type: ignore[arg-type]
    ),
}
BY_TOKEN: Mapping[str, Call] = {
    "confirm": lambda e, bad: e.confirm(token_id=TOKEN_ID, token=bad),  # type: ignore[arg-type]
    "set_password": lambda e, bad: e.set_password(token_id=TOKEN_ID, token=bad, password=NEW),  # type: ignore[arg-type]
    "public.confirm": lambda e, bad: e.public.confirm(token_id=TOKEN_ID, token=bad, password=NEW),  # type: ignore[arg-type]
    "public.set_password": lambda e, bad: e.public.set_password(
        token_id=TOKEN_ID,
        token=bad,  # type: ignore[arg-type]
        password=NEW,
    ),
}
OTHERS: Mapping[str, tuple[str, Callable[[Engine], object]]] = {
    "an actor of another type": ("actor", lambda e: e.acting("support-7")),  # type: ignore[arg-type]
    "a client of another type": ("client", lambda e: e.acting(Actor("user"), client="::1")),  # type: ignore[arg-type]
    "a reason that is no text": ("reason", lambda e: e.acting(Actor("admin"), 7)),  # type: ignore[arg-type]
    "a reason that is half a character": (
        "reason",
        lambda e: e.acting(Actor("admin"), "\ud83d"),
    ),
    "a reason that is a book": ("reason", lambda e: e.acting(Actor("admin"), "x" * 10_000_000)),
    "data that is no mapping": ("data", lambda e: e.register("new@example.com", NEW, data=[1])),  # type: ignore[arg-type]
    "data that JSON cannot hold": (
        "data",
        lambda e: e.register("new@example.com", NEW, data={"at": object()}),
    ),
    "data that is large": (
        "data",
        lambda e: e.register("new@example.com", NEW, data={"x": "x" * 20_000}),
    ),
    "no user at all": ("user", lambda e: e.rerun()),
    "a user named twice": ("user", lambda e: e.rerun("0" * 24, address=ADDRESS)),
    "an id that is none": ("user", lambda e: e.rerun("ada")),
    "an id of another type": ("user", lambda e: e.rerun(7)),  # type: ignore[arg-type]
    "neither token nor code": ("token", lambda e: e.confirm()),
    "a local part that is long": ("address", lambda e: e.register("a" * 70 + "@example.com", NEW)),
    "two dots in a row": ("address", lambda e: e.register("ada..b@example.com", NEW)),
}


@pytest.fixture
def unchanged(engine: Engine, store: MemoryStore) -> Commits:
    """Watches commits; Ada is there, confirmed."""
    engine.create(ADDRESS, PASSWORD)
    return Commits(store)


def refused(unchanged: Commits, call: Callable[[], object]) -> AdmitError:
    """Return what *call* raises; nothing was committed."""
    with unchanged.watched() as shapes, pytest.raises(AdmitError) as raised:
        call()
    assert [] == shapes
    assert len(str(raised.value)) < 1000, "the value is not quoted at length"
    return raised.value


@pytest.mark.parametrize("kind", BAD_ADDRESSES)
@pytest.mark.parametrize("verb", REGISTERING)
def test_what_is_no_address_is_not_registered(
    engine: Engine, unchanged: Commits, verb: str, kind: str
) -> None:
    """
    Given anything that is no address,
    when it is registered, trusted or by a stranger,
    then the field is named, and nothing was written.
    """
    problem = refused(unchanged, lambda: REGISTERING[verb](engine, BAD_ADDRESSES[kind]))

    assert isinstance(problem, InvalidInput)
    assert "address" == problem.field


@pytest.mark.parametrize("kind", BAD_ADDRESSES)
@pytest.mark.parametrize("verb", BY_ADDRESS)
def test_what_is_no_address_names_nobody(
    engine: Engine, unchanged: Commits, verb: str, kind: str
) -> None:
    """
    Given anything that is no address,
    when a verb is to find its user by it,
    then the field is named, and nothing was written.
    """
    field, call = BY_ADDRESS[verb]

    problem = refused(unchanged, lambda: call(engine, BAD_ADDRESSES[kind]))

    assert isinstance(problem, InvalidInput)
    assert problem.field in ({field, "user", "token"} if kind == "none" else {field})


@pytest.mark.parametrize("kind", BAD_PASSWORDS)
@pytest.mark.parametrize("verb", BY_PASSWORD)
def test_p1_what_is_no_password_is_not_set(
    engine: Engine, unchanged: Commits, verb: str, kind: str
) -> None:
    """
    Given a password that is no text, half a character, or ten megabytes,
    when it is to be set,
    then the field is named and the password not quoted; nothing was hashed, nothing written.
    """
    field, call = BY_PASSWORD[verb]

    with pytest.raises(AdmitError) as raised:
        call(engine, BAD_PASSWORDS[kind])

    problem = raised.value
    if verb in ("set_password", "public.confirm") and not isinstance(problem, InvalidInput):
        return  # a dead token is refused before the password is looked at, which costs less
    assert isinstance(problem, InvalidInput | PasswordRefused)
    assert problem.field == ("password" if isinstance(problem, PasswordRefused) else field)
    assert "emoji" not in str(problem)
    assert 1 == engine.users.count()


@pytest.mark.parametrize("kind", BAD_TOKENS)
@pytest.mark.parametrize("verb", BY_TOKEN)
def test_what_is_no_token_is_told_apart_from_a_dead_one(
    engine: Engine, unchanged: Commits, verb: str, kind: str
) -> None:
    """
    Given anything that has not the shape of a token,
    when it is pressed,
    then it is malformed, which costs no look-up and no commit.
    """
    problem = refused(unchanged, lambda: BY_TOKEN[verb](engine, BAD_TOKENS[kind]))

    assert isinstance(problem, TokenMalformed)


@pytest.mark.parametrize("kind", BAD_ADDRESSES)
def test_what_is_no_code_is_a_wrong_one_or_no_text(
    engine: Engine, unchanged: Commits, kind: str
) -> None:
    """
    Given anything that is no code,
    when it is typed,
    then it is wrong or no text, and is not quoted.
    """
    with pytest.raises((CodeWrong, InvalidInput)):
        engine.confirm(address=ADDRESS, code=BAD_ADDRESSES[kind])  # type: ignore[arg-type]

    assert "confirmed" == engine.users.find(ADDRESS).state


@pytest.mark.parametrize("kind", BAD_ADDRESSES)
def test_what_is_no_password_opens_nothing(engine: Engine, unchanged: Commits, kind: str) -> None:
    """
    Given anything that is no password,
    when somebody logs in with it,
    then it is wrong, or the field is named.
    """
    with pytest.raises((WrongCredentials, InvalidInput)):
        engine.log_in("local-userpass", username=ADDRESS, password=BAD_ADDRESSES[kind])

    assert () == engine.sessions.of(engine.users.find(ADDRESS))


@pytest.mark.parametrize("name", OTHERS)
def test_anything_else_that_cannot_be_is_named(
    engine: Engine, unchanged: Commits, name: str
) -> None:
    """
    Given an argument of another type, too large, or contradicting another,
    when a verb is called with it,
    then the field is named, and nothing was written.
    """
    field, call = OTHERS[name]

    problem = refused(unchanged, lambda: call(engine))

    assert isinstance(problem, InvalidInput)
    assert field == problem.field
