"""Each example is one short scenario, and prints what is written here."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from admit.testing import open as open_engine

EXAMPLES = Path(__file__).parents[2] / "examples"
MOST_LINES = 60  # blank ones not counted

PRINTED = {
    "quickstart": """
        registered: pending
        link pressed: confirmed
        recognised: True
    """,
    "stuck_lost_mail": """
        log-in: This account waits to be confirmed. Use the message that was sent, or ask for \
a new one. [confirmation-required]
        why: Pending: waits for the link or the code of the last message.
        what to do: wait, or resend
        the lost mail turns up: A newer message was sent after this one. Use the newest \
message. [token-superseded]
        the new link: confirmed
    """,
    "stuck_failing_function": """
        told: ConnectionError: the customer database does not answer
        kept: pending
        what to do: mend the cause, then rerun
        re-run: confirmed
    """,
    "stuck_expired_token": """
        too late: This link has expired. Ask for a new message. [token-expired]
        why: Pending: the last message has expired unused.
        what to do: rerun
        in time: confirmed
    """,
    "stuck_mistyped_address": """
        a stranger presses the first link: A newer message was sent after this one. Use the \
newest message. [token-superseded]
        the right one: confirmed
        the mistyped address is free
        kept in the trail: correct-address, by support-7
        kept in the trail: rerun, by support-7
        kept in the trail: dispatched, by support-7
    """,
    "merge_accounts": """
        link: Another account has this 'badge' identity. Log in with it; to have one \
account instead of two, merge them. [identity-taken]
        moves: ['badge'] drops: ()
        one account: ['local-userpass', 'badge']
        the old id leads there: True
        the badge opens it: True
        her orders: a book
    """,
    "custom_function_flow": """
        staff: confirmed
        throw-away: Please use an address that will last.
        everybody else: pending
        code typed: confirmed
    """,
    "auto_confirm": """
        registered: confirmed
        address proved: False
        logged in: True
    """,
    "switch_flow": """
        pending, entered: email (register)
        pending, entered: email (register)
        confirmed, entered: email (register), auto (rerun)
    """,
    "anonymous": """
        came in: confirmed anon-user
        known of her: {} None
        comes back: True
        without her session: True
    """,
    "api_keys": """
        a user's key logs in: ada@example.com
        a server's key logs in: server
        taken on a request: nightly orders:read
        switched off: The credentials are not right.
    """,
    "custom_function": """
        recognised: e-1042 Grace
        7-43 This badge was reported as lost.
        7-44 The credentials are not right.
    """,
    "custom_token": """
        recognised: e-1042 {'name': 'Grace'}
        a token for another system: The credentials are not right.
    """,
    "new_flow_and_provider": """
        registered: pending
        code from the desk: confirmed
        badge: confirmed Grace
    """,
    "sign_in_with_google": """
        logged in: confirmed as 1815
        again, the same user: True
        a token that nobody signed: wrong-credentials
    """,
    "sign_in_with_apple": """
        first: Ada Lovelace, confirmed
        later: Ada Lovelace, confirmed
        address: x7k@privaterelay.appleid.com proved by oauth2-apple
        cookie: SameSite None
    """,
    "sign_in_with_facebook": """
        logged in: confirmed Ada Lovelace
        address proved: False
        a token for another app: wrong-credentials
    """,
    "sign_in_with_oidc": """
        logged in: confirmed Ada
        address proved: oidc
        back to: /basket
        the same answer again: redirect-invalid
    """,
    "embed_fastapi": """
        register: If this address can be used, a message is on its way.
        confirm: confirmed
        who am I: {'email': 'ada@example.com'}
        leave: deleted
        and now: session-invalid
    """,
    "embed_flask": """
        register: If this address can be used, a message is on its way.
        confirm: confirmed
        who am I: {'email': 'ada@example.com'}
        leave: deleted
        and now: session-invalid
    """,
    "bulk_rerun": """
        stuck: 3
        would-rerun ada@example.com
        would-rerun grace@example.com
        would-rerun hedy@example.com
        rerun ada@example.com
        rerun grace@example.com
        rerun hedy@example.com
        stuck: 0
    """,
    "delete": """
        the user: No user has this id.
        the session: The session is not valid: ended.
        registered again, another user: True
        newsletter: []
        what stays: ['register', 'confirm', 'delete']
    """,
    "erase_step": """
        try 1: the partner is down
        waits: plugin-failed: The plugin 'Partner' failed in erase step revoke-grant: \
ConnectionError
        try 2: the partner is up
        ended: done – grants left: {}
    """,
}


@pytest.mark.parametrize("name", sorted(PRINTED))
def test_an_example_prints_what_it_shows(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run as it is, in an empty folder, an example tells its story to the end."""
    main: Callable[[Path], Any] = runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"]

    main(tmp_path)

    expected = [line.strip() for line in PRINTED[name].strip().splitlines()]
    assert expected == capsys.readouterr().out.splitlines()


def test_every_example_is_run_here() -> None:
    """An example that no test runs would go stale."""
    assert sorted(PRINTED) == sorted(path.stem for path in EXAMPLES.glob("*.py"))


def test_each_provider_that_comes_along_has_an_example() -> None:
    """Given the providers of an engine with nothing added, then each is logged in with by one."""
    written = "".join(path.read_text("utf-8") for path in EXAMPLES.glob("*.py"))
    with open_engine() as engine:
        settings = [info.name for info in engine.settings.all()]
    names = {name.removesuffix(".enabled") for name in settings if name.endswith(".enabled")}

    assert {"anon-user", "local-userpass", "oidc"} < names
    assert set() == {name for name in names if f'"{name}"' not in written}


@pytest.mark.parametrize("name", sorted(PRINTED))
def test_an_example_is_short(name: str) -> None:
    """One scenario fits one screen."""
    lines = [line for line in (EXAMPLES / f"{name}.py").read_text("utf-8").splitlines() if line]

    assert len(lines) <= MOST_LINES
