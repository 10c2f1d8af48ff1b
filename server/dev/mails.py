"""The mails that the transport `folder` wrote, newest first, with the link and the code of each."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Final

import msgspec

MOST: Final = 100
"""Mails shown."""
_LINK: Final = re.compile(r"https?://[^\s<>\"]+[?&]token=[^\s<>\"]+")
_CODE: Final = re.compile(r"^ +([0-9A-Z]{4}-[0-9A-Z]{4})$", re.MULTILINE)


class Mail(msgspec.Struct, kw_only=True):
    """One mail."""

    file: str
    to: str
    subject: str
    at: datetime
    text: str
    link: str | None
    code: str | None


def mails(folder: Path) -> list[Mail]:
    """Return the newest mails in *folder*; none where there is none yet."""
    files = sorted(folder.glob("*.eml"), reverse=True)[:MOST] if folder.is_dir() else []
    found = [_mail(file) for file in files]
    return [mail for mail in found if mail is not None]


def _mail(file: Path) -> Mail | None:
    try:
        content = file.read_bytes()
    except OSError:
        return None  # it was taken away meanwhile
    message = message_from_bytes(content, policy=policy.default)
    body = message.get_body(("plain",))
    text = "" if body is None else body.get_content().replace("\r\n", "\n")
    link, code = _LINK.search(text), _CODE.search(text)
    return Mail(
        file=file.name,
        to=str(message["to"]),
        subject=str(message["subject"]),
        at=datetime.fromtimestamp(file.stat().st_mtime, UTC),
        text=text,
        link=None if link is None else link.group(),
        code=None if code is None else code.group(1),
    )
