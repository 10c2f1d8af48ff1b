"""O6: what a user proved counts for her, and not for whom a merge makes of her meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
from races import meanwhile, records
from told_providers import open_told, told

from admit import Engine, LogIn, User
from admit.errors import AdmitError, LogInRefused, SessionInvalid
from admit.public import PublicFace
from admit.stores import Record, Ref
from admit.testing import Inbox, MemoryStore, SettableClock

PASSWORD = "correct horse battery staple"
ADDRESS = "ada@example.com"


class SlowStore(MemoryStore):
    """A store that lets something happen once a user and her session were looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.happens: Callable[[], object] | None = None

    def get_many(self, refs: Sequence[Ref]) -> list[Record | None]:
        found = super().get_many(refs)
        happens, self.happens = self.happens, None
        if happens is not None:
            happens()
        return found


@pytest.fixture
def store() -> SlowStore:
    return SlowStore()


@pytest.fixture
def engine(store: SlowStore, clock: SettableClock, inbox: Inbox) -> Iterator[Engine]:
    """An engine with providers that believe what they are told."""
    with open_told(store, clock, inbox) as opened:
        yield opened


@pytest.fixture
def ada(engine: Engine) -> LogIn:
    """A log-in of Ada."""
    engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    return engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)


@pytest.fixture
def survivor(engine: Engine) -> User:
    """Another user, with custom data of her own."""
    user = engine.log_in("told", **told("survivor")).user
    engine.custom_data.set(user, {"balance": 100})
    return user


def by_session(public: PublicFace, ada: LogIn) -> object:
    return public.delete(access_token=ada.access_token)


def by_password(public: PublicFace, ada: LogIn) -> object:
    return public.delete(address=ADDRESS, password=PASSWORD)


@pytest.mark.parametrize(
    ("delete", "refusal"), [(by_session, SessionInvalid), (by_password, LogInRefused)]
)
def test_o6_who_is_merged_while_she_deletes_herself_deletes_nobody_else(
    engine: Engine,
    store: SlowStore,
    ada: LogIn,
    survivor: User,
    delete: Callable[[PublicFace, LogIn], object],
    refusal: type[AdmitError],
) -> None:
    """
    Given a user whose deletion is about to be committed,
    when another one absorbs her just before,
    then it is refused as if she had never proved anything, and the survivor is there.
    """
    meanwhile(store, lambda: engine.identities.merge(survivor, ada.user), before=records("delete"))

    with pytest.raises(refusal):
        delete(engine.public, ada)

    assert "confirmed" == engine.users.get(survivor.id).state


@pytest.mark.parametrize(
    ("delete", "refusal"), [(by_session, SessionInvalid), (by_password, LogInRefused)]
)
def test_o6_who_is_deleted_while_she_deletes_herself_is_told_what_a_stranger_is(
    engine: Engine,
    store: SlowStore,
    ada: LogIn,
    delete: Callable[[PublicFace, LogIn], object],
    refusal: type[AdmitError],
) -> None:
    """What she proved with opens nothing any more."""
    meanwhile(store, lambda: engine.delete(ada.user), before=records("delete"))

    with pytest.raises(refusal):
        delete(engine.public, ada)


def export(public: PublicFace, ada: LogIn) -> object:
    return public.export(access_token=ada.access_token)


def custom_data(public: PublicFace, ada: LogIn) -> object:
    return public.custom_data(access_token=ada.access_token)


@pytest.mark.parametrize("read", [export, custom_data])
@pytest.mark.parametrize("gone", ["merged", "deleted"])
def test_o6_who_is_merged_or_deleted_while_she_reads_reads_of_nobody_else(
    engine: Engine,
    store: SlowStore,
    ada: LogIn,
    survivor: User,
    read: Callable[[PublicFace, LogIn], object],
    gone: str,
) -> None:
    """
    Given a user whose session was looked up,
    when she is absorbed by another, or deleted, before anything is read,
    then she gets nothing: her session has ended.
    """

    def happens() -> None:
        if gone == "merged":
            engine.identities.merge(survivor, ada.user)
        else:
            engine.delete(ada.user)

    store.happens = happens

    with pytest.raises(SessionInvalid):
        read(engine.public, ada)
