"""`admit admin-keys`: the keys that admins come in with from outside."""

from __future__ import annotations

from datetime import timedelta

import click

from admit import AdminKey
from admit.clock import SystemClock
from admit.records import ADMIN_SCOPES, AdminScope

from .bulk import read_duration
from .context import Invocation, common_options, dry_run_option, json_option, reason_option
from .group import Group
from .output import Cell, counted, moment, note, plain, say, say_json, styled, table

_ID = click.argument("key_id", metavar="ID")


@click.group("admin-keys", cls=Group)
def admin_keys() -> None:
    """Admin keys: who may administer over HTTP. Without one, nobody.

    ID is the public key, which may be shown.
    """


@admin_keys.command("list")
@common_options
@json_option
@click.pass_obj
def list_(call: Invocation) -> None:
    """List the keys, oldest first."""
    with call.open(read_only=True) as engine:
        keys = engine.admin_keys.all()
    if call.json:
        say_json({"keys": keys})
        return
    if keys:
        headers = ["ID", "NAME", "SCOPE", "STATE", "CREATED (UTC)", "EXPIRES", "LAST USED"]
        now = SystemClock().now()
        rows = [
            [
                Cell(key.id, "faint"),
                Cell(key.name, "strong"),
                key.scope,
                _expired() if key.expires_at and key.expires_at <= now else _state(key),
                moment(key.created_at),
                "never" if key.expires_at is None else moment(key.expires_at),
                moment(key.last_used_at),
            ]
            for key in keys
        ]
        say(table(headers, rows))
        say()
    say(f"{counted(len(keys), 'key')}.")


@admin_keys.command()
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice(ADMIN_SCOPES),
    default="viewer",
    show_default=True,
    help="viewer reads; support acts on users, too; owner changes settings and keys, too.",
)
@click.option(
    "--expires-in", "lifetime", callback=read_duration, metavar="TIME", help="30 days, 12h, …"
)
@common_options
@json_option
@reason_option
@dry_run_option
@click.pass_obj
def create(call: Invocation, name: str, scope: AdminScope, lifetime: timedelta | None) -> None:
    """Make a key, and show its private half: this once."""
    with call.open(begins=True) as engine:
        expires_at = None if lifetime is None else SystemClock().now() + lifetime
        new = engine.admin_keys.create(name, scope=scope, expires_at=expires_at)
    private_key = new.private_key.reveal()
    if call.json:
        say_json({"key": plain(new.key), "public_key": new.key.id, "private_key": private_key})
        return
    say(f"public key   {new.key.id}")
    say(f"private key  {private_key}")
    note(f"The private half of {styled(name, 'strong')} ({scope}) is not shown again.")


@admin_keys.command()
@_ID
@common_options
@reason_option
@dry_run_option
@click.pass_obj
def disable(call: Invocation, key_id: str) -> None:
    """Switch a key off, and end its sessions."""
    with call.open() as engine:
        say(_told(engine.admin_keys.disable(key_id)))


@admin_keys.command()
@_ID
@common_options
@reason_option
@dry_run_option
@click.pass_obj
def enable(call: Invocation, key_id: str) -> None:
    """Take `disable` back. Who was logged in logs in again."""
    with call.open() as engine:
        say(_told(engine.admin_keys.enable(key_id)))


@admin_keys.command()
@_ID
@common_options
@reason_option
@dry_run_option
@click.pass_obj
def delete(call: Invocation, key_id: str) -> None:
    """Delete a key, and end its sessions."""
    with call.open() as engine:
        key = engine.admin_keys.get(key_id)
        engine.admin_keys.delete(key_id)
    say(f"The admin key {styled(key.name, 'strong')} is gone.")


def _state(key: AdminKey) -> Cell:
    return Cell("disabled", "bad") if key.disabled else Cell("enabled", "good")


def _expired() -> Cell:
    return Cell("expired", "bad")


def _told(key: AdminKey) -> str:
    state = _state(key)
    return f"The admin key {styled(key.name, 'strong')} is {styled(state.text, state.style)}."
