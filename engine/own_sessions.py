"""What a logged-in user may do with her own sessions, by her access token."""

from __future__ import annotations

from collections.abc import Callable

from ._core import Core
from ._events import Acting
from ._ids import check_id
from ._usecases import proving_again, sessions
from .masked import Secret
from .records import Session


class OwnSessions:
    """The sessions of whoever holds an access token. It is looked up: a dead one lists nothing.

    Every method raises `SessionInvalid` for a token that opens nothing, and all but `all` raise
    `TryLater` when they are called too often – counted before anything is looked up.
    """

    def __init__(
        self,
        core: Core,
        by: Acting,
        *,
        count: Callable[[], None],
        answer: Callable[[Callable[[], Session]], Session],
    ) -> None:
        self._core = core
        self._by = by
        self._count = count
        self._answer = answer

    def all(self, access_token: str | Secret) -> tuple[Session, ...]:
        """Return the live sessions of the caller, oldest first: since when, until when, and from
        which device. The one that asks is `engine.verify(access_token).session_id`. Not counted: it
        writes nothing."""
        user, _ = sessions.caller(self._core, access_token)
        return tuple(sessions.of_user(self._core, user.id))

    def end(self, session_id: str, *, access_token: str | Secret) -> None:
        """End one session of the caller at once: the lost phone. One that is gone already is let
        pass, and so is somebody else's, which is left alone.

        Raises:
            InvalidInput: this is no id.
        """
        wanted = check_id(session_id, "session")
        self._count()
        user, _ = sessions.caller(self._core, access_token)
        for session in sessions.of_user(self._core, user.id):
            if session.id == wanted:
                sessions.end_one(self._core, self._by, user, session)

    def end_others(self, access_token: str | Secret) -> None:
        """End every session of the caller but the one that asks."""
        self._count()
        user, own = sessions.caller(self._core, access_token)
        for session in sessions.of_user(self._core, user.id):
            if session.id != own.id:
                sessions.end_one(self._core, self._by, user, session)

    def prove_again(
        self, access_token: str | Secret, provider: str, /, **credentials: object
    ) -> Session:
        """Take the caller's credentials once more, so that her session is fresh for what needs it
        (security.md O6). Returns the session; an access token from a refresh says so too.

        Raises:
            LogInRefused: the credentials are wrong, or somebody else's.
            TryLater: too many were wrong.
            Vetoed, DomainRefused, PluginFailed: a log-in would be refused now.
            UnknownName, InvalidInput, and what the provider raises: as `log_in`.
        """
        self._count()
        return self._answer(
            lambda: proving_again.prove_again(
                self._core, self._by, access_token, provider, credentials
            )
        )
