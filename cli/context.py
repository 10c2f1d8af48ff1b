"""What all commands share: which store, which configuration, and who is said to act."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

import admit
from admit.errors import InvalidInput
from admit.survey import Survey, survey_plugins

from . import remotes
from .rehearsed import tell_dry_run

if TYPE_CHECKING:
    from admit.rehearsing import Outcomes, Rehearsal

_ACTOR: Final = admit.Actor("admin", "command-line")


def _default_store() -> str:
    return os.environ.get("ADMIT_STORE") or "users.json"


@attrs.define
class Invocation:
    """One call of the command; click's `obj`. A plugin's command opens its engine with it:

    @click.command()
    @click.pass_obj
    def hello(admit):
        with admit.open(read_only=True) as engine: ...
    """

    store: str = attrs.field(factory=_default_store)
    config: str | None = None
    server: str | None = None
    key: str | None = attrs.field(default=None, repr=False)
    profile: str | None = None
    dev: bool = False
    json: bool = False
    reason: str | None = None
    dry_run: bool = False

    def open(self, *, read_only: bool = False, begins: bool = False) -> admit.Engine:
        """Return an engine on the store, in which an admin acts; or, with a server, one that asks
        it to do the same.

        *begins*: a store may be begun by this; everything else would only make the empty one of a
        mistyped path.

        Raises:
            AdmitError: as `admit.open`; InvalidInput also when the local store is not there, or
                a server is to be asked without a key.
        """
        remote = remotes.asked(self.server, self.key, self.profile)
        if remote is not None:
            if self.dry_run:
                self._refuse_remote("--dry-run")
            return remotes.connected(remote, self.reason)
        if not begins and not is_there(self.store):
            raise InvalidInput(
                "store",
                f"there is no {self.store}.",
                "Name yours with --store or ADMIT_STORE, or begin one: admit users create ADDRESS",
            )
        if self.dry_run:
            rehearsal = self.rehearsal()
            click.get_current_context().find_root().call_on_close(
                lambda: tell_dry_run(rehearsal.steps)
            )
            return rehearsal.engine.acting(_ACTOR, self.reason)
        engine = admit.open(
            self.store, config=self.config, dev=self.dev, read_only=read_only, worker=False
        )
        return engine.acting(_ACTOR, self.reason)

    def rehearsal(self, outcome: Outcomes = "pending") -> Rehearsal:
        """Return an engine on a copy of the store, which sends nothing and is gone when the command
        ends; what it did is told then. Raises AdmitError: as `admit.open`."""
        self._refuse_remote("A rehearsal")
        from admit.rehearsing import rehearse  # what a dry run alone needs

        context = click.get_current_context()
        begun = rehearse(self.store, outcome=outcome, config=self.config, dev=self.dev)
        return context.find_root().with_resource(begun)

    def examine(self) -> tuple[admit.Advice, ...]:
        """Return what is wrong or weak, also about an engine that does not open."""
        self._refuse_remote("An examination")
        from admit.examining import examine  # loads more than other commands need

        return examine(self.store, config=self.config, dev=self.dev)

    def is_remote(self) -> bool:
        """Whether a server is asked, not a store opened here."""
        return remotes.asked(self.server, self.key, self.profile) is not None

    def _refuse_remote(self, what: str) -> None:
        """Return if a store here is meant: what cannot be done at a server must neither be done to
        another store nor, of a dry run, be done for real."""
        if self.is_remote():
            raise InvalidInput(
                "server", f"{what} needs the store itself.", "Run it beside the store."
            )

    def survey(self) -> Survey:
        """Return the plugins that would be loaded. Raises InvalidInput: a wrong configuration."""
        return survey_plugins(self.store, config=self.config)


def is_there(store: str) -> bool:
    """Whether a local store is there; of one that is named by a URL, only opening it tells."""
    return "://" in store or Path(store).exists()


def invocation(context: click.Context) -> Invocation:
    """Return what this call of the command is about."""
    return context.ensure_object(Invocation)


def common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--store`, `--config`, `--dev`, and what names a server instead. They may stand anywhere:
    the last one counts."""
    for option in (
        _kept("--profile", metavar="NAME", help="A server and key kept in profiles.toml."),
        _kept("--key", metavar="KEY", help="An admin key for it; better: $ADMIT_REMOTE_KEY."),
        _kept("--server", metavar="URL", help="Ask a server; else $ADMIT_REMOTE_URL, if set."),
        _kept("--dev", is_flag=True, help="Mails land in a folder beside the store."),
        _kept("--config", metavar="FILE", help="admit.toml; else $ADMIT_CONFIG, or beside it."),
        _kept("--store", metavar="STORE", help="Path or URL; else $ADMIT_STORE, or users.json."),
    ):
        command = option(command)
    return command


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--json`."""
    return _kept("--json", is_flag=True, help="Print JSON, for programs.")(command)


def reason_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--reason`, which is recorded with what the command does."""
    return _kept("--reason", metavar="TEXT", help="Why; kept with the event.")(command)


def dry_run_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--dry-run`: the command works on a copy of the store, and sends nothing."""
    return _kept("--dry-run", is_flag=True, help="Only show what it would do.")(command)


def _kept(name: str, **about: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    # Eager: a plugin's command is found by the store and configuration, also behind --help.
    return click.option(
        name, callback=_keep, expose_value=False, is_eager=True, default=None, **about
    )


def _keep(context: click.Context, option: click.Parameter, value: object) -> None:
    if value is not None and option.name is not None:
        setattr(invocation(context), option.name, value)
