"""`admit flow`: how pending users become confirmed."""

from __future__ import annotations

import click

from .context import Invocation, common_options, dry_run_option, json_option, reason_option
from .flow_try import try_
from .group import Group
from .output import Cell, say, say_json, styled, table

_SETTING = "confirmation_flow"
_OFFER = "confirmation flow "


@click.group(cls=Group)
def flow() -> None:
    """The confirmation flow: how pending users become confirmed."""


@flow.command("list")
@common_options
@json_option
@click.pass_obj
def list_(call: Invocation) -> None:
    """List the loaded flows and which one is active."""
    with call.open(read_only=True) as engine:
        active = engine.settings.info(_SETTING)
        loaded = [
            (offer.removeprefix(_OFFER), plugin.name)
            for plugin in engine.plugins()
            for offer in plugin.offers
            if offer.startswith(_OFFER)
        ]
    if call.json:
        flows = [{"name": name, "plugin": plugin} for name, plugin in loaded]
        say_json({"active": active.value, "source": active.source, "flows": flows})
        return
    rows = [
        [
            Cell(name, "strong"),
            plugin,
            Cell(f"active, by {active.source}", "good") if name == active.value else "",
        ]
        for name, plugin in loaded
    ]
    say(table(["FLOW", "PLUGIN", ""], rows))
    if active.value not in [name for name, _ in loaded]:
        say(styled(f"The active flow {active.value!r} is not loaded here.", "bad"))


@flow.command()
@click.argument("name")
@common_options
@reason_option
@dry_run_option
@json_option
@click.pass_obj
def use(call: Invocation, name: str) -> None:
    """Make NAME the active flow, for every engine on the store within a second."""
    with call.open(begins=True) as engine:
        before = engine.settings.get(_SETTING)
        engine.settings.set(_SETTING, name)
    if call.json:
        say_json({"active": name, "before": before})
        return
    say(f"The active flow is {styled(name, 'strong')}; it was {styled(before, 'strong')}.")
    say("Who is stuck in another one enters it by: admit users rerun")


flow.add_command(try_)
