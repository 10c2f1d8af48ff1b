"""The provider `custom-function`: a callable of the application says who somebody is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import admit
from admit.errors import (
    AdmitError,
    CredentialsRefused,
    NotConfigured,
    PluginFailed,
    PluginTimedOut,
    UnknownName,
    WrongCredentials,
)
from admit.testing import open as open_engine

Function = Callable[[dict[str, Any]], Any]
Open = Callable[..., admit.Engine]


@pytest.fixture
def open_with() -> Iterator[Open]:
    """Opens an engine whose provider asks this function."""
    opened: list[admit.Engine] = []

    def open_it(function: Function, **settings: object) -> admit.Engine:
        given: dict[str, object] = {
            "custom-function.enabled": True,
            "custom-function.function": "who",
            **{f"custom-function.{name}": value for name, value in settings.items()},
        }
        engine = open_engine(functions={"who": function}, settings=given)
        opened.append(engine)
        return engine

    yield open_it
    for engine in opened:
        engine.close()


def test_it_gets_the_credentials_as_one_dict_and_answers_an_id(open_with: Open) -> None:
    """
    Given a function that knows badges,
    when somebody logs in twice, then it is called with what was given, and the user is one.
    """
    calls: list[dict[str, Any]] = []

    def who(given: dict[str, Any]) -> str:
        calls.append(given)
        return f"badge-{given['badge']}"

    engine = open_with(who)
    first = engine.log_in("custom-function", badge=7, colour="red").user
    again = engine.log_in("custom-function", badge=7).user

    assert [{"badge": 7, "colour": "red"}, {"badge": 7}] == calls
    assert first.id == again.id
    assert ("badge-7", "badge-7", {}) == (
        first.identities[0].id,
        first.identities[0].login_key,
        first.identities[0].data,
    )


def test_what_it_says_of_a_user_is_kept_and_renewed(open_with: Open) -> None:
    """
    Given a function that says a name,
    when it says another one at the next log-in, then that is kept (wire-contract.md §2).
    """
    names = iter(["Ada", "Ada King"])
    engine = open_with(lambda given: {"id": 7, "name": next(names)})

    first, second = (engine.log_in("custom-function").user for _ in range(2))

    assert ({"name": "Ada"}, {"name": "Ada King"}) == (
        first.identities[0].data,
        second.identities[0].data,
    )
    assert "7" == first.identities[0].id


def test_the_application_chooses_what_of_it_is_kept(open_with: Open) -> None:
    """Fields that nobody asked for are not."""
    engine = open_with(lambda given: {"id": "a", "name": "Ada", "age": 36}, metadata_fields="name")

    assert {"name": "Ada"} == engine.log_in("custom-function").user.identities[0].data


@pytest.mark.parametrize(("verified", "proved"), [(True, True), ("true", False), (None, False)])
def test_h5_an_address_is_proved_only_if_the_function_says_so(
    open_with: Open, verified: object, proved: bool
) -> None:
    """True means it, and nothing else does."""
    engine = open_with(
        lambda given: {"id": "a", "email": "Ada@example.com", "email_verified": verified}
    )

    address = engine.log_in("custom-function").user.address

    assert address is not None
    assert ("Ada@example.com", proved) == (address.typed, address.proved_at is not None)


def test_an_address_that_is_none_is_no_address(open_with: Open) -> None:
    """It stays with the data; no message goes there."""
    user = open_with(lambda given: {"id": "a", "email": "ask Ada"}).log_in("custom-function").user

    assert (None, {"email": "ask Ada"}) == (user.address, user.identities[0].data)


def test_it_may_be_asynchronous(open_with: Open) -> None:
    """It runs to its end in a thread of the engine."""
    threads: list[int] = []

    async def who(given: dict[str, Any]) -> dict[str, str]:
        threads.append(threading.get_ident())
        return {"id": "a"}

    assert open_with(who).log_in("custom-function").user.state == "confirmed"
    assert threading.get_ident() not in threads


def test_none_means_that_nobody_is_known(open_with: Open) -> None:
    """Like a wrong password."""
    engine = open_with(lambda given: None)

    with pytest.raises(WrongCredentials):
        engine.log_in("custom-function")
    assert 0 == engine.users.count()


def test_it_refuses_with_a_sentence_that_the_caller_reads(open_with: Open) -> None:
    """A stranger too, for it is meant for him."""

    def who(given: dict[str, Any]) -> None:
        raise CredentialsRefused("This badge was reported as lost.")

    engine = open_with(who)

    for face in (engine, engine.public):
        with pytest.raises(CredentialsRefused, match=r"This badge was reported as lost\."):
            face.log_in("custom-function")
    assert ["log-in-refused"] * 2 == [event.trigger for event in engine.events.unsealed()][-2:]


def test_t3_whatever_else_it_raises_is_not_shown(
    open_with: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Given a function whose exception quotes the credentials,
    when it fails, then the caller learns that it failed, and neither error nor log quotes them.
    """

    def who(given: dict[str, Any]) -> None:
        raise RuntimeError(f"no such badge: {given['badge']}")

    with pytest.raises(AdmitError) as raised:
        open_with(who).log_in("custom-function", badge="sesame-4711")

    assert isinstance(raised.value, PluginFailed)
    assert "sesame-4711" not in f"{raised.value!r} {raised.value} {caplog.text}"


@pytest.mark.parametrize(
    "answer",
    ["", 4.5, True, [], {}, {"id": None}, {"id": ""}, {"id": "x" * 256}, "a\0b", {"name": "Ada"}],
)
def test_nonsense_logs_nobody_in(open_with: Open, answer: object) -> None:
    """An id is text, or a whole number; everything else would be somebody by mistake."""
    engine = open_with(lambda given: answer)

    with pytest.raises(PluginFailed):
        engine.log_in("custom-function")
    assert 0 == engine.users.count()


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), "\ud800", "x" * 20_000])
def test_what_cannot_be_kept_logs_nobody_in(open_with: Open, value: object) -> None:
    """Data is a small JSON object, whoever says it."""
    engine = open_with(lambda given: {"id": "a", "name": value})

    with pytest.raises(PluginFailed, match="cannot be kept"):
        engine.log_in("custom-function")
    assert 0 == engine.users.count()


def test_it_has_a_time_limit(open_with: Open) -> None:
    """
    Given a function that waits for an answer that never comes,
    when the setting's second is over, then the caller is told, and nobody is logged in.
    """
    never = threading.Event()
    engine = open_with(lambda given: never.wait(30), time_limit="1 second")

    with pytest.raises(PluginTimedOut):
        engine.log_in("custom-function")
    never.set()


def test_n6_a_function_must_be_registered(open_with: Open) -> None:
    """No setting names code; one that names nothing is told, as is one that is missing."""
    engine = open_with(lambda given: "a")

    with pytest.raises(UnknownName):
        engine.settings.set("custom-function.function", "os.system")
    engine.settings.set("custom-function.function", None)
    with pytest.raises(NotConfigured, match=r"custom-function\.function"):
        engine.log_in("custom-function")
