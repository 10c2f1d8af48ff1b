"""`admit settings`: each value, where it comes from, what it hides."""

from __future__ import annotations

import click

from admit import SettingInfo
from admit.masked import Secret
from admit.settings import to_text

from .context import Invocation, common_options, dry_run_option, json_option, reason_option
from .group import Group
from .output import Cell, plain, say, say_json, styled, table

_changed = click.option("--changed", is_flag=True, help="Only those that are not at their default.")


@click.group(cls=Group, invoke_without_command=True)
@_changed
@common_options
@json_option
@click.pass_context
def settings(ctx: click.Context, changed: bool) -> None:
    """The settings: list them, change them while engines run."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_, changed=changed)


@settings.command("list")
@_changed
@common_options
@json_option
@click.pass_obj
def list_(call: Invocation, changed: bool) -> None:
    """List each setting with its value, where it comes from, and what that hides."""
    with call.open(read_only=True) as engine:
        found = [
            info
            for info in engine.settings.all()
            if not changed or info.source != "default" or info.problem
        ]
    if call.json:
        say_json([_as_json(info) for info in found])
        return
    say(table(["SETTING", "VALUE", "FROM", "HIDES"], [_row(info) for info in found]))
    for info in found:
        if info.problem:
            say(styled(f"{info.name}: the stored value is ignored. {info.problem}", "bad"))


@settings.command("set")
@click.argument("name")
@click.argument("value")
@common_options
@reason_option
@dry_run_option
@json_option
@click.pass_obj
def set_(call: Invocation, name: str, value: str) -> None:
    """Keep VALUE in the store, for every engine on it within a second."""
    with call.open(begins=True) as engine:
        engine.settings.set(name, value)
        _tell(call, engine.settings.info(name))


@settings.command()
@click.argument("name")
@common_options
@reason_option
@dry_run_option
@json_option
@click.pass_obj
def unset(call: Invocation, name: str) -> None:
    """Take the store's value back; what is weaker shows again."""
    with call.open() as engine:
        engine.settings.unset(name)
        _tell(call, engine.settings.info(name))


def _tell(call: Invocation, info: SettingInfo) -> None:
    if call.json:
        say_json(_as_json(info))
    else:
        say(f"{styled(info.name, 'strong')} is {_shown(info.value)}, from the {info.source}.")


def _row(info: SettingInfo) -> list[object]:
    hides = ", ".join(f"{source} {_shown(value)}" for source, value in info.hides)
    is_set = info.source != "default"
    return [
        Cell(info.name, "strong" if is_set else None),
        Cell(_shown(info.value), "accent" if is_set else None),
        Cell(info.source, None if is_set else "faint"),
        Cell(hides, "faint"),
    ]


def _as_json(info: SettingInfo) -> dict[str, object]:
    return {
        "name": info.name,
        "value": plain(info.value),
        "source": info.source,
        "hides": [{"source": source, "value": plain(value)} for source, value in info.hides],
        "default": plain(info.default),
        "help": info.about.help,
        "problem": info.problem,
    }


def _shown(value: object) -> str:
    return "(secret)" if isinstance(value, Secret) else to_text(value)
