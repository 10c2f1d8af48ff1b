"""What users do to their own identities and address: each verb asks for an access token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from ._commits import Decision, change_user
from ._core import Core
from ._events import Acting
from ._passwords import as_secret
from ._usecases import (
    add_login,
    change_address,
    confirm_address,
    fresh,
    link,
    merge,
    throttle,
    unlink,
)
from ._usecases.stranger import alike
from .addresses import canonical
from .errors import CodeResting, CodeWrong, InvalidInput
from .masked import Secret
from .merging import MergePlan
from .records import Receipt, Session, User

TRIES: Final = 20
WINDOW: Final = timedelta(minutes=10)
"""Credentials and codes that one user may try in that time, right or wrong."""


class PublicIdentities:
    """What a logged-in user may do to how she is known. *access_token* is hers, looked up now;
    where it says so, her log-in must be fresh (security.md O6).

    Her session goes on, whatever ends the others. Every method raises SessionInvalid, TryLater –
    called too often – and, where it needs a fresh log-in, FreshLogInNeeded.
    """

    def __init__(
        self,
        core: Core,
        by: Acting,
        count_client: Callable[[], None],
        on_first_use: Callable[[], None],
    ) -> None:
        self._core = core
        self._by = by
        self._count_client = count_client
        self._on_first_use = on_first_use

    def link(self, access_token: str | Secret, provider: str, /, **credentials: object) -> User:
        """Link the identity that *credentials* prove; see `Identities.link`. Needs a fresh log-in.

        The user's first proof of an address ends all other sessions (H2).

        Raises:
            LogInRefused: whatever is wrong with the credentials; `because` as in `public.log_in`.
            Leaving: they are right, of an account that is being deleted: with an offer to stay.
            TryLater: others are linking the same identity. Nothing was changed.
            IdentityTaken: it belongs to another user, who uses it; not said to whom.
            AlreadyLinked: it is a login with a password, and the user has one.
            UnknownName, ProviderDisabled, DomainRefused, Vetoed, PluginFailed.
        """
        self._count_client()
        user, session = self._caller(access_token)
        self._count_try("link", user)
        linked = alike(
            lambda: link.link(
                self._core, self._by, user.id, provider, credentials, asks=session
            ).run()
        )
        self._on_first_use()
        return linked

    def unlink(
        self, *, access_token: str | Secret, provider: str, identity: str | None = None
    ) -> User:
        """Take one of one's identities away; see `Identities.unlink`. Needs a fresh log-in.

        Raises:
            LastIdentity: nobody could log in any more (security.md O5). IdentityNotFound.
        """
        self._count_client()
        user, session = self._caller(access_token)
        self._on_first_use()
        return unlink.unlink(self._core, self._by, user.id, provider, identity, asks=session).run()

    def add_login(
        self,
        *,
        access_token: str | Secret,
        login: str,
        password: str | Secret,
        provider: str | None = None,
        data: Mapping[str, object] | None = None,
    ) -> Receipt:
        """Register an address and a password beside what one has: a message goes there, and
        `confirm_address` with its token adds the login. Needs a fresh log-in.

        Who has the address already is told by a notice, the caller is not.

        Raises:
            AlreadyLinked: the user has such a login.
            InvalidInput, NotConfigured, DomainRefused, Vetoed, PluginFailed: nothing was written.
        """
        self._count_client()
        user, session = self._caller(access_token)
        valid = add_login.validated(
            self._core, self._by, user, login, as_secret(password), provider=provider, data=data
        )
        self._count_message(user, valid.canonical or valid.asked.login_key)
        self._change(
            user,
            lambda found: add_login.decide_login(
                self._core, self._by, found, valid, asks=session, secretly=True
            ),
            asked="link",
        )
        return Receipt()

    def change_address(self, *, access_token: str | Secret, to: str) -> Receipt:
        """Ask for another address: a message goes there, a notice to the one of before, and
        `confirm_address` makes the change. Needs a fresh log-in.

        Who has the address already is told by a notice, the caller is not.

        Raises:
            InvalidInput: *to* is no address, or the user's already.
            NotConfigured, DomainRefused, Vetoed, PluginFailed: nothing was written.
        """
        wanted = canonical(to, field="to")
        self._count_client()
        user, session = self._caller(access_token)
        change_address.ask_about(self._core, self._by, user, to)
        self._count_message(user, wanted)
        self._change(
            user,
            lambda found: change_address.decide_change(
                self._core, self._by, found, to, wanted, asks=session, secretly=True
            ),
            asked="change-address",
        )
        return Receipt()

    def confirm_address(
        self,
        *,
        access_token: str | Secret,
        token_id: str | None = None,
        token: str | Secret | None = None,
        code: str | Secret | None = None,
    ) -> User:
        """Make the change, or add the login, with the token of the link or the typed code – and
        the session of the user who asked for it: the owner of a mailbox gives her address to no
        account that is not hers. All other sessions end.

        Raises:
            TokenMalformed, TokenUnknown, TokenSuperseded, TokenExpired.
            CodeWrong: also where the code way rests.
            AddressTaken: another confirmed user has it by now. AlreadyLinked.
        """
        self._count_client()
        user, session = fresh.caller(self._core, access_token, fresh=False)
        self._count_try("code", user)
        self._on_first_use()
        if token is not None or token_id is not None:
            return confirm_address.by_token(
                self._core, self._by, token_id, token, asks=session
            ).run()
        if code is None:
            raise InvalidInput("token", "is missing.", "Pass token_id= and token=, or code=.")
        try:
            return confirm_address.by_code(
                self._core, self._by, user.id, as_secret(code, "code"), asks=session
            ).run()
        except CodeResting:
            raise CodeWrong from None

    def plan_merge(
        self, *, access_token: str | Secret, absorbed_access_token: str | Secret
    ) -> MergePlan:
        """Return what merging two users that are both the caller's would do. Needs a fresh log-in
        of both; else as `Identities.plan_merge`."""
        self._count_client()
        into, _ = self._caller(access_token)
        absorbed, _ = self._caller(absorbed_access_token)
        return merge.plan_merge(self._core, into.id, absorbed.id)

    def merge(
        self,
        *,
        access_token: str | Secret,
        absorbed_access_token: str | Secret,
        plan: MergePlan | None = None,
        adjust: Callable[[MergePlan], MergePlan | str] | None = None,
    ) -> User:
        """Merge two users by live proof of both; see `Identities.merge`. Needs a fresh log-in of
        both. The session of *access_token* goes on, all others of both end."""
        self._count_client()
        into, asks = self._caller(access_token)
        absorbed, absorbed_asks = self._caller(absorbed_access_token)
        self._on_first_use()
        prepared = merge.merge(
            self._core,
            self._by,
            into.id,
            absorbed.id,
            plan=plan,
            adjust=adjust,
            asks=asks,
            absorbed_asks=absorbed_asks,
        )
        return prepared.run()

    # --- inside ----------------------------------------------------------------------------------

    def _caller(self, access_token: str | Secret) -> tuple[User, Session]:
        return fresh.caller(self._core, access_token, fresh=True)

    def _change(self, user: User, decide: Callable[[User], Decision[Any]], *, asked: str) -> None:
        confirm_address.taking_from_pending(
            self._core,
            lambda: change_user(self._core, self._by, user.id, decide, asked=asked),
        )
        self._core.work_waits.set()

    def _count_try(self, purpose: str, user: User) -> None:
        throttle.hit(self._core, purpose, user.id, limit=TRIES, window=WINDOW)

    def _count_message(self, user: User, subject: str) -> None:
        window = self._core.settings.cool_down
        for counted in (user.id, subject):
            throttle.hit(self._core, "message", counted, limit=1, window=window)
        self._on_first_use()
