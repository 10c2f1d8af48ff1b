"""The flow `sms`: it keeps the contract, and its message is what a phone can use."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import admit
from admit.errors import FlowFailed
from admit.testing import CHEAP_HASHING, KEY, MemoryStore, SettableClock
from admit.testing.contracts import FlowContract

PASSWORD = "correct horse battery staple"


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    """The gateway."""
    folder = tmp_path / "outbox"
    folder.mkdir()
    return folder


@pytest.fixture
def settings(outbox: Path) -> Mapping[str, object]:
    return {"sms.outbox": outbox, "sms.link_base": "https://app.example.com/confirm"}


def messages(outbox: Path) -> list[dict[str, str]]:
    return [json.loads(path.read_text()) for path in sorted(outbox.glob("*.json"))]


class TestSms(FlowContract):
    flow = "sms"
    sends_messages = True
    needs_settings = frozenset({"sms.outbox", "sms.link_base"})
    provider = "phone"

    def login(self, number: int) -> str:
        return f"+44 20 7946 00{number:02}"

    @pytest.fixture
    def settings(self, outbox: Path) -> Mapping[str, object]:
        return {"sms.outbox": outbox, "sms.link_base": "https://app.example.com/confirm"}

    @pytest.fixture
    def broken(self, outbox: Path) -> Callable[[], None]:
        return lambda: shutil.rmtree(outbox)


def test_the_link_of_the_message_confirms(outbox: Path, settings: Mapping[str, object]) -> None:
    """
    Given somebody who registered with a phone number,
    when she presses the link that was sent to it,
    then she is confirmed, and may log in.
    """
    chosen = {"confirmation_flow": "sms", **CHEAP_HASHING, **settings}
    with admit.open(MemoryStore(), key=KEY, settings=chosen) as engine:
        engine.register("+44 (20) 7946-0018", PASSWORD, provider="phone")
        (message,) = messages(outbox)
        link = re.search(r"tokenId=(\w{24})&token=(\w{128})$", message["text"])
        assert link is not None

        user = engine.confirm(token_id=link[1], token=link[2])

        assert (message["to"], user.state) == ("+442079460018", "confirmed")
        login = engine.log_in("phone", number="+442079460018", password=PASSWORD)
        assert login.user.id == user.id


def test_a_login_that_is_no_number_is_told(settings: Mapping[str, object]) -> None:
    """
    Given a user who registered with an e-mail address,
    when she enters the flow,
    then the caller is told, and she is kept.
    """
    chosen = {"confirmation_flow": "sms", **CHEAP_HASHING, **settings}
    with (
        admit.open(MemoryStore(), key=KEY, settings=chosen, clock=SettableClock()) as engine,
        pytest.raises(FlowFailed, match="no phone number") as raised,
    ):
        engine.register("ada@example.com", PASSWORD)

    assert (raised.value.error_code, raised.value.user.state) == ("delivery-refused", "pending")
