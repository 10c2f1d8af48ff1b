"""Bad input: whatever a caller passes, the answer names the field, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from admit import Engine

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

Call = Callable[[Engine, object], object]

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
