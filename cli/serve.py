"""`admit serve`: the HTTP server that existing clients speak to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from admit.errors import MissingExtra

from .context import Invocation, common_options, invocation
from .output import counted, note, pairs, shown, styled

if TYPE_CHECKING:
    from admit.server.hosting import Hosted
    from admit.server.running import Plan


@click.command()
@click.option("--host", metavar="ADDRESS", help="Where to listen; else server.host: 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65535), help="Else server.port: 8000.")
@click.option("--app-id", metavar="ID", help="What clients call the application: shop-abcde.")
@click.option(
    "--app", "apps", metavar="ID=STORE", multiple=True, help="Several applications, one each."
)
@click.option("--public-url", metavar="URL", help="How clients reach it, if not so.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes; else server.workers: 1.")
@click.option("--log-format", type=click.Choice(("text", "json")), help="Else: text on a terminal.")
@common_options
@click.pass_context
def serve(
    context: click.Context,
    host: str | None,
    port: int | None,
    app_id: str | None,
    apps: tuple[str, ...],
    public_url: str | None,
    workers: int | None,
    log_format: str | None,
) -> None:
    """Serve over HTTP until Ctrl-C or SIGTERM. What is under way is finished first.

    With --dev it needs nothing: keys are made, and mails are shown at /dev/inbox.
    """
    try:
        from admit.server import running
    except ImportError as problem:
        raise MissingExtra("The server", str(problem.name), "server") from None
    call = invocation(context)
    if apps and app_id:
        raise click.UsageError("Name one application by --app-id, or several by --app.")
    given = {
        "host": host,
        "port": port,
        "public_url": public_url,
        "workers": workers,
        "log_format": log_format,
    }
    plan = running.Plan(
        stores=running.app_ids(apps) if apps else {app_id: call.store},
        config=call.config,
        dev=call.dev,
        settings={name: value for name, value in given.items() if value is not None},
    )
    running.run(plan, when_listening=lambda served, url: _announce(call, plan, served, url))


def _announce(call: Invocation, plan: Plan, served: tuple[Hosted, ...], url: str) -> None:
    """Say what is served where: to stderr, where the log goes as well."""
    if plan.dev:
        note(styled(" DEVELOPMENT MODE ", "banner"))
        note(styled("Whoever reaches this server reads every mail. Never serve people so.", "bad"))
    workers = served[0].settings.workers
    stores = tuple(plan.stores.values())
    told = {
        "serving": ", ".join(one.app_id for one in served),
        "at": url,
        "store": ", ".join(map(shown, stores)),
    }
    if plan.dev:
        told["mails"] = f"{url}/dev/inbox"
    if workers > 1:
        told["workers"] = counted(workers, "process").replace("processs", "processes")
    note(pairs(told))
    if workers > 1 and any("://" not in store for store in stores):
        note(styled("Each process keeps all of a TinyDB store in memory.", "waiting"))
    note("Ctrl-C stops.")
