"""For tests: yours, of an application or a plugin, and admit's own.

`testing.open()` gives an engine on a memory store, with a clock that you set, an inbox instead of
mail, and cheap hashing. `admit.testing.contracts` has the suites for stores, flows and providers.
The same as pytest fixtures: `admit_engine`, `admit_clock`, `admit_inbox`, `admit_store`.
"""

from .clock import SettableClock
from .inbox import Inbox, Link
from .memory import MemoryStore
from .opening import CHEAP_HASHING, KEY, open

__all__ = ["CHEAP_HASHING", "KEY", "Inbox", "Link", "MemoryStore", "SettableClock", "open"]
