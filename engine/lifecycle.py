"""The life of an account. TABLE is the whole truth: engine, diagram and docs all read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, NamedTuple, cast

import attrs
from transitions import EventData, Machine, MachineError

from .errors import NotAllowed
from .records import State


class Arrow(NamedTuple):
    """One row of the table: what moves a user, from where to where, and what must hold."""

    trigger: str
    source: str
    dest: State
    guards: tuple[str, ...] = ()


NEW: Final = "new"
"""The state before the first commit; never stored."""

TABLE: Final = (
    Arrow("register", NEW, "pending", ("flow_is_loaded",)),
    Arrow("create", NEW, "confirmed"),
    Arrow("confirm", "pending", "confirmed"),
    Arrow("rerun", "pending", "pending", ("flow_is_loaded", "cool_down_is_over")),
    Arrow("reject", "pending", "deleted"),
    Arrow("expire", "pending", "deleted", ("deadline_has_passed",)),
    Arrow("absorb", "confirmed", "deleted"),
    Arrow("delete", "pending", "deleted"),
    Arrow("delete", "confirmed", "deleted"),
)

TRIGGERS: Final = tuple(dict.fromkeys(arrow.trigger for arrow in TABLE))


class Facts(NamedTuple):
    """What the guards look at. The defaults let every guard pass."""

    flow_is_loaded: bool = True
    cool_down_is_over: bool = True
    deadline_has_passed: bool = True


_NO_OBJECTION: Final = Facts()


@attrs.define
class _Step:
    """One user on one arrow; the only thing here that changes, and it lives for one call."""

    state: str
    facts: Facts = _NO_OBJECTION
    begins_run: bool = False
    blocked_by: str | None = None


class Moved(NamedTuple):
    """Where an arrow led."""

    state: State
    begins_run: bool
    """Entering `pending` is what begins the active flow."""


@attrs.frozen
class May:
    """What a user may do now, and which guard blocks each move that its state would allow."""

    allowed: tuple[str, ...]
    blocked: dict[str, str]


def _guard(name: str) -> Callable[[EventData], bool]:
    def holds(event: EventData) -> bool:
        step = cast(_Step, event.model)
        if getattr(step.facts, name):
            return True
        step.blocked_by = step.blocked_by or name
        return False

    return holds


def _entering_pending(event: EventData) -> None:
    cast(_Step, event.model).begins_run = True


def _machine() -> Machine:
    guards = {name: _guard(name) for arrow in TABLE for name in arrow.guards}
    machine = Machine(
        None,
        [NEW, {"name": "pending", "on_enter": _entering_pending}, "confirmed", "deleted"],
        initial=NEW,
        send_event=True,
        auto_transitions=False,
    )
    for arrow in TABLE:
        machine.add_transition(
            arrow.trigger,
            arrow.source,
            arrow.dest,
            conditions=[guards[name] for name in arrow.guards] or None,
        )
    return machine


# One machine for all users: a Machine per user costs six times as much, and registering users as
# its models makes each call linear in their number (performance.md §1).
_EVENTS: Final = _machine().events


def triggers_from(state: str) -> tuple[str, ...]:
    """Return the triggers that leave *state*, guards aside, in the table's order."""
    return tuple(dict.fromkeys(arrow.trigger for arrow in TABLE if arrow.source == state))


def move(state: str, trigger: str, facts: Facts = _NO_OBJECTION) -> Moved:
    """Return where *trigger* leads from *state*, and whether a run begins there.

    Raises:
        NotAllowed: the table has no such arrow, or a guard blocks it (then it is named).
    """
    return _moved(state, trigger, facts)


@cache  # the machine takes 7 µs; what it says depends on nothing else, and a refusal is not kept
def _moved(state: str, trigger: str, facts: Facts) -> Moved:
    step = _Step(state, facts)
    try:
        moved = _EVENTS[trigger].trigger(step)
    except MachineError:
        raise NotAllowed(state, trigger, triggers_from(state)) from None
    if not moved:
        others = [name for name in triggers_from(state) if name != trigger]
        raise NotAllowed(state, trigger, others, step.blocked_by)
    return Moved(cast(State, step.state), step.begins_run)


def may(state: str, facts: Facts = _NO_OBJECTION) -> May:
    """Return what is allowed from *state*, and for what is not, which guard blocks it."""
    allowed: list[str] = []
    blocked: dict[str, str] = {}
    for arrow in TABLE:
        if arrow.source != state:
            continue
        guard = next((name for name in arrow.guards if not getattr(facts, name)), None)
        if guard is None:
            allowed.append(arrow.trigger)
        else:
            blocked[arrow.trigger] = guard
    return May(tuple(dict.fromkeys(allowed)), blocked)


def diagram(table: Sequence[Arrow] = TABLE) -> str:
    """Return the lifecycle as a Mermaid state diagram, drawn from the table."""
    lines = ["stateDiagram-v2", "    direction LR"]
    for arrow in table:
        source = "[*]" if arrow.source == NEW else arrow.source
        guards = f" [{', '.join(name.replace('_', ' ') for name in arrow.guards)}]"
        lines.append(
            f"    {source} --> {arrow.dest}: {arrow.trigger}{guards if arrow.guards else ''}"
        )
    lines.append("    deleted --> [*]")
    return "\n".join(lines) + "\n"
