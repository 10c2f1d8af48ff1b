"""`admit import appservices`, `admit export appservices`: an application moves in, and out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

import admit
from admit.errors import AdmitError, InvalidInput

from .appservices_users import move_users
from .context import Invocation, common_options, json_option, reason_option
from .failures import complain
from .group import Group
from .output import counted, note, pairs, say, say_json, styled, visible, wrapped
from .progress import progress_line

if TYPE_CHECKING:
    from admit.server.appservices.moving_in import MovedIn
    from admit.server.appservices.plan import Plan

_LARGEST_SECRETS_BYTES: Final = 1_000_000


@click.group("import", cls=Group)
def import_() -> None:
    """Take in an application that lived elsewhere."""


@click.group(cls=Group)
def export() -> None:
    """Write an application for elsewhere."""


@import_.command("appservices")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--app-id", metavar="ID", help="The client app id, if the export lacks it.")
@click.option("--into", metavar="FOLDER", type=Path, help="Where users.json and admit.toml go.")
@click.option("--environment", metavar="NAME", help="Whose values count; else the export's own.")
@click.option("--public-url", metavar="URL", help="What clients will reach the server by.")
@click.option(
    "--secrets", metavar="FILE", help="JSON, the name of a secret: its value; - is stdin."
)
@click.option(
    "--function", "functions", metavar="NAME=MODULE:CALLABLE", multiple=True, help="One, in Python."
)
@click.option("--users", metavar="FILE", type=Path, help="Users, a JSON object of theirs a line.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for secrets; unknown ones are left out.")
@common_options
@json_option
@click.pass_obj
def import_appservices(
    call: Invocation,
    path: Path,
    app_id: str | None,
    into: Path | None,
    environment: str | None,
    public_url: str | None,
    secrets: str | None,
    functions: tuple[str, ...],
    users: Path | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Set up what an exported App Services application was.

    PATH is its folder or zip file. All of it is done, or nothing: admit.toml is written with what
    only a file may say, the rest goes into the store. What is wrong is told first, all at once.

    Once it is set up it is left alone; the same command then takes in --users.
    """
    from admit.server.appservices.exported import read_exported
    from admit.server.appservices.moving_in import move_in
    from admit.server.appservices.plan import Given, plan_moving_in

    target, config = _place(call, into)
    exported = read_exported(path, environment=environment)
    given = Given(
        app_id=app_id,
        public_url=public_url,
        secrets=_read_secrets(secrets),
        functions=_functions(functions),
    )
    plan = plan_moving_in(exported, given)
    if not plan.problems and plan.secrets and _may_ask(call, dry_run, yes):
        asked = {**given.secrets, **_ask(plan)}
        plan = plan_moving_in(exported, attrs.evolve(given, secrets=asked))
    done = None
    if not plan.problems and not dry_run:

        def open_engine(file: Path) -> admit.Engine:
            return attrs.evolve(target, config=str(file)).open(begins=True)

        done = move_in(plan, config=config, open_engine=open_engine)
    told = _as_json(plan, done, config)
    if not call.json:
        _tell_people(plan, done, config)
    if users is not None and not plan.problems:
        there = attrs.evolve(target, config=str(config) if config.exists() else None)
        told["users"] = move_users(there, plan, users, dry_run=dry_run)
    if call.json:
        say_json(told)
    if plan.problems:
        _complain(call, plan)
    if users is not None and not told["users"]["whole"]:
        click.get_current_context().exit(1)


@export.command("appservices")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--users", metavar="FILE", type=Path, help="Write the users, too, to a new file.")
@click.option("--hashes", is_flag=True, help="With the hashes of their passwords.")
@common_options
@reason_option
@json_option
@click.pass_obj
def export_appservices(call: Invocation, path: Path, users: Path | None, hashes: bool) -> None:
    """Write the new folder PATH, as App Services exported it.

    Its layout is the current one. Secrets are named in it, and no value of one is.
    """
    from admit.server.appservices.moving_out import move_out

    if hashes and users is None:
        raise click.UsageError("--hashes goes with --users FILE.")
    with call.open(read_only=users is None) as engine, progress_line() as line:
        done = move_out(engine, path, users=users, hashes=hashes, progress=line.tell)
    if call.json:
        say_json({**attrs.asdict(done), "path": str(path)})
        return
    say(f"{styled('Exported', 'good')} {counted(len(done.files), 'file')} to {visible(path)}.")
    told: dict[str, object] = {"providers": ", ".join(done.providers)}
    if done.secrets:
        told["secrets, by name"] = ", ".join(done.secrets)
    if done.users is not None:
        told["users"] = f"{done.users:,}, in {visible(str(users))}"
    say(pairs(told))
    _list("Stays here", [(left.field, left.why) for left in done.left])


def _place(call: Invocation, into: Path | None) -> tuple[Invocation, Path]:
    """Return the call on the store that is meant, and where its admit.toml is or goes."""
    if into is not None:
        return attrs.evolve(call, store=str(into / "users.json")), into / "admit.toml"
    if call.config is not None:
        return call, Path(call.config)
    if "://" in call.store:
        raise click.UsageError("Say where admit.toml goes: --config FILE, or --into FOLDER.")
    return call, Path(call.store).with_name("admit.toml")


def _functions(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for pair in given:
        name, equals, target = pair.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{pair!r} is not NAME=MODULE:CALLABLE.")
        found[name] = target
    return found


def _read_secrets(file: str | None) -> dict[str, str]:
    """Return name → value of a JSON file. Raises InvalidInput: it is none; nothing is quoted."""
    if file is None:
        return {}
    try:
        if file == "-":
            text = sys.stdin.read(_LARGEST_SECRETS_BYTES)
        else:
            with Path(file).open(encoding="utf-8") as opened:
                text = opened.read(_LARGEST_SECRETS_BYTES)
        found = json.loads(text)
    except OSError as problem:
        raise InvalidInput("secrets", f"{file} cannot be read: {problem.strerror}.") from None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise InvalidInput(
            "secrets", "must be a JSON object of texts.", 'Write it like {"googleSecret": "…"}.'
        )
    return found


def _may_ask(call: Invocation, dry_run: bool, yes: bool) -> bool:
    return not (dry_run or yes or call.json) and sys.stdin.isatty()


def _ask(plan: Plan) -> dict[str, str]:
    """Ask for each secret that is not known. Nothing is shown of what is typed."""
    found = {}
    for name, setting in {secret.name: secret.setting for secret in plan.secrets}.items():
        question = f"The secret {visible(name)}, for {setting} (nothing: later)"
        value = click.prompt(question, default="", hide_input=True, show_default=False, err=True)
        if value:
            found[name] = value
    return found


def _complain(call: Invocation, plan: Plan) -> None:
    if not call.json:
        for problem in plan.problems:
            complain(problem.error())
        note(f"{counted(len(plan.problems), 'value')} to correct. Nothing was changed.")
    click.get_current_context().exit(InvalidInput.exit_code)


def _tell_people(plan: Plan, done: MovedIn | None, config: Path) -> None:
    from admit.server.appservices.config_file import masked

    about = f"layout {plan.layout}, environment {plan.environment or 'none'}"
    say(f"{styled(plan.app_id or 'An application', 'strong')} {styled(f'({about})', 'faint')}")
    if done is not None and done.was_there:
        say(f"It has moved in already: {visible(config)} and the settings are left as they are.")
        return
    if plan.problems:
        return
    for title, values in (("In admit.toml", plan.file), ("In the store", plan.store)):
        shown = sorted((name, str(value)) for name, value in masked(values).items())
        _list(title, [pair for pair in shown if pair[0] != "appservices.kept"], between=" = ")
    _list("Missing", _missing(plan))
    _list("Stays behind", [(left.field, left.why) for left in plan.left])
    say()
    if done is None:
        say("Nothing was changed.")
        return
    count = counted(done.settings, "setting")
    say(f"{styled('Moved in', 'good')}: {count}, in {visible(config)} and in the store.")
    if plan.functions or plan.secrets or plan.missing:
        say(f"What is missing stands in {visible(config.name)}, in comments, to be filled in.")


def _missing(plan: Plan) -> list[tuple[str, str]]:
    functions = {function.name: function.setting for function in plan.functions}
    return [
        *(
            (f"functions.{name}", f"in Python, for {setting}.")
            for name, setting in functions.items()
        ),
        *((secret.setting, f"the value of the secret {secret.name}.") for secret in plan.secrets),
        *((missing.setting, missing.why) for missing in plan.missing),
    ]


def _list(title: str, items: list[tuple[str, str]], *, between: str = ": ") -> None:
    if items:
        say(f"\n{styled(title, 'strong')}")
        for name, what in items:
            line = f"{visible(name)}{between}{visible(what)}"
            say(wrapped(line, first="  ", indent="    "))


def _as_json(plan: Plan, done: MovedIn | None, config: Path) -> dict[str, Any]:
    return {
        "app_id": plan.app_id,
        "layout": plan.layout,
        "environment": plan.environment,
        "config": str(config),
        "done": done is not None,
        "was_there": done is not None and done.was_there,
        "settings": [
            {"name": name, "value": value, "in": place}
            for place, values in (("file", plan.file), ("store", plan.store))
            for name, value in sorted(values.items())
        ],
        "functions": [attrs.asdict(function) for function in plan.functions],
        "secrets": [attrs.asdict(secret) for secret in plan.secrets],
        "missing": [attrs.asdict(missing) for missing in plan.missing],
        "left": [attrs.asdict(left) for left in plan.left],
        "problems": [_told(problem.error()) for problem in plan.problems],
    }


def _told(error: AdmitError) -> dict[str, object]:
    return {"code": error.code, "sentence": error.sentence, "next_step": error.next_step}
