"""`admit plugins`: what is loaded, from where, and what it offers."""

from __future__ import annotations

import click

from .context import Invocation, common_options, json_option
from .failures import next_step
from .output import Cell, pairs, say, say_json, styled, table


@click.command()
@common_options
@json_option
@click.pass_context
def plugins(ctx: click.Context) -> None:
    """List the plugins and what each offers.

    Where it comes from, the hooks it fills, and whether it loads at all.

    Exits with 1 when one of them does not load: no engine would open.
    """
    call = ctx.ensure_object(Invocation)
    found = call.survey().plugins
    broken = [plugin for plugin in found if plugin.problem is not None]
    if call.json:
        say_json(
            [
                {
                    "name": plugin.name,
                    "source": plugin.source,
                    "hooks": plugin.hooks,
                    "offers": plugin.offers,
                    "problem": None
                    if plugin.problem is None
                    else {"code": plugin.problem.code, "sentence": plugin.problem.sentence},
                }
                for plugin in found
            ]
        )
    else:
        rows: list[list[object]] = []
        for plugin in found:
            fills = list(plugin.hooks) or ["–"]
            offers = list(plugin.offers) or ["–"]
            if plugin.problem is not None:
                fills, offers = ["–"], ["does not load"]
            for place in range(max(len(fills), len(offers))):
                rows.append(
                    [
                        Cell(plugin.name if place == 0 else "", "strong"),
                        plugin.source if place == 0 else "",
                        fills[place] if place < len(fills) else "",
                        Cell(
                            offers[place] if place < len(offers) else "",
                            "bad" if plugin.problem else None,
                        ),
                    ]
                )
        say(table(["PLUGIN", "FROM", "FILLS", "OFFERS"], rows, optional=["FROM"]))
        for plugin in broken:
            assert plugin.problem is not None
            say()
            say(styled(plugin.problem.sentence, "bad"))
            say(pairs({"next step": next_step(plugin.problem), "code": plugin.problem.code}))
    if broken:
        ctx.exit(1)
