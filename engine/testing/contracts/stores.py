"""What `admit.stores.Store` promises, as a test suite."""

from __future__ import annotations

from .promises.events import EventPromises
from .promises.fixtures import AnswersLost, Opener, Reopen
from .promises.labels import LabelPromises
from .promises.lifetime import LifetimePromises
from .promises.processes import ProcessPromises
from .promises.records import RecordPromises
from .promises.threads import ThreadPromises
from .promises.versions import VersionPromises

__all__ = ["AnswersLost", "Opener", "Reopen", "StoreContract"]


class StoreContract(
    RecordPromises,
    VersionPromises,
    LabelPromises,
    EventPromises,
    LifetimePromises,
    ThreadPromises,
    ProcessPromises,
):
    """Subclass it, override `store`, and what else `StoreFixtures` has unless the store lacks it.

    class TestMyStore(StoreContract):
        lacks = frozenset({"processes", "lost answers", "reopen"})

        @pytest.fixture
        def store(self, tmp_path):
            with closing(MyStore(tmp_path)) as store:
                yield store
    """
