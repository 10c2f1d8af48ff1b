"""The built-in plugins, loaded by an engine as everybody's are: registered, mailed, confirmed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import pytest
from mail_servers import MailServer, Received, StartMailServer

import admit
from admit.errors import FlowFailed, NotConfigured, PasswordRefused, WrongCredentials
from admit.testing import CHEAP_HASHING, KEY, MemoryStore

PASSWORD = "correct horse battery staple"

Functions = Mapping[str, Callable[..., Any]]
BySmtp = tuple[admit.Engine, MailServer]


class OpenWith(Protocol):
    """Open an engine with these settings and functions."""

    def __call__(
        self, settings: Mapping[str, object], *, functions: Functions | None = None
    ) -> admit.Engine: ...


@pytest.fixture
def engine_with() -> Iterator[OpenWith]:
    """Open an engine with these settings and functions."""
    engines = []

    def make(settings: Mapping[str, object], *, functions: Functions | None = None) -> admit.Engine:
        engines.append(
            admit.open(
                MemoryStore(), key=KEY, settings={**CHEAP_HASHING, **settings}, functions=functions
            )
        )
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture
def by_smtp(mail_server: StartMailServer, engine_with: OpenWith) -> BySmtp:
    """An engine that sends to a real mail server, and the server."""
    server = mail_server()
    engine = engine_with(
        {
            "transport": "smtp",
            "smtp.host": server.host,
            "smtp.port": server.port,
            "smtp.tls": "off",
            "email.sender": "Shop <hello@shop.example>",
            "email.link_base": "https://shop.example/confirm",
        }
    )
    return engine, server


def link_in(mail: Received) -> dict[str, str]:
    """The token and token id of the link in a received mail."""
    found = re.search(r"token=([0-9a-f]{128})&tokenId=([0-9a-f]{24})", mail.text())
    assert found is not None
    return {"token": found[1], "token_id": found[2]}


def code_in(mail: Received) -> str:
    """The typed code of a received mail."""
    found = re.search(r"^ {4}(\S+)$", mail.text().replace("\r", ""), re.MULTILINE)
    assert found is not None
    return found[1]


def test_a_mailed_link_confirms_and_opens_the_door(by_smtp: BySmtp) -> None:
    """
    Given a user who registered,
    when she presses the link that a mail server took for her,
    then she is confirmed, her address is proved, and her password logs her in.
    """
    engine, server = by_smtp
    ada = engine.register("Ada@example.com", PASSWORD)
    (mail,) = server.received

    confirmed = engine.confirm(**link_in(mail))

    assert ("pending", "confirmed") == (ada.state, confirmed.state)
    assert ["Ada@example.com"] == mail.recipients
    assert confirmed.address is not None
    assert confirmed.address.proved_at is not None
    log_in = engine.log_in("local-userpass", username="ADA@example.com", password=PASSWORD)
    assert ada.id == log_in.user.id


def test_a_mailed_code_confirms(by_smtp: BySmtp) -> None:
    """
    Given a user who registered,
    when she types the code of the mail,
    then she is confirmed.
    """
    engine, server = by_smtp
    engine.register("ada@example.com", PASSWORD)

    confirmed = engine.confirm(address="ada@example.com", code=code_in(server.received[0]))

    assert "confirmed" == confirmed.state


def test_a_mailed_reset_link_sets_a_password(by_smtp: BySmtp) -> None:
    """
    Given a confirmed user who forgot her password,
    when she uses the reset link,
    then the new one opens the door.
    """
    engine, server = by_smtp
    ada = engine.create("ada@example.com")
    engine.reset(ada)
    (mail,) = server.received

    engine.set_password(**link_in(mail), password="a staple of horses")

    assert "Choose a new password" == mail.email["Subject"]
    log_in = engine.log_in(
        "local-userpass", username="ada@example.com", password="a staple of horses"
    )
    assert ada.id == log_in.user.id


def test_a_refused_recipient_is_told_and_the_user_stays(by_smtp: BySmtp) -> None:
    """
    Given a server that refuses the recipient for good,
    when somebody registers,
    then the caller is told with the server's words, and the user waits to be re-run.
    """
    engine, server = by_smtp
    server.replies["RCPT"] = "550 5.1.1 No such user"

    with pytest.raises(FlowFailed, match=r"550 5\.1\.1 No such user") as raised:
        engine.register("ada@example.com", PASSWORD)

    server.replies.clear()
    engine.rerun(raised.value.user)
    assert "confirmed" == engine.confirm(**link_in(server.received[0])).state


def test_a_deferred_recipient_is_tried_again_without_troubling_the_caller(by_smtp: BySmtp) -> None:
    """
    Given a server that asks to try again later,
    when somebody registers,
    then the caller gets the user, and the run waits for its next attempt.
    """
    engine, server = by_smtp
    server.replies["RCPT"] = "451 4.7.1 Greylisted"

    ada = engine.register("ada@example.com", PASSWORD)

    assert "pending" == ada.state
    assert ada.last_run is not None
    assert ada.last_run.error is not None
    assert ada.last_run.error.temporary
    assert ada.last_run.due_at is not None


def test_nothing_is_written_before_mail_can_be_sent(engine_with: OpenWith) -> None:
    """
    Given an engine without a transport, a sender and a page for links,
    when somebody registers,
    then all three are named, and no user is left.
    """
    engine = engine_with({})

    with pytest.raises(NotConfigured) as raised:
        engine.register("ada@example.com", PASSWORD)

    assert ("email.sender", "email.link_base", "transport") == raised.value.settings
    assert "confirmed" == engine.create("ada@example.com").state  # the address is still free


def test_auto_confirms_and_proves_nothing(engine_with: OpenWith) -> None:
    """
    Given the flow `auto`,
    when somebody registers,
    then the user is confirmed at once, and the address is not proved.
    """
    ada = engine_with({"confirmation_flow": "auto"}).register("ada@example.com", PASSWORD)

    assert ada.address is not None
    assert ("confirmed", None) == (ada.state, ada.address.proved_at)


@pytest.mark.parametrize(("status", "state"), [("success", "confirmed"), ("pending", "pending")])
def test_a_function_decides(engine_with: OpenWith, status: str, state: str) -> None:
    """
    Given a confirmation function,
    when somebody registers,
    then its answer decides, and the token it was given confirms.
    """
    calls = []

    def decide(call: dict[str, Any]) -> dict[str, str]:
        calls.append(call)
        return {"status": status}

    engine = engine_with(
        {"confirmation_flow": "function", "function.confirmation": "decide"},
        functions={"decide": decide},
    )

    assert state == engine.register("ada@example.com", PASSWORD).state
    token = {"token": calls[0]["token"], "token_id": calls[0]["token_id"]}
    assert "confirmed" == engine.confirm(**token).state


def test_an_async_function_decides(engine_with: OpenWith) -> None:
    """
    Given an async confirmation function,
    when somebody registers,
    then it is run to its end, and its answer decides.
    """

    async def decide(call: dict[str, Any]) -> dict[str, str]:
        return {"status": "success"}

    engine = engine_with(
        {"confirmation_flow": "function", "function.confirmation": "decide"},
        functions={"decide": decide},
    )

    assert "confirmed" == engine.register("ada@example.com", PASSWORD).state


@pytest.mark.parametrize("password", ["Password123", "ada.lovelace"])
def test_p2_weak_passwords_are_refused_by_default(engine_with: OpenWith, password: str) -> None:
    """
    Given an engine as it comes,
    when somebody registers with a common password, or the name in the address,
    then it is refused.
    """
    with pytest.raises(PasswordRefused):
        engine_with({"confirmation_flow": "auto"}).register("ada.lovelace@example.com", password)


@pytest.mark.parametrize("username", ["nobody@example.com", "no address", "", "@"])
def test_e1_a_malformed_address_answers_as_an_unknown_one(
    engine_with: OpenWith, username: str
) -> None:
    """
    Given a user,
    when somebody logs in with an unknown address, or with what is none,
    then the answer is the same.
    """
    engine = engine_with({"confirmation_flow": "auto"})
    engine.register("ada@example.com", PASSWORD)

    with pytest.raises(WrongCredentials) as raised:
        engine.log_in("local-userpass", username=username, password=PASSWORD)

    assert str(WrongCredentials()) == str(raised.value)


def test_importing_a_plugin_loads_no_template_engine_and_no_other_plugin() -> None:
    """
    Given a fresh process,
    when the built-in plugins are imported, as opening an engine does,
    then Jinja2 waits for the first message.
    """
    code = (
        "import sys, importlib\n"
        "for name in 'auto email function password password_policy smtp folder console'.split():\n"
        "    importlib.import_module('admit.plugins.' + name)\n"
        "print('jinja2' in sys.modules, 'idna' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "False False" == done.stdout.strip()
