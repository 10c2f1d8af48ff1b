"""`admit keys`: what signs access tokens, and replacing it."""

from __future__ import annotations

import json
from datetime import timedelta

import click

from admit import SigningKey
from admit.settings import About, parse

from .context import Invocation, common_options, dry_run_option, json_option, reason_option
from .group import Group
from .output import Cell, moment, say, say_json, table


@click.group(cls=Group)
def keys() -> None:
    """The keys that sign access tokens: list, publish, replace."""


@keys.command("list")
@common_options
@json_option
@click.pass_obj
def list_(call: Invocation) -> None:
    """List the keys that sign access tokens, will or did."""
    with call.open(read_only=True) as engine:
        _tell(call, engine.sessions.signing_keys())


@keys.command()
@common_options
@click.pass_obj
def jwks(call: Invocation) -> None:
    """Print the public keys, as a JSON Web Key Set, for those who verify access tokens."""
    with call.open() as engine:
        say(json.dumps(engine.sessions.jwks(), indent=2))


@keys.command()
@click.option("--publish-for", metavar="TIME", default="0s", help="Publish it so long, then sign.")
@click.option("--overlap", metavar="TIME", help="Old tokens are good so long; 0s: the key leaked.")
@common_options
@reason_option
@json_option
@dry_run_option
@click.pass_obj
def rotate(call: Invocation, publish_for: str, overlap: str | None) -> None:
    """Let a new key sign access tokens. Sessions live on.

    Tokens of the old key are good until they expire; those who verify them with the key set find
    both in it.
    """
    with call.open() as engine:
        told = engine.sessions.rotate_keys(
            publish_for=_duration("publish-for", publish_for),
            overlap=None if overlap is None else _duration("overlap", overlap),
        )
    _tell(call, told)


def _duration(option: str, text: str) -> timedelta:
    read = parse(f"--{option}", timedelta, About(help=""), text)
    assert isinstance(read, timedelta)
    return read


def _tell(call: Invocation, told: tuple[SigningKey, ...]) -> None:
    if call.json:
        say_json(told)
        return
    say(
        table(
            ["KEY", "ALGORITHM", "STATE", "SIGNS FROM (UTC)", "VERIFIES UNTIL"],
            [
                [
                    Cell(key.id, "faint"),
                    key.algorithm,
                    Cell(key.state, "good" if key.state == "signs" else None),
                    moment(key.signs_from),
                    moment(key.verifies_until),
                ]
                for key in told
            ],
        )
    )
