"""What takes custom tokens: an engine with a provider that is set so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import admit
from admit.testing import CHEAP_HASHING, KEY, MemoryStore, SettableClock

SECRET: Final = "a shared secret of at least 32 bytes"
AUDIENCE: Final = "shop"

Open = Callable[..., admit.Engine]
"""Opens an engine that takes custom tokens under these settings of the provider."""


@contextmanager
def opening(clock: SettableClock, **usual: object) -> Iterator[Open]:
    """Yield what opens such engines; they are closed at the end."""
    with ExitStack() as opened:

        def open_it(**settings: object) -> admit.Engine:
            given = {"enabled": True, "audience": AUDIENCE, **usual, **settings}
            named = {f"custom-token.{name}": value for name, value in given.items()}
            return opened.enter_context(
                admit.open(
                    MemoryStore(),
                    key=KEY,
                    settings={**CHEAP_HASHING, **named},
                    clock=clock,
                    worker=False,
                )
            )

        yield open_it
