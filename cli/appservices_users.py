"""The users of an application that moves in: a line for who is not taken in, then the sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import admit

from .context import Invocation, is_there
from .output import counted, pairs, say, styled, visible, wrapped
from .progress import ProgressLine, progress_line

if TYPE_CHECKING:
    from admit.server.appservices.moving_users import UserResult
    from admit.server.appservices.plan import Plan

_TAKEN: Final = ("imported", "would-import", "there")
_WRONG: Final = ("refused", "collides")
_WORDS: Final = {
    "imported": "imported",
    "would-import": "would be imported",
    "there": "here already",
    "differs": "here, and changed since",
    "collides": "with the address of another line",
    "refused": "refused",
    "left-out": "left out",
}


def move_users(call: Invocation, plan: Plan, file: Path, *, dry_run: bool) -> dict[str, Any]:
    """Take in the users of *file*, and tell people who is not. Returns what programs are told."""
    from admit.server.appservices.moving_users import import_users, survey_users

    counts: Counter[str] = Counter()
    others: list[dict[str, object]] = []
    with progress_line() as line, _engine(call, plan, dry_run) as engine:
        survey = survey_users(file, progress=line.tell)
        for result in import_users(engine, file, survey, dry_run=dry_run, progress=line.tell):
            counts[result.outcome] += 1
            counts["without a password"] += result.without_password
            counts["anonymous"] += result.anonymous
            if result.outcome not in _TAKEN:
                others.append(_as_json(result))
                if not call.json:
                    _tell(result, line)
    if not call.json:
        _sum(counts, dry_run)
    return {
        "whole": not any(counts[outcome] for outcome in _WRONG),
        "lines": survey.lines,
        "counts": {outcome: counts[outcome] for outcome in _WORDS},
        "without_password": counts["without a password"],
        "anonymous": counts["anonymous"],
        "not_taken_in": others,
    }


@contextmanager
def _engine(call: Invocation, plan: Plan, dry_run: bool) -> Iterator[admit.Engine]:
    """Give the engine that users go into; in a dry run before it is there, one as it would be."""
    from admit.server.appservices.plan import as_planned

    is_new = dry_run and not is_there(call.store)
    with as_planned(plan) if is_new else call.open(read_only=dry_run) as engine:
        yield engine


def _tell(result: UserResult, line: ProgressLine) -> None:
    line.clear()
    style = "bad" if result.outcome in _WRONG else "faint"
    who = result.address or result.user_id or "–"
    head = f"line {result.line}  {styled(result.outcome, style)}  {visible(who)}"
    say(head)
    say(wrapped(result.why or "she was changed here since.", indent="    ", first="    "))


def _sum(counts: Mapping[str, int], dry_run: bool) -> None:
    told = {words: f"{counts[outcome]:,}" for outcome, words in _WORDS.items() if counts[outcome]}
    say()
    say(pairs(told) if told else "There is nobody in the file.")
    if counts["without a password"]:
        who = counted(counts["without a password"], "user")
        say(
            wrapped(
                f"{who} will choose a password: no hash is known, so a first log-in is a reset."
            )
        )
    if counts["anonymous"]:
        who = counted(counts["anonymous"], "user")
        say(wrapped(f"{who} had nothing but a session, and cannot come back."))
    if dry_run:
        say("Nothing was changed.")


def _as_json(result: UserResult) -> dict[str, object]:
    return {
        "line": result.line,
        "outcome": result.outcome,
        "user": result.user_id,
        "address": result.address,
        "code": result.code,
        "why": result.why,
    }
