"""Who asks on the public face, and for whom: counted first, and looked up then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from . import _tokens
from ._codec import user_from
from ._commits import record_refusal
from ._core import Core
from ._events import Acting
from ._ids import check_id
from ._usecases import guesses, stranger, throttle, typed_codes
from ._usecases.proof import is_password_of
from .addresses import canonical
from .errors import CodeResting, CodeWrong, InvalidInput, LogInRefused, UserNotFound
from .masked import Secret
from .records import Purpose, User

CLIENT_WINDOW: Final = timedelta(minutes=10)
"""In which a client may make as many requests as the setting `requests_per_client` says
(security.md E2)."""
CODE_LIMIT: Final = 20
"""Typed codes that may be tried for one address in that time, right or wrong (T2)."""


class Asking:
    """What the verbs of strangers begin with. Whatever counts raises `TryLater`: too often."""

    def __init__(self, core: Core, by: Acting, on_first_use: Callable[[], None]) -> None:
        self._core = core
        self._by = by
        self._on_first_use = on_first_use

    def count_client(self) -> None:
        """Count a request of this client, whatever it is for (E2)."""
        client = self._by.client
        if client is not None and client.address is not None:
            network = throttle.network_of(client.address)
            limit = self._core.settings.requests_per_client
            throttle.hit(self._core, "client", network, limit=limit, window=CLIENT_WINDOW)

    def begin(self, purpose: str, subject: str) -> None:
        """Count, before anything is looked up, and see to it that somebody works the queue."""
        self.count_client()
        self.count_subject(purpose, subject)

    def count_subject(self, purpose: str, subject: str) -> None:
        """Count a request about *subject*, which may be nobody: one within the setting
        `cool_down`."""
        window = self._core.settings.cool_down
        throttle.hit(self._core, purpose, subject, limit=1, window=window)
        self._on_first_use()

    def named(
        self, address: str | None, user: User | str | None
    ) -> tuple[str, Callable[[], User | None]]:
        """Return what is counted, and how to look – after it was counted – who is meant."""
        if (user is None) == (address is None):
            raise InvalidInput("user", "name the user by id or by address, one of the two.")
        if address is not None:
            found = canonical(address)
            return found, lambda: stranger.holder_of(self._core, found)
        user_id = user.id if isinstance(user, User) else check_id(user, "user")
        return user_id, lambda: self.user(user_id)

    def owner(self, address: str | None, user: User | str | None, password: Secret) -> User:
        """Return who is meant and has this password. Raises LogInRefused; one hash in any case."""
        subject, find = self.named(address, user)
        self.count_client()
        provider = self._core.settings.password_provider
        # By address it is the same account as at a log-in: no second allowance for guesses.
        account = guesses.Account(f"{provider}:{subject}", find)
        guesses.count(self._core, self._by, account)
        owner = find()
        if not is_password_of(self._core, owner, password) or owner is None or owner.disabled:
            record_refusal(self._core, self._by, None, "proof", LogInRefused.code)
            raise LogInRefused
        guesses.was_right(self._core, self._by, account)
        return owner

    def user(self, user_id: str) -> User | None:
        """Return the user with this very id, a tombstone too, or None. An absorbed one does not
        lead to the survivor: credentials never follow, and each id more would be an allowance more
        for guesses at the same password."""
        record = self._core.store.get("user", user_id)
        return None if record is None else user_from(record)

    def typed_code(self, address: str | None, code: str | Secret | None) -> tuple[str, str]:
        """Return an address and a code as they are compared, once the try was counted (T2)."""
        found, typed = canonical(address), _tokens.read_code(code)
        self.count_client()
        throttle.hit(self._core, "code", found, limit=CODE_LIMIT, window=CLIENT_WINDOW)
        return found, typed

    def owner_of_code(self, found: str, typed: str, purpose: Purpose) -> User:
        """Return whom a typed code belongs to. Raises CodeWrong, at the same cost for nobody."""
        try:
            return typed_codes.user_of_code(self._core, self._by, found, typed, purpose)
        except UserNotFound:
            stranger.pretend(
                self._core,
                self._by,
                lambda user: typed_codes.count_try(self._core, user, purpose),
            )
            raise CodeWrong from None
        except CodeResting:
            raise CodeWrong from None  # only an address that somebody has can rest
