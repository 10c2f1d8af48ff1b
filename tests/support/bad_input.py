"""What no verb takes, and how it is seen that it was refused with nothing done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from admit import AdmitError, Engine

ADDRESS = "ada@example.com"
PASSWORD = "correct horse battery staple"
NEW = "my own long password"
TOKEN_ID = "64f0aa64f0aa64f0aa64f0aa"
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


BAD_IDS = {
    **BAD_ADDRESSES,
    "too-short": "64f0",
    "no-hex": "z" * 24,
    "capitals": "64F0AA64F0AA64F0AA64F0AA",
    "other-digits": "\u0664" * 24,
    "line-behind": TOKEN_ID + "\n",
}
