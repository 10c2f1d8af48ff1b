"""Custom data: what an application keeps of a user, a record of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from .._commits import Decision, change_user, load
from .._core import Core
from .._documents import check_document, size_bytes
from .._events import Acting, Happening
from ..errors import Outdated
from ..records import CustomData, Session, User, UserId
from ..stores import Put, Record, Remove
from .calling_session import check_open

KIND: Final = "custom-data"
CLAIM: Final = "user_data"
"""Where existing clients look for it in an access token (wire-contract.md §3)."""
LONGEST_CLAIM_BYTES: Final = 4096
"""An access token travels with each request (design.md §9)."""


def get(core: Core, user_id: str, *, asks: Session | None = None) -> CustomData:
    """Return a user's custom data; see `CustomDataGroup.get`. *asks*: the session of the user who
    asks for it herself."""
    user = load(core, user_id)
    check_open(core, user, asks)
    return _read(user.id, core.store.get(KIND, user.id))


def set_data(core: Core, by: Acting, user_id: str, data: object, version: int | None) -> CustomData:
    """Replace a user's custom data; see `CustomDataGroup.set`."""
    document = check_document(data, "custom_data", most_bytes=core.settings.custom_data_bytes)

    def decide(user: User) -> Decision[CustomData]:
        record = core.store.get(KIND, user.id)
        found = 0 if record is None else record.version
        if version is not None and version != found:
            raise Outdated("The custom data", version, found)
        put = _put(user.id, document, record)
        # The user is written with it: whoever deletes her at this moment, one of the two decides
        # again, and nothing is kept of somebody who is gone.
        return Decision(
            result=CustomData(user=user.id, data=document, version=put.version),
            new=user,
            put=(put,),
            happenings=(Happening("custom-data", codes={"version": str(put.version)}),),
        )

    return change_user(core, by, user_id, decide)[1]


def first(user_id: str, document: Mapping[str, Any]) -> Put:
    """Return the write of a checked *document* as the first custom data of a user who is new."""
    return _put(user_id, document, None)


def removing(user_id: str) -> Remove:
    """Return what removes a user's custom data, whatever there is."""
    return Remove(KIND, user_id)


def stored(core: Core, user_id: str) -> Mapping[str, Any] | None:
    """Return the document as it is kept, or None; also of a user who is deleted at this moment."""
    record = core.store.get(KIND, user_id)
    return None if record is None else record.body["data"]


class Moving(NamedTuple):
    """What moves custom data from one user to another, as part of a commit that puts both."""

    put: tuple[Put, ...] = ()
    remove: tuple[Remove, ...] = ()
    collides: bool = False
    """Both have some: the survivor's is kept, the other's dropped."""


def moving(core: Core, from_id: str, to_id: str) -> Moving:
    """Return what a merge does to the custom data of the two.

    The survivor's own is kept; one that has none, or an empty one, gets the other's.
    """
    source, target = core.store.get(KIND, from_id), core.store.get(KIND, to_id)
    if source is None or not source.body["data"]:
        return Moving(remove=() if source is None else (Remove(KIND, from_id, source.version),))
    gone = (Remove(KIND, from_id, source.version),)
    if target is not None and target.body["data"]:
        return Moving(remove=gone, collides=target.body["data"] != source.body["data"])
    return Moving(put=(_put(to_id, source.body["data"], target),), remove=gone)


def claims_of(core: Core, user_id: str) -> Mapping[str, object]:
    """Return what an access token says of the custom data: nothing unless the setting
    `custom_data_in_access_token` is on, and nothing when there is none or it is too long.

    Left out when empty, for existing clients cannot read a null (wire-contract.md §3).
    """
    if not core.settings.custom_data_in_access_token:
        return {}
    document = stored(core, user_id)
    if not document or size_bytes(document) > LONGEST_CLAIM_BYTES:
        return {}
    return {CLAIM: document}


def _put(user_id: str, document: Mapping[str, Any], record: Record | None) -> Put:
    return Put(KIND, user_id, {"data": document}, None if record is None else record.version)


def _read(user_id: UserId, record: Record | None) -> CustomData:
    if record is None:
        return CustomData(user=user_id, data={}, version=0)
    return CustomData(user=user_id, data=record.body["data"], version=record.version)
