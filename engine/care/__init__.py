"""Caring for a store, without an engine: copying it to another one, and checking it.

Both take stores that can be walked; see `admit.upkeep`.
"""

from .._copy_mark import KindTally
from .._keys import KEY_RECORD
from .._locating import open_store
from .checking import Finding, check
from .copying import Copied, CopiedKind, copy
from .keys import keys_of, name_key
from .progress import OnProgress, Progress
from .remedies import REMEDIES

__all__ = [
    "KEY_RECORD",
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
    "name_key",
    "open_store",
]
