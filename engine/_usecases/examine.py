"""Examine an application: whether it could do its work now, and who could break it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import attrs

from .._core import Core
from ..clock import from_text
from ..errors import AdmitError, NotConfigured
from ..records import Purpose
from ..stores import Cursor
from .erasure_told import erasures
from .examine_settings import weak_settings
from .runs import active_flow

Severity: TypeAlias = Literal["wrong", "weak"]
_FLOWS: Final[tuple[tuple[str, Purpose], ...]] = (
    ("confirmation_flow", "confirm"),
    ("reset_flow", "reset"),
    ("notice_flow", "notice"),
)
_LATE: Final = timedelta(minutes=5)
"""How long a worker may take to come by: it looks every second."""
_UNSEALED: Final = timedelta(hours=1)
_SKEW: Final = timedelta(minutes=1)


@attrs.frozen(kw_only=True)
class Advice:
    """Something to be mended, and how."""

    code: str
    """Stable: `queue-stands-still`, `setting-weak`, …; an error's own code where there was one."""
    severity: Severity
    """`wrong`: something does not work. `weak`: it works, and is easier to break than it need be,
    or will stop working."""
    sentence: str
    remedy: str
    about: str | None = None
    """The setting, plugin or file."""


def examine(core: Core) -> list[Advice]:
    """Return what is wrong, then what is weak; see `Doctor.examine`."""
    found = [*_flows(core), *_transport(core), *_stored_settings(core), *_work(core)]
    found += [*_clock(core), *_files(core.store.path)]
    found += [
        Advice(code="setting-weak", severity="weak", about=weak.name, **weak.words())
        for weak in weak_settings(core)
    ]
    return sorted(found, key=lambda advice: advice.severity != "wrong")


def of_error(problem: AdmitError, about: str | None = None) -> Advice:
    """Return an error that keeps something from working as what it is."""
    remedy = problem.next_step
    if isinstance(problem, NotConfigured):
        remedy = f"Set {' and '.join(problem.settings)} in admit.toml or the environment."
    return Advice(
        code=problem.code,
        severity="wrong",
        sentence=problem.sentence,
        remedy=remedy,
        about=about,
    )


def _flows(core: Core) -> Iterator[Advice]:
    said = set()
    for setting, purpose in _FLOWS:
        try:
            active_flow(core, purpose)
        except AdmitError as problem:
            if problem.sentence not in said:  # one flow often serves all three
                said.add(problem.sentence)
                yield of_error(problem, setting)
    own = core.settings
    if own.password_provider not in core.plugins.offers("register_providers"):
        yield Advice(
            code="provider-missing",
            severity="wrong",
            sentence=f"No provider {own.password_provider!r} is loaded.",
            remedy="Load its plugin, or set password_provider to one that is.",
            about="password_provider",
        )
    elif not core.sources.of_provider(own.password_provider).enabled:
        yield Advice(
            code="provider-disabled",
            severity="weak",
            sentence=f"The provider {own.password_provider!r} is off: nobody can register with it.",
            remedy=f"Set {own.password_provider}.enabled, if that is not meant so.",
            about="password_provider",
        )


def _transport(core: Core) -> Iterator[Advice]:
    """Ask the transport itself, as far as it can be asked without sending anything."""
    name = core.settings.transport
    offer = core.plugins.offers("register_transports").get(name or "")
    if offer is None:
        return  # flows that need one have said so
    probe = getattr(offer.value, "probe", None)
    try:
        if probe is not None:
            core.plugins.call(offer, "probe", lambda: probe(core.services))
    except AdmitError as problem:
        yield Advice(
            code="transport-unreachable",
            severity="wrong",
            sentence=problem.sentence,
            remedy=f"Correct the settings of {name}, or mend what it talks to.",
            about="transport",
        )
    if name in ("folder", "console"):
        yield Advice(
            code="transport-for-development",
            severity="weak",
            sentence=f"Messages go to a {name}: nobody gets them.",
            remedy="Set transport to smtp, or to one that delivers, before people come.",
            about="transport",
        )


def _stored_settings(core: Core) -> Iterator[Advice]:
    for info in core.sources.info():
        if info.problem is not None:
            yield Advice(
                code="setting-ignored",
                severity="wrong",
                sentence=f"The stored value of {info.name} is ignored. {info.problem}",
                remedy=f"Set it anew, or take it back: admit settings unset {info.name}",
                about=info.name,
            )


def _work(core: Core) -> Iterator[Advice]:
    now = core.now()
    first = _oldest(core, "user", "due")
    if first is not None and first < now - _LATE:
        yield Advice(
            code="queue-stands-still",
            severity="wrong",
            sentence=f"Work has been due since {first:%Y-%m-%d %H:%M} UTC, and nobody does it.",
            remedy="Run a worker: admit work, or an application that opens the engine with one.",
        )
    waiting = core.store.events(unsealed=True, limit=1).items
    if waiting and from_text(waiting[0].body["at"]) < now - _UNSEALED:
        yield Advice(
            code="trail-not-sealed",
            severity="weak",
            sentence="Events of the last hour and before are not sealed: they could be changed.",
            remedy="Run a worker: admit work, or admit work --once every few minutes.",
        )
    unfinished = erasures(core, None, 200).items
    gave_up = sum(any(step.ended == "gave-up" for step in one.steps) for one in unfinished)
    if gave_up:
        who = "a deleted user" if gave_up == 1 else f"{gave_up} deleted users"
        yield Advice(
            code="erasing-given-up",
            severity="wrong",
            sentence=f"Of {who}, something is left that could not be erased.",
            remedy="See which plugin: admit users erasures. Erase it there by hand.",
        )


def _oldest(core: Core, kind: str, label: str) -> Any:
    page = core.store.page(kind, label, Cursor("", ""), 1)
    if not page.items:
        return None
    return from_text(min(order for name, order in page.items[0].labels if name == label))


def _clock(core: Core) -> Iterator[Advice]:
    """A clock that is behind makes tokens that others find too young, and links that live long."""
    newest = core.store.page("user", "all", None, 1, reverse=True).items
    unsealed = core.store.events(unsealed=True, limit=1).items
    instants = [from_text(record.body["created_at"]) for record in newest]
    instants += [from_text(event.body["at"]) for event in unsealed]
    latest = max(instants, default=None)
    if latest is not None and latest > core.now() + _SKEW:
        yield Advice(
            code="clock-behind",
            severity="wrong",
            sentence=f"This machine's clock is behind: the store has seen {latest:%Y-%m-%d %H:%M}"
            " UTC already.",
            remedy="Set the clock, and keep it so by NTP.",
        )


def _files(path: Path | None) -> Iterator[Advice]:
    if path is None:
        return
    for file in (path, path.with_name(f"{path.name}.key"), path.with_name("admit.toml")):
        try:
            mode = file.stat().st_mode & 0o077
        except OSError:
            continue
        open_to = "read or change" if mode & 0o033 else "read"
        if mode and not (file.name == "admit.toml" and not mode & 0o022):
            yield Advice(
                code="file-open-to-others",
                severity="weak",
                sentence=f"Others on this machine may {open_to} {file.name} (mode {mode:03o}).",
                remedy=f"chmod go= {file}",
                about=str(file),
            )
