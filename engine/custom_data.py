"""What an application keeps of its users: `engine.custom_data`."""

from __future__ import annotations

from collections.abc import Mapping

from ._core import Core
from ._events import Acting
from ._numbers import check_number
from ._usecases import custom_data
from .preparing import user_id
from .records import AnyUser, CustomData


class CustomDataGroup:
    """The custom data of users: JSON objects that the application or an admin keeps.

    A record of its own with a version of its own. It goes with its user: moved by a merge, in her
    export, erased when she is deleted.
    """

    def __init__(self, core: Core, by: Acting) -> None:
        self._core = core
        self._by = by

    def get(self, user: AnyUser | None = None, *, address: str | None = None) -> CustomData:
        """Return a user's custom data and its version: empty and 0 when nothing was ever set.

        Raises:
            UserNotFound: nobody has this id or *address*. InvalidInput: this is no id.
        """
        return custom_data.get(self._core, user_id(self._core, user, address))

    def set(
        self,
        user: AnyUser | None = None,
        data: Mapping[str, object] | None = None,
        *,
        address: str | None = None,
        version: int | None = None,
    ) -> CustomData:
        """Replace a user's custom data; `{}` empties it. Returns it with its new version.

        With *version* – the one that was read – nothing is replaced that was changed meanwhile.

        Raises:
            InvalidInput: *data* is no JSON object, or has more bytes than the setting
                `custom_data_bytes` says; the place in it is named, and the rule.
            Outdated: the version is another one. Nothing was changed.
            UserNotFound: nobody has this id or *address*.
        """
        if version is not None:
            check_number(version, "version", 0, 2**63 - 1)
        who = user_id(self._core, user, address)
        return custom_data.set_data(self._core, self._by, who, data, version)
