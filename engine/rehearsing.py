"""Rehearsals: an engine on a copy of a store, in memory, that sends nothing and tells each step."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, cast

import attrs

from ._keys import KEY_RECORD
from ._locating import open_store
from ._plugins import Offer, Plugins
from .engine import Engine
from .errors import DeliveryFailed, InvalidInput
from .flows import Entry, Outcome
from .opening import opened_with
from .records import User
from .stores import Change, Store
from .testing.memory import MemoryStore
from .transports import Message
from .upkeep import Upkeep

Outcomes: TypeAlias = Literal["pending", "success", "proved", "fail", "error", "delayed"]
OUTCOMES: Final[tuple[Outcomes, ...]] = (
    *("pending", "success", "proved", "fail"),
    *("error", "delayed"),
)
"""What a flow can be said to answer: `proved` is a success that proves the address, `error` an
exception, `delayed` a message that a mail server would not take now."""
_FLOWS: Final = frozenset({"register_confirmation_flows", "register_reset_flows"})


@attrs.frozen(kw_only=True)
class Step:
    """Something that happened in a rehearsal."""

    kind: Literal["commit", "flow", "message", "asked", "told", "erase", "function"]
    """`asked`: a *before* hook, which was called. `told`: an *after* hook, which was not."""
    name: str
    """The event's trigger, the flow, the transport, the hook."""
    plugin: str | None = None
    text: str = ""
    """How the state moved, what a flow answered, who gets a message."""
    message: Message | None = None


@attrs.define
class Rehearsal:
    """An engine whose work is gone when it is closed, and what was done by it so far."""

    engine: Engine
    steps: list[Step]
    entries: list[Entry]
    """What flows were entered with: the tokens are good in this engine."""


@contextmanager
def rehearse(
    store: str | os.PathLike[str], *, outcome: Outcomes = "pending", **opening: Any
) -> Iterator[Rehearsal]:
    """Give an engine on a copy of what the store holds now. The store itself is opened for reading
    only, and let go of before anything happens.

    Whatever is done by the engine is done to the copy. Flows are not entered – but for those that
    say they do nothing but send, `rehearsable = True` –: each answers *outcome*. Messages are kept,
    not sent; *before* hooks are asked, *after* hooks, functions and erase steps are not called. A
    copy takes as much memory as what it is of.

    Args:
        opening: as of `admit.open`, without `read_only` and `worker`. A store that is not there
            is rehearsed as an empty one.

    Raises:
        InvalidInput: there is no such outcome.
        AdmitError: as `admit.open`.
    """
    if outcome not in OUTCOMES:
        raise InvalidInput("outcome", f"must be one of {', '.join(OUTCOMES)}.")
    location, steps = os.fspath(store), list[Step]()
    entries: list[Entry] = []
    copied = _copied(location)
    if copied.find(KEY_RECORD) is None:  # nothing was sealed yet: no key file is made for it
        opening = {"key": secrets.token_bytes(32), **opening}
    copied.before_commit = partial(_tell_commit, steps)
    make = partial(_RehearsedPlugins, steps, entries, outcome)
    with opened_with(cast(Store, copied), make_plugins=make, worker=False, **opening) as engine:
        steps.clear()  # what opening wrote is no step of it
        yield Rehearsal(engine, steps, entries)


def _copied(location: str) -> MemoryStore:
    copied = MemoryStore()
    is_file = "://" not in location
    if not is_file or Path(location).exists():
        with closing(open_store(location, read_only=True)) as there:
            if not isinstance(there, Upkeep):
                raise InvalidInput("store", "cannot be walked, so there can be no copy of it.")
            with there.view() as view:
                for kind in view.kinds():
                    copied.restore(list(view.records(kind)), [])
                copied.restore([], list(view.events()))
            copied.path = there.path
    else:
        copied.path = Path(location)
    return copied


def _tell_commit(steps: list[Step], change: Change) -> None:
    for event in change.events:
        body = event.body
        moved = "" if body.get("to") is None else f"{body.get('from')} → {body['to']}"
        codes: Mapping[str, str] = body.get("codes", {})
        said = ", ".join(f"{name} {value}" for name, value in codes.items() if name != "session")
        text = "; ".join(part for part in (moved, said) if part)
        steps.append(Step(kind="commit", name=body["trigger"], text=text))


class _RehearsedPlugins(Plugins):
    """Plugins whose offers that reach out are exchanged for ones that only tell."""

    def __init__(
        self, steps: list[Step], entries: list[Entry], outcome: Outcomes, *given: Any, **named: Any
    ) -> None:
        self._steps, self._entries = steps, entries
        self._outcome: Outcomes = outcome
        super().__init__(*given, **named)
        functions = self._offers["register_functions"]
        for name, offer in functions.items():
            functions[name] = attrs.evolve(offer, value=partial(self._function, offer))

    def _collect(self, hook: str) -> dict[str, Offer]:
        offers = super()._collect(hook)
        for name, offer in offers.items():
            value = self._instead(hook, offer)
            if value is not None:
                offers[name] = attrs.evolve(offer, value=value)
        return offers

    def _instead(self, hook: str, offer: Offer) -> object | None:
        if hook in _FLOWS:
            return _RehearsedFlow(offer, self._steps, self._entries, self._outcome)
        if hook == "register_transports":
            return _RehearsedTransport(offer, self._steps)
        if hook == "register_erase_steps":
            return _RehearsedErasing(offer, self._steps)
        return None

    def _timed(self, hook: str, plugin: str, function: Any, arguments: tuple[Any, ...]) -> Any:
        if not hook.startswith("before_"):
            self._steps.append(Step(kind="told", name=hook, plugin=plugin))
            return None
        answer = super()._timed(hook, plugin, function, arguments)
        said = "no objection" if answer is None else f"vetoes: {answer}"
        self._steps.append(Step(kind="asked", name=hook, plugin=plugin, text=said))
        return answer

    def _function(self, offer: Offer, *given: Any, **named: Any) -> Any:
        self._steps.append(Step(kind="function", name=offer.name, plugin=offer.plugin))
        raise InvalidInput("function", "is not called in a rehearsal.")


class _Instead:
    """Something in the place of what a plugin offers, with all else that it says of itself."""

    def __init__(self, offer: Offer, steps: list[Step]) -> None:
        self._offer, self._real, self._steps = offer, offer.value, steps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def _tell(self, kind: Any, text: str, message: Message | None = None) -> None:
        step = Step(
            kind=kind,
            name=self._offer.name,
            plugin=self._offer.plugin,
            text=text,
            message=message,
        )
        self._steps.append(step)


class _RehearsedFlow(_Instead):
    def __init__(
        self, offer: Offer, steps: list[Step], entries: list[Entry], outcome: Outcomes
    ) -> None:
        super().__init__(offer, steps)
        self._entries = entries
        self._outcome: Outcomes = outcome

    def begin(self, entry: Entry, services: Any) -> Any:
        """Answer what was chosen; the real flow is entered only if it does nothing but send."""
        self._entries.append(entry)
        said = "" if entry.purpose == "confirm" else f"{entry.purpose}, "
        self._tell("flow", f"{said}for {entry.username}, answers {self._outcome}")
        if getattr(self._real, "rehearsable", False) and self._outcome != "delayed":
            self._real.begin(entry, services)
        return _answer(self._outcome)


def _answer(outcome: Outcomes) -> Outcome:
    match outcome:
        case "success" | "proved":
            return Outcome.success(proved=outcome == "proved")
        case "fail":
            return Outcome.fail("The rehearsal said so.")
        case "error":
            raise RuntimeError("The rehearsal said so.")
        case "delayed":
            raise DeliveryFailed("The rehearsal said so.", temporary=True)
        case _:
            return Outcome.pending()


class _RehearsedTransport(_Instead):
    def send(self, message: Message, services: Any) -> None:
        """Keep the message; nothing is sent."""
        self._tell("message", f"to {message.to}: {message.subject}", message)


class _RehearsedErasing(_Instead):
    def erase(self, *given: Any, **named: Any) -> None:
        """Tell that it would be called."""
        self._tell("erase", "")


def pressed(rehearsal: Rehearsal) -> User:
    """Press the link of the last message of a rehearsal, and return whom it confirmed.

    Raises:
        InvalidInput: no flow was entered. AdmitError: as `Engine.confirm`.
    """
    if not rehearsal.entries:
        raise InvalidInput("rehearsal", "has entered no flow.")
    entry = rehearsal.entries[-1]
    return rehearsal.engine.confirm(token_id=entry.token_id, token=entry.token)
