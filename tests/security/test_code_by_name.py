"""N5, N6: what a reset function reaches, and that nothing set at run time names code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import admit
from admit import Actor, Engine, Outcome
from admit.errors import (
    FlowFailed,
    FlowRefused,
    InvalidInput,
    InvalidSetting,
    UnknownName,
    WrongCredentials,
)
from admit.testing import CHEAP_HASHING, KEY, Inbox, MemoryStore
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
NEW = "my own long password"

Function = Callable[..., object]


def opened(inbox: Inbox, function: Function, **settings: object) -> Engine:
    """An engine whose resets ask *function*, with two confirmed users."""
    engine = open_engine(
        inbox=inbox,
        functions={"decide": function},
        settings={"reset_flow": "function", "function.reset": "decide", **settings},
    )
    for address in ("ada@example.com", "grace@example.com"):
        engine.confirm_manually(engine.register(address, PASSWORD))
    return engine


def opens(engine: Engine, address: str, password: str) -> bool:
    """Whether a password opens an account."""
    try:
        engine.log_in("local-userpass", username=address, password=password)
    except WrongCredentials:
        return False
    return True


# --- N5 ------------------------------------------------------------------------------------------


def test_n5_a_reset_function_sets_the_password_of_the_user_it_was_called_for_only(
    inbox: Inbox,
) -> None:
    """Given two users with the same password, when a function proves the one, then her password is
    the new one, and the other's is as it was."""
    engine = opened(inbox, lambda call: Outcome.success(proved=True))

    engine.reset(address="ada@example.com", password=NEW)

    assert opens(engine, "ada@example.com", NEW)
    assert not opens(engine, "grace@example.com", NEW)
    assert opens(engine, "grace@example.com", PASSWORD)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "success"},
        {"status": "success", "proved": False},
        {"status": "success", "username": "grace@example.com", "user_id": "0" * 24},
        {"status": "pending", "proved": True},
    ],
    ids=["success", "success-unproved", "another-user", "pending"],
)
def test_n5_without_proof_of_this_user_no_password_is_set(
    inbox: Inbox, answer: Mapping[str, object]
) -> None:
    """Given a function that answers anything short of a proof, when a reset asks it, then the
    token still has to be used, and no password of anybody has changed."""
    engine = opened(inbox, lambda call: answer)

    engine.reset(address="ada@example.com", password=NEW)

    for address in ("ada@example.com", "grace@example.com"):
        assert (True, False) == (opens(engine, address, PASSWORD), opens(engine, address, NEW))


def test_n5_the_token_that_a_function_gets_is_good_for_its_user_only(inbox: Inbox) -> None:
    """Given a function that keeps the token, when it is used, then it sets the password of the user
    the function was called for, once."""
    calls: list[dict[str, str]] = []

    def keep(call: dict[str, str]) -> Outcome:
        calls.append(call)
        return Outcome.pending()

    engine = opened(inbox, keep)
    engine.reset(address="ada@example.com")

    user = engine.set_password(token_id=calls[0]["token_id"], token=calls[0]["token"], password=NEW)

    assert engine.users.find("ada@example.com").id == user.id == calls[0]["user_id"]
    assert opens(engine, "grace@example.com", PASSWORD)


@pytest.mark.parametrize("answer", [{"status": "fail"}, Outcome.fail()])
def test_n5_a_function_that_refuses_sets_nothing(inbox: Inbox, answer: object) -> None:
    """Given a function that says no, when a reset asks it, then the caller is told and the old
    password stays."""
    engine = opened(inbox, lambda call: answer)

    with pytest.raises(FlowRefused):
        engine.reset(address="ada@example.com", password=NEW)

    assert opens(engine, "ada@example.com", PASSWORD)


@pytest.mark.parametrize(
    "answer", [None, True, "success", {"status": "SUCCESS"}, {"status": "success", "proved": 1}]
)
def test_n5_a_nonsense_answer_sets_nothing(inbox: Inbox, answer: object) -> None:
    """Given a function that answers something else, when a reset asks it, then it failed, and the
    old password stays: nothing is taken for a yes."""
    engine = opened(inbox, lambda call: answer)

    with pytest.raises(FlowFailed):
        engine.reset(address="ada@example.com", password=NEW)

    assert (True, False) == (
        opens(engine, "ada@example.com", PASSWORD),
        opens(engine, "ada@example.com", NEW),
    )


@pytest.mark.parametrize(("current", "valid"), [(PASSWORD, True), (NEW, False), (None, None)])
def test_n5_a_function_learns_whether_a_stranger_knows_the_current_password(
    inbox: Inbox, current: str | None, valid: bool | None
) -> None:
    """
    Given a stranger's reset with the current password and words of his own,
    when the worker asks the function, then it gets the words, and whether that was right;
    the stranger reads the same Receipt in any case.
    """
    seen: list[tuple[object, ...]] = []

    def see(call: dict[str, object], *arguments: object) -> Outcome:
        seen.append((call["current_password_valid"], *arguments))
        return Outcome.fail("No.")

    with open_engine(
        inbox=inbox,
        functions={"decide": see},
        settings={"reset_flow": "function", "function.reset": "decide"},
    ) as engine:
        engine.confirm_manually(engine.register("ada@example.com", PASSWORD))
        receipt = engine.public.reset(
            address="ada@example.com",
            password=NEW,
            current_password=current,
            arguments=["a pet", {"name": "Bo"}],
        )
        nobody = engine.public.reset(
            address="nobody@example.com", password=NEW, current_password=current
        )
        engine.work_once()

    assert [(valid, "a pet", {"name": "Bo"})] == seen
    assert receipt == nobody


@pytest.mark.parametrize("arguments", ["text", 7, [{1}], ["x" * 20_000]])
def test_what_a_reset_function_cannot_be_sent_is_refused(inbox: Inbox, arguments: Any) -> None:
    """It waits in memory, so it is small; and could be sent on as JSON."""
    with open_engine(inbox=inbox) as engine, pytest.raises(InvalidInput, match="arguments"):
        engine.public.reset(address="ada@example.com", arguments=arguments)


def test_n5_a_strangers_new_password_reaches_the_function_and_no_disk(
    inbox: Inbox, tmp_path: Path
) -> None:
    """Given a stranger's reset with a new password, when the worker asks the function, then it gets
    that password; the store's files never had it."""
    seen: list[object] = []

    def see(call: dict[str, object]) -> Outcome:
        seen.append(call["password"])
        return Outcome.success(proved=True)

    with open_engine(
        tmp_path / "users.json",
        inbox=inbox,
        functions={"decide": see},
        settings={"reset_flow": "function", "function.reset": "decide"},
    ) as engine:
        engine.create("ada@example.com")
        engine.public.reset(address="ada@example.com", password=NEW)
        engine.work_once()

        assert [NEW] == seen
        assert opens(engine, "ada@example.com", NEW)
    assert not [file for file in tmp_path.iterdir() if NEW.encode() in file.read_bytes()]


# --- N6 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("function.confirmation", "os:system"),
        ("function.confirmation", "os.system"),
        ("function.reset", "subprocess:run"),
        ("confirmation_flow", "admit.plugins.auto"),
        ("confirmation_flow", "os:system"),
        ("reset_flow", "builtins:eval"),
        ("notice_flow", "builtins:eval"),
        ("transport", "builtins:print"),
        ("password_provider", "builtins:dict"),
    ],
)
def test_n6_a_setting_names_only_what_was_registered(engine: Engine, name: str, value: str) -> None:
    """Given an admin, when she sets a name of code instead of a registered name, then it is
    unknown, those that exist are listed, and the old value stays."""
    before = engine.settings.get(name)

    with pytest.raises(UnknownName) as unknown:
        engine.acting(Actor("admin", "support-1")).settings.set(name, value)

    assert value == unknown.value.name
    assert value not in unknown.value.known
    assert before == engine.settings.get(name)


def test_n6_a_name_that_got_into_the_store_past_the_engine_calls_nothing(
    store: MemoryStore, inbox: Inbox
) -> None:
    """Given a store in which somebody wrote the name of code as a setting, when a user registers,
    then the name is unknown and nobody is registered."""
    engine = open_engine(store, inbox=inbox, functions={"decide": lambda call: Outcome.pending()})
    engine.settings.set("function.confirmation", "decide")
    engine.settings.set("confirmation_flow", "function")
    forger = open_engine(store, inbox=inbox, functions={"os:system": lambda call: None})
    forger.settings.set("function.confirmation", "os:system")

    honest = open_engine(store, inbox=inbox, functions={"decide": lambda call: Outcome.pending()})
    with pytest.raises(UnknownName):
        honest.register("ada@example.com", PASSWORD)

    assert 0 == honest.users.count()


@pytest.mark.parametrize("name", ["templates", "folder.path", "smtp.password", "hashes_at_once"])
def test_n6_paths_and_credentials_cannot_be_set_at_run_time(engine: Engine, name: str) -> None:
    """Given an admin, when she sets a path of the machine, a credential or a cap, then it is
    refused: these belong to who runs the process."""
    with pytest.raises(InvalidSetting):
        engine.acting(Actor("admin", "support-1")).settings.set(name, "4")


@pytest.mark.parametrize("provider", ["oidc", "oauth2-google", "oauth2-apple", "oauth2-facebook"])
def test_n6_whose_tokens_are_believed_cannot_be_set_at_run_time(
    engine: Engine, provider: str
) -> None:
    """Given an admin, when she sets for which applications a provider's tokens are taken, or that
    its addresses count as proved, then it is refused: she could let herself in as anybody."""
    support = engine.acting(Actor("admin", "support-1"))
    values = {"client_id": "hers", "other_client_ids": "hers", "trusts_addresses": "true"}
    for name in ["client_id"] if provider == "oauth2-facebook" else values:
        with pytest.raises(InvalidSetting):
            support.settings.set(f"{provider}.{name}", values[name])


@pytest.mark.parametrize(
    "setting", ["email.subject", "email.application"], ids=["subject", "application"]
)
def test_n6_a_setting_is_text_and_never_a_template(
    engine: Engine, inbox: Inbox, setting: str
) -> None:
    """Given a setting that holds template code, when a message is made of it, then the code stands
    there as it was typed."""
    engine.settings.set(setting, "{{ 7 * 7 }} {% for x in ().__class__.__mro__ %}x{% endfor %}")

    engine.register("ada@example.com", PASSWORD)

    said = inbox.last().subject + inbox.last().text
    assert "{{ 7 * 7 }}" in said
    assert "49" not in inbox.last().subject


def test_n6_a_users_own_address_is_never_a_template(engine: Engine, inbox: Inbox) -> None:
    """Given an address that is template code, when she gets her message, then it goes there and
    says it literally."""
    address = "{{7*7}}@example.com"
    engine.register(address, PASSWORD)

    assert address == inbox.last().to
    assert f"Sent to {address}" in inbox.last().text


@pytest.mark.parametrize(
    "code",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ subject.format.__globals__ }}",
        "{{ expires_at.__class__.__init__.__globals__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.system('true') }}",
        "{{ '%s'|format(lipsum.__globals__) }}",
        "{% for i in range(10**9) %}x{% endfor %}",
        "{% for i in range(99999) %}{% for j in range(99999) %}xxxx{% endfor %}{% endfor %}",
    ],
    ids=["mro", "format", "value", "self", "cycler", "lipsum", "long-range", "long-output"],
)
def test_n6_a_hostile_template_reaches_nothing_and_ends(
    inbox: Inbox, tmp_path: Path, code: str
) -> None:
    """Given a template that reaches for Python's inside, or never ends, when a message is made of
    it, then the flow has failed, no mail goes out, and the user is kept."""
    (tmp_path / "confirm.txt.j2").write_text(code)
    engine = admit.open(
        MemoryStore(),
        key=KEY,
        plugins=[inbox],
        settings={
            **CHEAP_HASHING,
            "transport": "inbox",
            "email.sender": "admit@example.com",
            "email.link_base": "https://app.example.com/confirm",
            "templates": tmp_path,
        },
    )

    with pytest.raises(FlowFailed):
        engine.register("ada@example.com", PASSWORD)

    assert [] == inbox.messages
    assert 1 == engine.users.count("pending")


def test_n6_a_link_base_of_a_script_is_refused(engine: Engine) -> None:
    """Given a link base that is code for a browser, when a user registers, then it is refused
    before anybody is registered."""
    engine.settings.set("email.link_base", "javascript://example.com/%0aalert(1)")

    with pytest.raises(InvalidInput):
        engine.register("ada@example.com", PASSWORD)

    assert 0 == engine.users.count()
