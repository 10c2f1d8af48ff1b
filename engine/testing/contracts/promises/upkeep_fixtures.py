"""What the author of a store that can be cared for overrides besides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from ....upkeep import Upkeep
from .fixtures import StoreFixtures

Spoil = Callable[[str], str]
"""Brings a store into one disorder, by its code; returns the record that has it, as `kind id`."""


class UpkeepFixtures(StoreFixtures):
    """The fixtures of the suite. Besides what `StoreFixtures` names, a store may lack `backup`: it
    cannot write a copy to a file."""

    impossible: ClassVar[frozenset[str]] = frozenset()
    """Codes of `admit.upkeep.DISORDERS` that the way this store keeps things rules out."""

    @pytest.fixture
    def store(self) -> Upkeep:
        """Return a new, empty store; close it after the test."""
        raise NotImplementedError("override the fixture `store`")

    @pytest.fixture
    def other(self) -> Upkeep:
        """Return another new, empty store; close it after the test."""
        raise NotImplementedError("override the fixture `other`")

    @pytest.fixture
    def open_backup(self) -> Callable[[Path], Upkeep]:
        """Return a function that opens what `backup` wrote."""
        self._lacking("backup", "open_backup")

    @pytest.fixture
    def spoil(self, store: Upkeep) -> Spoil:
        """Return a function that brings *store* into a disorder: past its methods, as a broken disk
        or a careless hand does. It holds the users 1 and 2 with `k:1` and `k:2` and a label `l`."""
        raise NotImplementedError("override the fixture `spoil`, or declare all impossible")
