"""`admit api-keys`: the keys that programs log in with."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from admit import ApiKey

from .bulk import ask, read_duration
from .context import Invocation, common_options, dry_run_option, json_option, reason_option
from .group import Group
from .output import Cell, counted, moment, note, plain, say, say_json, styled, table, visible
from .people import found

_ID = click.argument("key_id", metavar="ID")


@click.group("api-keys", cls=Group)
def api_keys() -> None:
    """API keys: of users, and of the application's servers.

    WHO is an e-mail address or an id; ID is a key's own, which may be shown.
    """


@api_keys.command("list")
@click.argument("who", required=False)
@common_options
@json_option
@click.pass_obj
def list_(call: Invocation, who: str | None) -> None:
    """List a user's keys, or – without WHO – those of the application's servers."""
    with call.open(read_only=True) as engine:
        keys = (
            engine.api_keys.of_server() if who is None else engine.api_keys.of(found(engine, who))
        )
    if call.json:
        say_json({"keys": keys})
        return
    if keys:
        headers = ["ID", "NAME", "STATE", "SCOPES", "CREATED (UTC)", "EXPIRES", "LAST USED"]
        say(table(headers, [_row(key) for key in keys]))
        say()
    say(f"{counted(len(keys), 'key')}.")


@api_keys.command()
@click.argument("name")
@click.option("--for", "who", metavar="WHO", help="Whose key it is; else the server's.")
@click.option("--scope", "scopes", multiple=True, help="What it is good for; may be repeated.")
@click.option(
    "--expires-in", "lifetime", callback=read_duration, metavar="TIME", help="30 days, 12h, …"
)
@common_options
@json_option
@reason_option
@dry_run_option
@click.pass_obj
def create(
    call: Invocation,
    name: str,
    who: str | None,
    scopes: tuple[str, ...],
    lifetime: timedelta | None,
) -> None:
    """Make a key, and show it: this once."""
    with call.open(begins=True) as engine:
        if who is None:
            new = engine.api_keys.create_server_key(name=name, scopes=scopes, lifetime=lifetime)
        else:
            owner = found(engine, who)
            new = engine.api_keys.create(owner, name=name, scopes=scopes, lifetime=lifetime)
    if call.json:
        say_json({"key": plain(new.key), "text": new.text.reveal()})
        return
    say(new.text.reveal())
    note(f"The key {styled(name, 'strong')} ({new.key.id}) is not shown again.")


@api_keys.command()
@_ID
@common_options
@reason_option
@dry_run_option
@json_option
@click.pass_obj
def disable(call: Invocation, key_id: str) -> None:
    """Switch a key off, and end the sessions that it opened."""
    with call.open() as engine:
        _tell(call, engine.api_keys.disable(key_id))


@api_keys.command()
@_ID
@common_options
@reason_option
@dry_run_option
@json_option
@click.pass_obj
def enable(call: Invocation, key_id: str) -> None:
    """Take `disable` back."""
    with call.open() as engine:
        _tell(call, engine.api_keys.enable(key_id))


@api_keys.command()
@_ID
@click.option("--yes", is_flag=True, help="Do not ask.")
@common_options
@reason_option
@dry_run_option
@json_option
@click.pass_obj
def delete(call: Invocation, key_id: str, yes: bool) -> None:
    """Delete a key, and end the sessions that it opened."""
    with call.open() as engine:
        key = engine.api_keys.get(key_id)
        if not (yes or call.dry_run):
            ask(f"Delete the key {visible(key.name)}? Who uses it is locked out.")
        engine.api_keys.delete(key_id)
    if call.json:
        say_json({"deleted": key.id})
        return
    say(f"The key {styled(key.name, 'strong')} is gone.")


def _row(key: ApiKey) -> list[object]:
    return [
        Cell(key.id, "faint"),
        Cell(key.name, "strong"),
        _state(key),
        ", ".join(key.scopes) or "–",
        moment(key.created_at),
        _day(key.expires_at),
        moment(key.last_used_at),
    ]


def _day(instant: datetime | None) -> str:
    return "never" if instant is None else moment(instant)


def _state(key: ApiKey) -> Cell:
    return Cell("disabled", "bad") if key.disabled else Cell("enabled", "good")


def _tell(call: Invocation, key: ApiKey) -> None:
    if call.json:
        say_json(key)
        return
    state = _state(key)
    say(f"The key {styled(key.name, 'strong')} is {styled(state.text, state.style)}.")
