"""Use cases prepared for a batch, and what of the arguments of a verb is read before."""

from __future__ import annotations

from collections.abc import Mapping

from ._core import Core
from ._events import Acting
from ._ids import check_id
from ._passwords import as_secret
from ._usecases import confirm, create, log_in, register, rerun, stranger
from ._usecases.prepared import Prepared
from .addresses import canonical
from .errors import InvalidInput, UserNotFound
from .masked import Secret
from .records import AnyUser, LogIn, User


class Preparing:
    """The use cases that can be batched, prepared: validated and hashed, not yet decided.

    A server prepares on any thread, and hands many to `Engine.batch` on one (design.md §9).
    """

    def __init__(self, core: Core, by: Acting) -> None:
        self._core = core
        self._by = by

    def register(
        self,
        login: str,
        password: str | Secret | None = None,
        *,
        provider: str | None = None,
        data: Mapping[str, object] | None = None,
    ) -> Prepared[User]:
        """Prepare `Engine.register`; raises what that raises before its first commit."""
        return register.register(
            self._core, self._by, login, optional_secret(password), provider=provider, data=data
        )

    def create(
        self,
        login: str,
        password: str | Secret | None = None,
        *,
        provider: str | None = None,
        data: Mapping[str, object] | None = None,
        password_hash: str | None = None,
        must_change: bool = True,
    ) -> Prepared[User]:
        """Prepare `Engine.create`; raises InvalidInput, NotConfigured, MissingExtra. Many users of
        another system are brought along with `Engine.batch`."""
        return create.create(
            self._core,
            self._by,
            login,
            optional_secret(password),
            provider=provider,
            data=data,
            password_hash=password_hash,
            must_change=must_change,
        )

    def confirm(
        self,
        *,
        token_id: str | None = None,
        token: str | Secret | None = None,
        address: str | None = None,
        code: str | Secret | None = None,
    ) -> Prepared[User]:
        """Prepare `Engine.confirm`; raises TokenMalformed, InvalidInput."""
        if token is not None or token_id is not None:
            return confirm.by_token(self._core, self._by, token_id, token)
        return confirm.by_code(self._core, self._by, needed_address(address), code)

    def rerun(self, user: AnyUser | None = None, *, address: str | None = None) -> Prepared[User]:
        """Prepare `Engine.rerun`; raises UserNotFound."""
        return rerun.rerun(self._core, self._by, user_id(self._core, user, address))

    def log_in(self, provider: str, /, **credentials: object) -> Prepared[LogIn]:
        """Prepare `Engine.log_in`: the password is verified here."""
        return log_in.log_in(self._core, self._by, provider, credentials)


def user_id(core: Core, user: User | str | None, address: str | None) -> str:
    """Return the id of the user that is meant: by record or id, or by address, never both."""
    if (user is None) == (address is None):
        raise InvalidInput("user", "name the user by id or by address, one of the two.")
    if isinstance(user, User):
        return user.id
    if user is not None:
        return check_id(user, "user")
    found = stranger.owner_of(core, canonical(address))
    if found is None:
        raise UserNotFound("address")
    return found.id


def needed_address(address: str | None) -> str:
    """Return the address that a code is typed for. Raises InvalidInput: neither token nor code."""
    if address is None:
        raise InvalidInput(
            "token", "is missing.", "Pass token_id= and token=, or address= and code=."
        )
    return address


def optional_secret(value: str | Secret | None, field: str = "password") -> Secret | None:
    """Return *value* as a secret, or None. Raises InvalidInput: it is no text."""
    return None if value is None else as_secret(value, field)
