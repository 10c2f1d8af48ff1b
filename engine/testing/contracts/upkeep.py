"""What `admit.upkeep.Upkeep` promises, as a test suite."""

from __future__ import annotations

from .promises.care import CarePromises
from .promises.restoring import RestorePromises
from .promises.upkeep_fixtures import Spoil
from .promises.views import ViewPromises

__all__ = ["Spoil", "UpkeepContract"]


class UpkeepContract(ViewPromises, RestorePromises, CarePromises):
    """Subclass it beside `StoreContract`, and override `store` and `other`; what else
    `UpkeepFixtures` has, unless the store lacks it or rules it out.

    class TestUpkeepOfMyStore(UpkeepContract):
        lacks = frozenset({"backup", "reopen"})
        impossible = frozenset({"key-lost", "key-astray", "label-lost", "label-astray"})

        @pytest.fixture
        def store(self, tmp_path): ...

        @pytest.fixture
        def other(self, tmp_path): ...

        @pytest.fixture
        def spoil(self, store): ...
    """
