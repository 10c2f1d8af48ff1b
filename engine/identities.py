"""How a user is known: linking and unlinking identities, merging users, changing the address."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ._commits import load
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
    unlink,
)
from ._usecases import usable as usability
from .errors import InvalidInput
from .masked import Secret
from .merging import MergePlan
from .preparing import optional_secret, user_id
from .records import AnyUser, Identity, User


class Identities:
    """What is done to a user's identities and address by the code that embeds the engine, which
    knows who the user is. What users do themselves goes through `engine.public.identities`."""

    def __init__(self, core: Core, by: Acting) -> None:
        self._core = core
        self._by = by

    def usable(
        self, user: AnyUser | None = None, *, address: str | None = None
    ) -> tuple[Identity, ...]:
        """Return the identities that somebody could log in with now, were the user not disabled.

        Not one whose provider is not loaded here, is switched off or makes a new user each time;
        nor one without a password, unless its address was proved: then a reset sets one.

        Raises:
            UserNotFound.
        """
        found = load(self._core, user_id(self._core, user, address))
        return usability.usable(self._core, found)

    def link(self, user: AnyUser, provider: str, /, **credentials: object) -> User:
        """Link the identity that *credentials* prove to a confirmed user. Returns the user.

        One that it has already changes nothing. One of a confirmed user who never logged in – a
        registration made for this – moves, and that user is absorbed.

        Raises:
            WrongCredentials; UnknownName: no such provider, or none whose identities are linked.
            IdentityTaken: it belongs to another user, who has logged in.
            AlreadyLinked: it is a login with a password, and the user has one.
            ConfirmationRequired, UserDisabled, PasswordMustChange: the registration is.
            ProviderDisabled, DomainRefused, Vetoed, PluginFailed: the gate is shut.
            UserNotFound; NotAllowed: the user is not confirmed.
        """
        subject = user_id(self._core, user, None)
        return link.link(self._core, self._by, subject, provider, credentials).run()

    def link_for(self, access_token: str | Secret, provider: str, /, **credentials: object) -> User:
        """Link as `link` does, to the user whose *access_token* this is, looked up now: for a front
        door that wants no fresh log-in. Her session goes on, whatever ends the others (H2).

        Raises:
            SessionInvalid: the token opens nothing. Else as `link`.
        """
        user, session = fresh.caller(self._core, access_token, fresh=False)
        return link.link(self._core, self._by, user.id, provider, credentials, asks=session).run()

    def unlink(
        self,
        user: AnyUser | None = None,
        *,
        provider: str,
        identity: str | None = None,
        address: str | None = None,
    ) -> User:
        """Take an identity from a user; all its sessions end. *identity* is its id, needed where
        there are several of the provider. Returns the user.

        Raises:
            LastIdentity: nobody could log in any more (security.md O5).
            IdentityNotFound, UserNotFound; NotAllowed: the user is not confirmed.
        """
        subject = user_id(self._core, user, address)
        return unlink.unlink(self._core, self._by, subject, provider, identity).run()

    def add_login(
        self,
        user: AnyUser,
        login: str,
        password: str | Secret | None = None,
        *,
        provider: str | None = None,
        data: Mapping[str, object] | None = None,
    ) -> User:
        """Let a confirmed user register an address, or another login, beside what it has.

        A message goes to the address; `confirm_address` with its token adds the login. One that is
        proved to be the user's already is added at once. Returns the user.

        Raises:
            AddressTaken: another confirmed user has it. AlreadyLinked: the user has such a login.
            InvalidInput, NotConfigured, UnknownName; DomainRefused, Vetoed, PluginFailed.
            FlowFailed, FlowRefused: the message did not get through.
            UserNotFound; NotAllowed: the user is not confirmed.
        """
        prepared = add_login.add_login(
            self._core,
            self._by,
            user_id(self._core, user, None),
            login,
            optional_secret(password),
            provider=provider,
            data=data,
        )
        return prepared.run()

    # --- merging ---------------------------------------------------------------------------------

    def plan_merge(self, into: AnyUser, absorbed: AnyUser) -> MergePlan:
        """Return what `merge` would do now: what moves, what is dropped, what collides.

        Raises:
            UserNotFound; NotAllowed: one of them is not confirmed, is disabled or about to be
                deleted. InvalidInput: they are one user.
        """
        return merge.plan_merge(
            self._core, user_id(self._core, into, None), user_id(self._core, absorbed, None)
        )

    def merge(
        self,
        into: AnyUser,
        absorbed: AnyUser,
        *,
        plan: MergePlan | None = None,
        adjust: Callable[[MergePlan], MergePlan | str] | None = None,
    ) -> User:
        """Merge two users in one commit: *into* survives, the id of *absorbed* leads to it from
        now on. All sessions of both end. Returns the survivor.

        *plan* is the one that was shown. *adjust* is the application's part: it returns the plan as
        it shall be carried out, or a sentence that refuses.

        Raises:
            PlanOutdated: the users have other identities than *plan* knows.
            Vetoed, PluginFailed: *adjust* or a `before_merge` hook said no, or that failed.
            InvalidInput: the plan cannot be carried out. As `plan_merge`.
        """
        prepared = merge.merge(
            self._core,
            self._by,
            user_id(self._core, into, None),
            user_id(self._core, absorbed, None),
            plan=plan,
            adjust=adjust,
        )
        return prepared.run()

    # --- the address -----------------------------------------------------------------------------

    def change_address(
        self, user: AnyUser | None = None, *, to: str, address: str | None = None
    ) -> User:
        """Ask the owner of *to* for proof: nothing changes until `confirm_address`. The address of
        before is told. Returns the user.

        Raises:
            AddressTaken: another confirmed user logs in with it.
            InvalidInput: it is no address, or the user's already. NotConfigured, UnknownName.
            FlowFailed, FlowRefused: the message did not get through.
            DomainRefused, Vetoed, PluginFailed: it could not register.
            UserNotFound; NotAllowed: the user is not confirmed (`correct_address` is for those).
        """
        subject = user_id(self._core, user, address)
        return change_address.change_address(self._core, self._by, subject, to).run()

    def change_address_manually(
        self, user: AnyUser | None = None, *, to: str, address: str | None = None
    ) -> User:
        """Change the address at once, as an admin: it is marked as not proved, and all sessions
        end. The address of before is told. Returns the user.

        Raises:
            AddressTaken: another user logs in with it. InvalidInput: it is no address.
            UserNotFound; NotAllowed: the user is not confirmed.
        """
        subject = user_id(self._core, user, address)
        return change_address.by_hand(self._core, self._by, subject, to).run()

    def confirm_address(
        self,
        user: AnyUser | None = None,
        *,
        token_id: str | None = None,
        token: str | Secret | None = None,
        code: str | Secret | None = None,
    ) -> User:
        """Make the change that `change_address` or `add_login` began: by the token of the link, or
        by the user and the typed code. Who only waited with the address is rejected.

        Does so whoever pressed; `public.identities.confirm_address` also asks for the session of
        the user. Pressing twice is a success. Returns the user.

        Raises:
            TokenMalformed, TokenUnknown, TokenSuperseded, TokenExpired; CodeWrong, CodeResting.
            AddressTaken: another confirmed user has it by now. AlreadyLinked.
            UserNotFound: with a code.
        """
        if token is not None or token_id is not None:
            return confirm_address.by_token(self._core, self._by, token_id, token).run()
        if code is None:
            raise InvalidInput("token", "is missing.", "Pass token_id= and token=, or code=.")
        subject = user_id(self._core, user, None)
        return confirm_address.by_code(self._core, self._by, subject, as_secret(code, "code")).run()
