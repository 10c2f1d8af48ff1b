"""The transport `folder`."""

from __future__ import annotations

import stat
from email import message_from_bytes, policy
from pathlib import Path

import attrs
import pytest
from plugin_services import MakeServices

from admit.errors import DeliveryFailed, NotConfigured
from admit.plugins.folder import Folder
from admit.transports import Message

MESSAGE = Message(
    to="ada@example.com",
    sender="Shop <hello@shop.example>",
    subject="Confirm",
    text="Grüße! https://shop.example/confirm?token=" + "0123456789abcdef" * 8 + "\n",
    html="<p>Grüße!</p>",
)


def test_a_message_becomes_a_file_that_people_and_programs_read(
    make_services: MakeServices, tmp_path: Path
) -> None:
    """
    Given a folder that does not exist yet,
    when a message is sent,
    then one .eml file is in it, private, whole, and its link stands on one line.
    """
    folder = tmp_path / "a" / "mails"

    Folder().send(MESSAGE, make_services({"folder.path": folder}))

    (file,) = folder.iterdir()
    assert file.name.startswith("20260304T050607.890Z-")
    assert ".eml" == file.suffix
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    content = file.read_bytes()
    assert MESSAGE.text.strip().encode() in content
    plain, html = message_from_bytes(content, policy=policy.default).iter_parts()
    assert MESSAGE.text.strip() == plain.get_content().strip()
    assert MESSAGE.html == html.get_content().strip()


def test_messages_of_one_moment_keep_their_order(
    make_services: MakeServices, tmp_path: Path
) -> None:
    """
    Given a clock that stands still,
    when several messages are sent,
    then each has a file of its own, and the names sort as they were sent.
    """
    transport, services = Folder(), make_services({"folder.path": tmp_path})
    subjects = [f"Message {number}" for number in range(12)]

    for subject in subjects:
        transport.send(attrs.evolve(MESSAGE, subject=subject), services)

    files = [file.read_bytes() for file in sorted(tmp_path.iterdir())]
    assert subjects == [
        message_from_bytes(file, policy=policy.default)["Subject"] for file in files
    ]


def test_a_folder_that_cannot_be_written_is_a_temporary_failure(
    make_services: MakeServices, tmp_path: Path
) -> None:
    """
    Given a file where the folder should be,
    when a message is sent,
    then the failure is temporary, says why, and leaves nothing behind.
    """
    path = tmp_path / "mails"
    path.write_text("")

    with pytest.raises(DeliveryFailed) as raised:
        Folder().send(MESSAGE, make_services({"folder.path": path}))

    assert (True, "The message could not be written to the folder: File exists.") == (
        raised.value.temporary,
        raised.value.sentence,
    )
    assert [path] == list(tmp_path.iterdir())


def test_a_folder_that_is_not_set_is_named(make_services: MakeServices) -> None:
    """
    Given no folder,
    when the transport is checked or used,
    then the setting is named; with a folder the check is content, and makes nothing.
    """
    for attempt in (Folder().check, lambda services: Folder().send(MESSAGE, services)):
        with pytest.raises(NotConfigured) as raised:
            attempt(make_services())
        assert ("folder.path",) == raised.value.settings


def test_a_check_makes_no_folder(make_services: MakeServices, tmp_path: Path) -> None:
    """
    Given a folder that does not exist yet,
    when the transport is checked,
    then it is content, and has made nothing.
    """
    Folder().check(make_services({"folder.path": tmp_path / "mails"}))

    assert [] == list(tmp_path.iterdir())
