"""An engine opened on a plugin, for the suites of flows and providers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from ... import opening
from ...clock import Clock
from ...engine import Engine
from ...stores import Change, Store
from ..inbox import Inbox
from ..memory import MemoryStore
from ..opening import CHEAP_HASHING, KEY

PASSWORD: Final = "correct horse battery staple"  # noqa: S105  # nobody's

_MAIL: Final[Mapping[str, object]] = {
    "transport": "inbox",
    "email.sender": "admit@example.com",
    "email.link_base": "https://app.example.com/confirm",
}


@contextmanager
def open_on(
    store: Store,
    plugins: Iterable[object],
    *,
    settings: Mapping[str, object],
    functions: Mapping[str, Callable[..., Any]],
    without: Iterable[str] = (),
    inbox: Inbox,
    clock: Clock,
) -> Iterator[Engine]:
    """Open an engine with these plugins, those installed, and these settings but some.

    What an admin may not set at run time is set as code does; the rest stands in the store.
    """
    given = [inbox, *plugins]
    wanted = {name: value for name, value in {**_MAIL, **settings}.items() if name not in without}
    with opening.open(MemoryStore(), key=KEY, plugins=given, functions=functions) as probe:
        where = {info.name: info.about.where for info in probe.settings.all()}
    fixed = {name: wanted[name] for name in wanted if "store" not in where.get(name, ["store"])}
    with opening.open(
        store,
        key=KEY,
        plugins=given,
        functions=functions,
        settings={**CHEAP_HASHING, **fixed},
        clock=clock,
        worker=False,
    ) as engine:
        for name in wanted:
            if (name in settings or name in where) and name not in fixed:
                engine.settings.set(name, wanted[name])
        yield engine


def check_offer(engine: Engine, offer: str) -> None:
    """Check that exactly one plugin makes this offer, and that its settings explain themselves.

    Raises:
        AssertionError: they do not.
    """
    makers = [plugin for plugin in engine.plugins() if offer in plugin.offers]
    assert len(makers) == 1, f"{offer!r} is offered by {[plugin.name for plugin in makers]}"
    sections = [o.rpartition(" ")[2] for o in makers[0].offers if o.startswith("settings section ")]
    for info in engine.settings.all():
        if info.name.rpartition(".")[0] not in sections:
            continue
        about, default = info.about, info.default
        assert about.help.strip(), f"{info.name} does not say what it is"
        assert about.choices is None or default in (None, *about.choices), info.name
        assert about.minimum is None or default is None or about.minimum <= default, info.name
        assert about.maximum is None or default is None or default <= about.maximum, info.name


def all_text(changes: Iterable[Change]) -> str:
    """Return all that a store was asked to keep, as one text to search."""
    return "\n".join(
        repr(part)
        for change in changes
        for part in (
            *[(put.body, put.keys, put.labels) for put in change.put],
            *[(event.body, event.detail) for event in change.events],
        )
    )
