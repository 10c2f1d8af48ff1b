"""The stores that come with admit.

Each is imported when it is first named: who uses one needs nothing of the others, neither TinyDB
nor a system that has `fcntl`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .damages import Damage
    from .exchange import Exchanged, export_tinydb, import_tinydb
    from .live import LiveStorage
    from .repairing import RepairReport, repair
    from .sql.store import SqlStore
    from .tiny import TinyStore

__all__ = [
    "Damage",
    "Exchanged",
    "LiveStorage",
    "RepairReport",
    "SqlStore",
    "TinyStore",
    "export_tinydb",
    "import_tinydb",
    "repair",
]


def __getattr__(name: str) -> Any:
    modules = {
        "Damage": "damages",
        "Exchanged": "exchange",
        "LiveStorage": "live",
        "RepairReport": "repairing",
        "SqlStore": "sql.store",
        "TinyStore": "tiny",
        "export_tinydb": "exchange",
        "import_tinydb": "exchange",
        "repair": "repairing",
    }
    if name not in modules:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{modules[name]}", __name__), name)
