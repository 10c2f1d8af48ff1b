"""`admit plugins`, and the commands that plugins bring."""

from __future__ import annotations

import json
from pathlib import Path

from cli_calls import Call, MakePlugin

GREETING = """
import click
import admit

@click.command()
@click.argument("who")
@click.pass_obj
def greet(admit, who):
    "Greet somebody."
    with admit.open(read_only=True) as engine:
        click.echo(f"Hello {who}, one of {engine.users.count()}.")

@admit.hookimpl
def register_commands():
    return [greet]
"""
BROKEN = "raise RuntimeError('\\x1b[31mnot here')\n"
MISSPELT = """
import admit

@admit.hookimpl
def register_comands():
    return []
"""
OTHER_FLOW_AUTO = """
import admit

class Flow:
    name = "auto"
    def begin(self, entry, services):
        return admit.Outcome.success()

@admit.hookimpl
def register_confirmation_flows():
    return [Flow()]
"""
FAILING_COMMANDS = """
import admit

@admit.hookimpl
def register_commands():
    raise RuntimeError("no commands today")
"""
OWN_NAME = """
import click
import admit

@click.command("users")
def mine():
    click.echo("mine")

@admit.hookimpl
def register_commands():
    return [mine]
"""


def test_plugins_shows_where_each_is_from_and_what_it_offers(call: Call) -> None:
    """The built-in ones come through entry points like a stranger's; no store is needed."""
    result = call("plugins")
    by_name = {plugin["name"]: plugin for plugin in json.loads(call("plugins", "--json").stdout)}

    assert 0 == result.exit_code
    assert "confirmation flow auto" in result.stdout
    assert by_name["auto"]["source"].startswith("admit ")
    assert ["before_password"] == by_name["password-policy"]["hooks"]
    assert by_name["smtp"]["problem"] is None


def test_a_plugin_that_does_not_load_is_named_beside_those_that_do(
    call: Call, make_plugin: MakePlugin
) -> None:
    """
    Given a plugin that breaks on import, and one whose hook is misspelt,
    when the plugins are listed,
    then each has its problem and its next step, the others are there, and the exit code is 1.
    """
    broken, misspelt = make_plugin(BROKEN), make_plugin(MISSPELT)

    result = call("plugins")
    as_json = json.loads(call("plugins", "--json").stdout)

    assert 1 == result.exit_code
    assert "confirmation flow email" in result.stdout
    assert f"The plugin '{broken}' failed in import: RuntimeError" in result.stdout
    assert "Did you mean 'register_commands'?" in result.stdout
    assert {broken: "plugin-failed", misspelt: "unknown-hook"} == {
        plugin["name"]: plugin["problem"]["code"] for plugin in as_json if plugin["problem"]
    }


def test_two_plugins_that_offer_the_same_name_are_both_named(
    call: Call, make_plugin: MakePlugin
) -> None:
    """An engine would not open: neither may win by chance."""
    second = make_plugin(OTHER_FLOW_AUTO)

    shown = call("plugins").stdout

    assert f"Two plugins, 'auto' and '{second}', offer the confirmation flow 'auto'." in shown


def test_a_plugin_brings_a_command_that_uses_the_store_of_the_call(
    call: Call, make_plugin: MakePlugin, path: Path
) -> None:
    """
    Given a plugin that registers a command,
    when it is called, and when the help is shown,
    then it opens the store that was named, and stands behind our own commands.
    """
    make_plugin(GREETING)

    assert "Hello Grace, one of 1.\n" == call("greet", "Grace").stdout
    assert "Greet somebody." in call("--help").stdout
    assert "command greet" in call("plugins").stdout


def test_a_plugin_that_fails_is_named_in_a_warning_and_the_rest_works(
    call: Call, make_plugin: MakePlugin, path: Path
) -> None:
    """
    Given one plugin that breaks on import, one whose commands fail, and one that is well,
    when the good one's command is called,
    then it works, and a warning names each of the others.
    """
    broken, failing = make_plugin(BROKEN), make_plugin(FAILING_COMMANDS)
    make_plugin(GREETING)

    result = call("--help")

    assert 0 == result.exit_code
    assert "greet" in result.stdout
    assert [broken, failing] == [
        name
        for name in (broken, failing)
        if f"warning: The plugin '{name}' failed" in result.stderr
    ]


def test_a_plugin_cannot_take_the_name_of_our_own_command(
    call: Call, make_plugin: MakePlugin, path: Path
) -> None:
    """A script that calls `admit users` goes on doing what it did."""
    make_plugin(OWN_NAME)

    assert "ada@example.com" in call("users", "list").stdout
    assert 1 == call("--help").stdout.count("\n  users ")


def test_a_wrong_configuration_is_told_when_plugins_are_looked_for(
    call: Call, json_path: Path
) -> None:
    """The help is shown all the same."""
    json_path.with_name("admit.toml").write_text("plugins = 7\n")

    result = call("--help")

    assert 0 == result.exit_code
    assert "warning: config: plugins in admit.toml must be a list" in result.stderr
    assert 2 == call("plugins").exit_code


def test_a_plugin_that_is_installed_and_configured_too_is_listed_once(
    call: Call, json_path: Path
) -> None:
    """Naming a built-in plugin in the file is no clash with itself."""
    json_path.with_name("admit.toml").write_text('plugins = ["admit.plugins.auto"]\n')

    result = call("plugins")

    assert (0, 1) == (result.exit_code, result.stdout.count("confirmation flow auto"))
