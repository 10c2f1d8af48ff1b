"""The verbs about sessions, and about the keys that sign their tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from ._core import Core
from ._events import Acting
from ._ids import check_id
from ._numbers import check_duration
from ._token_keys import SigningKey
from ._usecases import fresh, sessions, signing_keys
from .masked import Secret
from .preparing import user_id
from .records import Access, Session, User, UserId
from .settings import LONGEST_ACCESS

NO_TIME: Final = timedelta(0)


class Sessions:
    """The sessions of users."""

    def __init__(self, core: Core, by: Acting) -> None:
        self._core = core
        self._by = by

    def of(
        self, user: User | UserId | None = None, *, address: str | None = None
    ) -> tuple[Session, ...]:
        """Return a user's live sessions, oldest first; an absorbed id leads to the survivor.

        Raises:
            UserNotFound: nobody has this *address*. InvalidInput: this is no id.
        """
        return tuple(sessions.of_user(self._core, user_id(self._core, user, address)))

    def end(self, session_id: str) -> None:
        """End one session at once. One that is gone already is let pass."""
        sessions.end(self._core, self._by, check_id(session_id, "session"))

    def verify_fresh(self, access_token: str | Secret) -> Access:
        """Return what an access token says, if its user proved who they are within the setting
        `fresh_log_in_within`: for what a thief of the token must not do (security.md O6).

        Users without a credential that could be given again – anonymous ones – are exempt.

        Raises:
            SessionInvalid: as `Engine.verify`, and always looked up.
            FreshLogInNeeded: the log-in was longer ago.
        """
        return fresh.verify(self._core, access_token)

    def user_of(self, access_token: str | Secret) -> User:
        """Return the user of an access token, as it is now: confirmed, not disabled, and the
        session alive. For who needs the record as well: it costs one look-up, not two.

        Raises:
            SessionInvalid: as `Engine.verify`, and always looked up.
        """
        return sessions.caller(self._core, access_token)[0]

    def verify_refresh(self, refresh_token: str | Secret) -> Session:
        """Return the session of a refresh token that is good now, and leave both as they are: for
        what is asked with a refresh token instead of an access token (wire-contract.md §1).

        Raises:
            SessionInvalid: malformed, forged, expired, ended or replaced; `because` says which.
        """
        return sessions.of_present_token(self._core, self._by, refresh_token)

    def made(self, refresh_token: str | Secret) -> bool:
        """Return whether one of this engine's keys signed a refresh token that has not expired;
        nothing is looked up. So who hosts several engines finds the one to ask."""
        return sessions.made(self._core, refresh_token)

    # --- keys ----------------------------------------------------------------------------------

    def jwks(self) -> dict[str, Any]:
        """Return the JSON Web Key Set (RFC 7517) with which others verify access tokens: public
        keys that sign, that will, and that did while tokens of theirs are good.

        Empty while the setting `access_token_algorithm` is HS256, whose key is nobody's but ours.
        """
        keys = self._core.signer.keys
        if not self._core.store.read_only:
            keys.signing(self._core.now())  # the first one is made, so that it can be published
        return keys.jwks(self._core.now())

    def signing_keys(self) -> tuple[SigningKey, ...]:
        """Return the keys that sign access tokens, will or did, by algorithm, oldest first."""
        return self._core.signer.keys.infos(self._core.now())

    def rotate_keys(
        self, *, publish_for: timedelta = NO_TIME, overlap: timedelta | None = None
    ) -> tuple[SigningKey, ...]:
        """Let a new key sign access tokens, and return all there are then. Refresh tokens and
        sessions live on.

        *publish_for*: how long the new one stands in `jwks()` before it signs, for verifiers that
        keep what they fetched. *overlap*: how long after that the tokens of the old ones are good;
        None: until the longest of them has expired. Nothing, for a key that leaked: then every
        access token is dead at once – here; others must fetch the key set again –, and a refresh
        gives a new one.

        Raises:
            InvalidInput: either is negative or longer than a day.
            TryLater: somebody else rotates in this moment. MissingExtra: as `open`.
        """
        check_duration(publish_for, "publish_for", NO_TIME, LONGEST_ACCESS)
        if overlap is not None:
            check_duration(overlap, "overlap", NO_TIME, LONGEST_ACCESS)
        return signing_keys.rotate(self._core, self._by, publish_for=publish_for, overlap=overlap)
