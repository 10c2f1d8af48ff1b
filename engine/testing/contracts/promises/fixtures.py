"""What a store's author overrides: the store, and ways to meet it again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import ClassVar, Never, Protocol

import pytest

from ....stores import Store

Opener = Callable[[], Store]
"""Opens what a store keeps; it can be pickled, for it is called in another process."""

AnswersLost = Callable[[], AbstractContextManager[None]]
"""Gives a time in which each commit raises FateUnknown, kept or not."""


class Reopen(Protocol):
    """Closes nothing: opens once more what a store keeps."""

    def __call__(self, store: Store, *, read_only: bool = False) -> Store: ...


class StoreFixtures:
    """The fixtures of a suite. Only `store` must be overridden; what is lacking is declared."""

    lacks: ClassVar[frozenset[str]] = frozenset()
    """What the store cannot do, by name. Each test that needs it is reported as skipped, with this
    reason.

    - `reopen`: nothing is kept when it is closed.
    - `processes`: two processes cannot share it.
    - `lost answers`: a commit's fate is always known, or the test cannot make it unknown.
    """

    @pytest.fixture
    def store(self) -> Store:
        """Return a new, empty store; close it after the test."""
        raise NotImplementedError("override the fixture `store`")

    @pytest.fixture
    def reopen(self) -> Reopen:
        """Return a function that opens once more what a store keeps, while that may be open."""
        return self._lacking("reopen")

    @pytest.fixture
    def elsewhere(self, store: Store) -> Opener:
        """Return a function that opens what *store* keeps in another process: it is pickled, so it
        is one of a module, or a `functools.partial` of one."""
        return self._lacking("processes", "elsewhere")

    @pytest.fixture
    def answers_lost(self, store: Store) -> AnswersLost:
        """Return a function whose `with` block is a time in which commits of *store* raise
        FateUnknown, whether they are kept or not."""
        return self._lacking("lost answers", "answers_lost")

    def _lacking(self, what: str, fixture: str | None = None) -> Never:
        if what in self.lacks:
            pytest.skip(f"the store declares that it lacks: {what}")
        raise NotImplementedError(
            f"override the fixture `{fixture or what}`, or declare lacks = {{{what!r}}}"
        )
