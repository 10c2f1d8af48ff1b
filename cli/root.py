"""The command `admit` itself: its groups, the commands of plugins, errors and exit codes."""

from __future__ import annotations

import io
import sys
from importlib.metadata import version

import click

from admit.errors import AdmitError

from . import (
    admin_keys,
    api_keys,
    appservices,
    audit,
    bulk,
    completion,
    demo,
    diagram,
    doctor,
    events,
    flow,
    identities,
    init,
    keys,
    plugins,
    runs,
    serve,
    sessions,
    settings,
    store,
    users,
    work,
)
from .context import common_options, invocation
from .failures import complain
from .group import Group
from .logs import warnings_shown
from .output import colour_is_welcome, note, styled, visible


class Root(Group):
    """The group of all commands; the one place where errors become exit codes.

    Plugins are looked at only when they may matter: for an unknown name, and for the help.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of our own commands, then those of plugins."""
        own = list(self.commands)  # in the order in which one comes to need them
        return [*own, *sorted(_commands_of_plugins(ctx).keys() - set(own))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return our own command of this name, else a plugin's."""
        return super().get_command(ctx, cmd_name) or _commands_of_plugins(ctx).get(cmd_name)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; an error of ours is printed and decides the exit code."""
        try:
            return super().invoke(ctx)
        except AdmitError as error:
            complain(error, as_json=invocation(ctx).json)
            ctx.exit(error.exit_code)


def _commands_of_plugins(ctx: click.Context) -> dict[str, click.Command]:
    """Return them by name, and say – once – which plugin has none because it does not load."""
    found = ctx.meta.get(__name__)
    if found is None:
        try:
            survey = invocation(ctx).survey()
        except AdmitError as problem:
            note(f"{styled('warning:', 'waiting')} {visible(problem.sentence)}")
            found = {}
        else:
            found = dict(survey.commands)
            for plugin in survey.plugins:
                if plugin.problem is not None:
                    sentence = visible(plugin.problem.sentence)
                    note(f"{styled('warning:', 'waiting')} {sentence} The rest works.")
        ctx.meta[__name__] = found
    return found


@click.group(
    cls=Root,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 not allowed now, 5 try later.",
)
@common_options
@click.version_option(version("admit"), message="admit %(version)s")
@click.pass_context
def main(ctx: click.Context) -> None:
    """The life of user accounts: pending, confirmed, deleted – and how to help who is stuck.

    New here? Try: admit demo
    """
    invocation(ctx)
    ctx.color = None if colour_is_welcome() else False
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter
    ctx.with_resource(warnings_shown())


users.users.add_command(identities.identities)
for command in (
    demo.demo,
    init.init,
    users.users,
    sessions.sessions,
    bulk.rerun_all,
    runs.runs,
    flow.flow,
    settings.settings,
    keys.keys,
    plugins.plugins,
    doctor.doctor,
    serve.serve,
    work.work,
    work.recover,
    work.sweep,
    events.events,
    audit.audit,
    store.store,
    appservices.import_,
    appservices.export,
    api_keys.api_keys,
    admin_keys.admin_keys,
    diagram.diagram,
    completion.completion,
):
    main.add_command(command)
