"""What a store says."""

from __future__ import annotations

from .root import AdmitError


class StoreError(AdmitError):
    """The store could not do what was asked."""

    code = "store-error"

    def __init__(self, sentence: str, next_step: str = "See the store's documentation.") -> None:
        super().__init__(sentence, next_step)
        self.sentence, self.next_step = sentence, next_step


class FateUnknown(StoreError):
    """The connection or the sync failed: the commit may or may not have happened."""

    code = "fate-unknown"

    def __init__(
        self,
        sentence: str = "It is not known whether the change was kept.",
        next_step: str = "Look before repeating it.",
    ) -> None:
        super().__init__(sentence, next_step)


class StoreDamaged(StoreError):
    """The store's files hold something that is no record of ours."""

    code = "store-damaged"


class StoreIncomplete(StoreError):
    """The store is a copy that is not whole, or does not equal what it was copied from."""

    code = "store-incomplete"


class StoreTooNew(StoreError):
    """The store was written by a newer version of admit. Nothing was changed."""

    code = "store-too-new"


class StoreClosed(StoreError):
    """The store, or the engine, was closed – or it was opened before a fork."""

    code = "store-closed"


class StoreReadOnly(StoreError):
    """The store was opened for reading only, or its files may not be written."""

    code = "store-read-only"


class StoreFull(StoreError):
    """There is no room left. The change was not kept; memory and file agree."""

    code = "store-full"


class StoreInUse(StoreError):
    """Others have the store open, and this needs it alone. Nothing was changed."""

    code = "store-in-use"
    exit_code = 5

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is open in another process, or elsewhere in this one.",
            "Stop whatever uses it, then try again.",
        )
        self.args = (name,)


class StoreUnreachable(StoreError):
    """No connection to the store's database can be had. Nothing was changed.

    The same call may succeed when the database is back.
    """

    code = "store-unreachable"
    exit_code = 5
