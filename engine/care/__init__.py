"""Caring for a store, without an engine: copying it to another one, and checking it.

Both take stores that can be walked; see `admit.upkeep`.
"""

from .._copy_mark import KindTally
from .._locating import open_store
from .checking import Finding, check
from .copying import Copied, CopiedKind, copy
from .keys import keys_of
from .progress import OnProgress, Progress
from .remedies import REMEDIES

__all__ = [
    "REMEDIES",
    "Copied",
    "CopiedKind",
    "Finding",
    "KindTally",
    "OnProgress",
    "Progress",
    "check",
    "copy",
    "keys_of",
    "open_store",
]
