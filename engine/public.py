"""The stranger-facing verbs: for web handlers, where anybody may be asking."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from . import _tokens
from ._commits import refusals_recorded
from ._core import Core
from ._events import Acting
from ._passwords import as_secret
from ._usecases import (
    confirm,
    custom_data,
    export_user,
    guesses,
    log_in,
    own_account,
    register,
    rerun,
    restore,
    stranger,
    typed_codes,
)
from ._usecases import password as passwords
from ._usecases.enter import ResetRequest
from ._usecases.json_data import checked_data
from ._usecases.proof import is_password_of
from ._usecases.replacing import replacing
from ._usecases.rerun import Reason
from ._usecases.stranger import alike
from .addresses import canonical
from .errors import (
    InvalidInput,
    TokenUnknown,
)
from .masked import Secret
from .own_sessions import OwnSessions
from .public_api_keys import PublicApiKeys
from .public_asking import Asking
from .public_identities import PublicIdentities
from .records import LogIn, Receipt, User
from .redirects import Redirects

T = TypeVar("T")


class PublicFace:
    """What a stranger may call. It answers the same whatever the account's state: a `Receipt` of
    constant type at equal cost; owners are told by mail.

    Every method raises `TryLater` when it is called too often – counted before anything is looked
    up –, and `InvalidInput` for input that could belong to no account.
    """

    def __init__(self, core: Core, by: Acting, on_first_use: Callable[[], None]) -> None:
        self._core = core
        self._by = by
        self._on_first_use = on_first_use
        self._asking = asking = Asking(core, by, on_first_use)
        self.identities = PublicIdentities(core, by, asking.count_client, on_first_use)
        self.api_keys = PublicApiKeys(core, by, asking.count_client)
        self.redirects = Redirects(core, by, count=asking.count_client, answer=alike)
        self.sessions = OwnSessions(core, by, count=asking.count_client, answer=alike)

    def count_request(self) -> None:
        """Count a request of this client, as every other method here does first: for handlers that
        tell a stranger what the trusted verbs say, and ask those.

        Raises:
            TryLater: the client made as many as `requests_per_client` allows (security.md E2).
        """
        self._asking.count_client()

    def register(
        self,
        login: str,
        password: str | Secret,
        *,
        provider: str | None = None,
        data: Mapping[str, object] | None = None,
    ) -> Receipt:
        """Register. A new address gets a message of the active flow; a taken one's owner is told:
        a pending one with a reset token, a confirmed one with a notice.

        Raises:
            InvalidInput, Vetoed, NotConfigured: nothing was written.
            ProviderDisabled, NewUsersRefused, DomainRefused: by the settings of the provider.
        """
        self._asking.count_client()  # before the hash, which is what a flood would cost us most
        valid = register.validate(
            self._core, self._by, login, as_secret(password), provider=provider, data=data
        )
        self._asking.count_subject("register", valid.canonical or valid.asked.login_key)
        stranger.register(self._core, self._by, valid)
        return Receipt()

    def resend(
        self,
        *,
        address: str | None = None,
        user: User | str | None = None,
        password: str | Secret | None = None,
        token_id: str | None = None,
        token: str | Secret | None = None,
    ) -> Receipt:
        """Ask for the confirmation message again.

        By address alone the answer is a message with a reset token – set your password and be
        confirmed; a link that activates the stored password goes out only to who names the user
        or gives its password (security.md H7). The token of any earlier link names the user.

        Raises:
            TokenMalformed: it has not the shape of one. Of any other the answer is the same.
        """
        if token is not None or token_id is not None:
            if address is not None or user is not None:
                raise InvalidInput("token", "stands in place of user and address.")
            user = _tokens.read_token(token_id, token)[1]
        return self._again("resend", address, user, password)

    def rerun(
        self,
        *,
        address: str | None = None,
        user: User | str | None = None,
        password: str | Secret | None = None,
    ) -> Receipt:
        """Ask to enter the active flow again; by address alone as in `resend`."""
        return self._again("rerun", address, user, password)

    def reset(
        self,
        *,
        address: str,
        password: str | Secret | None = None,
        current_password: str | Secret | None = None,
        arguments: Sequence[object] = (),
    ) -> Receipt:
        """Ask to replace a forgotten password; a pending user is confirmed by using the answer.

        The last three are for a reset function, and wait in this process's memory only. Whether
        *current_password* is the right one it learns, and nobody else.

        Raises:
            PasswordRefused: the policy refuses *password*.
            InvalidInput: *arguments* are not what JSON can hold, in 16 kB.
        """
        found = canonical(address)
        if isinstance(arguments, str | bytes) or not isinstance(arguments, Sequence):
            raise InvalidInput("arguments", "must be a list.")
        given = checked_data({"arguments": list(arguments)}, field="arguments")["arguments"]
        new = None if password is None else as_secret(password)
        current = None if current_password is None else as_secret(current_password, "current")
        self._asking.begin("message", found)
        if new is not None:
            self._core.services.check_password(new, address=address)
        holder = stranger.holder_of(self._core, found)
        request = ResetRequest(
            password=new,
            current_password_valid=(
                None if current is None else is_password_of(self._core, holder, current)
            ),
            arguments=tuple(cast(list[object], given)),
        )
        stranger.reset(self._core, self._by, holder, request)
        return Receipt()

    def confirm(
        self,
        *,
        password: str | Secret,
        token_id: str | None = None,
        token: str | Secret | None = None,
        address: str | None = None,
        code: str | Secret | None = None,
    ) -> User:
        """Confirm with the token of a link, or with an address and its typed code, and a password.

        A password that differs from the stored one replaces it: the token proves the mailbox, so
        its owner never activates a password that somebody else set (security.md H7).

        Raises:
            TokenMalformed, TokenRefused: as `Engine.confirm`.
            CodeWrong: the code is wrong or rests, or nobody has this address.
            PasswordRefused: the password would be new, and the policy refuses it.
        """
        chosen = as_secret(password)
        if token is not None or token_id is not None:
            run_id, user_id, text = _tokens.read_token(token_id, token)
            self._asking.count_client()
            user = self._asking.user(user_id)
            if user is None:
                raise TokenUnknown
            # Before hashing: a dead token costs nothing, and tells nothing of the account.
            digest = _tokens.token_digest(text)
            run = confirm.good_run(self._core, user, run_id, digest, "confirm")
            change = replacing(self._core, user, run, chosen)
            return confirm.by_token(self._core, self._by, token_id, token, change=change).run()
        found, typed = self._asking.typed_code(address, code)
        owner = self._asking.owner_of_code(found, typed, "confirm")
        run_of_code = typed_codes.run_of_code(self._core, owner, typed, "confirm")
        change = replacing(self._core, owner, run_of_code, chosen)
        return confirm.by_code(self._core, self._by, found, code, change=change).run()

    def is_confirmed(self, *, token_id: str, token: str | Secret) -> bool:
        """Return whether the user of a confirmation link is confirmed: for a page that waits while
        she presses the button elsewhere.

        Not counted: it writes nothing, and only who holds the link learns anything.

        Raises:
            TokenMalformed, TokenUnknown, TokenSuperseded, TokenExpired.
        """
        run_id, user_id, text = _tokens.read_token(token_id, token)
        user = self._asking.user(user_id)
        if user is None:
            raise TokenUnknown
        confirm.good_run(self._core, user, run_id, _tokens.token_digest(text), "confirm")
        return user.state == "confirmed"

    def set_password(
        self,
        *,
        password: str | Secret,
        token_id: str | None = None,
        token: str | Secret | None = None,
        address: str | None = None,
        code: str | Secret | None = None,
    ) -> User:
        """Set a password with the token of a reset link, or with an address and its typed reset
        code. Ends every session; a pending user is confirmed by it.

        Raises:
            TokenMalformed, TokenRefused: as `Engine.set_password`.
            CodeWrong: the code is wrong or rests, or nobody has this address.
            PasswordRefused: the policy refuses it; token and code stay good.
        """
        new = as_secret(password)
        if token is not None or token_id is not None:
            self._asking.count_client()
            user = passwords.by_token(self._core, self._by, token_id, token, new).run()
            guesses.begin_anew(self._core, self._by, user)
            return user
        found, typed = self._asking.typed_code(address, code)
        # Before the code is looked at: a password that no policy takes tells nothing of it.
        self._core.services.check_password(new, address=found)
        self._asking.owner_of_code(found, typed, "reset")
        user = passwords.by_code(self._core, self._by, found, typed, new).run()
        guesses.begin_anew(self._core, self._by, user)
        return user

    def change_password(
        self,
        *,
        current: str | Secret,
        new: str | Secret,
        address: str | None = None,
        user: User | str | None = None,
    ) -> User:
        """Change a password with the current one, also one that must be changed.

        Raises:
            LogInRefused: nobody has this address, or id, and password.
            PasswordRefused: the policy refuses the new one.
        """
        proof, wanted = as_secret(current, "current"), as_secret(new, "new")
        owner = self._asking.owner(address, user, proof)
        return passwords.change(self._core, self._by, owner.id, proof, wanted).run()

    def log_in(self, provider: str, /, **credentials: object) -> LogIn:
        """Log in.

        Raises:
            LogInRefused: whatever is wrong with the credentials; `because` says `pending`,
                `disabled` or `must-change` after the right ones, and nothing otherwise.
            Leaving: after the right ones, of an account that is being deleted: with an offer.
            CredentialsRefused: the provider says why, in words for whoever asks.
            ProviderDisabled, NewUsersRefused, DomainRefused: by the settings of the provider.
            Vetoed, PluginFailed: after the right credentials, a `before_log_in` hook said no.
            UnknownName: there is no such provider.
        """
        self._asking.count_client()
        return alike(
            lambda: log_in.log_in(
                self._core, self._by, provider, credentials, a_stranger=True
            ).run()
        )

    def correct_address(
        self,
        *,
        password: str | Secret,
        to: str,
        address: str | None = None,
        user: User | str | None = None,
    ) -> Receipt:
        """Correct the address of a pending registration, by the holder of its password.

        Raises:
            LogInRefused: nobody has this address, or id, and password.
            Vetoed, PluginFailed: a *before* hook would not let it register.
        """
        wanted = canonical(to, field="to")
        owner = self._asking.owner(address, user, as_secret(password))
        with refusals_recorded(self._core, self._by, owner, "correct-address"):
            rerun.ask_plugins(self._core, self._by, owner, to)
        self._asking.begin("message", wanted)
        stranger.change_or_pretend(
            self._core,
            self._by,
            owner,
            lambda found: rerun.decide_correction(
                self._core, self._by, found, to, wanted, queued=True
            ),
        )
        return Receipt()

    def delete(
        self,
        *,
        access_token: str | Secret | None = None,
        password: str | Secret | None = None,
        address: str | None = None,
        user: User | str | None = None,
    ) -> Receipt:
        """Delete one's own account: by the access token of a fresh log-in, or with its password and
        an address or id. With a grace (setting `deletion_grace`), the receipt says until when.

        Raises:
            SessionInvalid: the access token opens nothing.
            FreshLogInNeeded: the log-in was longer ago than `fresh_log_in_within` (security.md O6).
            LogInRefused: nobody has this address, or id, and password.
            Vetoed: a plugin refused.
        """
        if access_token is not None:
            self._asking.count_client()
            left = own_account.delete_by_session(self._core, self._by, access_token)
        else:
            owner = self._asking.owner(address, user, as_secret(password))
            left = own_account.delete_by_password(self._core, self._by, owner)
        self._on_first_use()
        return Receipt(delete_at=left.delete_at)

    def export(self, *, access_token: str | Secret) -> dict[str, Any]:
        """Return everything that is kept about the caller; see `Users.export`.

        Raises:
            SessionInvalid: the access token opens nothing.
            FreshLogInNeeded: the log-in was longer ago than `fresh_log_in_within`.
        """
        self._asking.count_client()
        return own_account.as_caller(
            self._core,
            access_token,
            lambda owner, asks: export_user.export(self._core, self._by, owner.id, asks=asks),
        )

    def custom_data(self, *, access_token: str | Secret) -> Mapping[str, object]:
        """Return the custom data of the caller, as it is now. Raises SessionInvalid.

        Not counted: it writes nothing, and an application may ask on each page.
        """
        return own_account.as_caller(
            self._core,
            access_token,
            lambda owner, asks: custom_data.get(self._core, owner.id, asks=asks).data,
            needs_fresh=False,
        )

    def restore(self, *, token: str | Secret) -> User:
        """Take the deletion of one's own account back, by the `restore_token` that a log-in with
        the right credentials was answered with (`Leaving`). She logs in again afterwards.

        Raises:
            TokenMalformed, TokenUnknown, TokenExpired, TokenUsed: it restores nothing.
        """
        self._asking.count_client()
        return restore.by_offer(self._core, self._by, token).run()

    # --- inside --------------------------------------------------------------------------------

    def _again(
        self,
        reason: Reason,
        address: str | None,
        user: User | str | None,
        password: str | Secret | None,
    ) -> Receipt:
        subject, find = self._asking.named(address, user)
        proof = None if password is None else as_secret(password)
        self._asking.begin("message", subject)
        holder, named = find(), user is not None
        if not named and proof is not None:
            named = is_password_of(self._core, holder, proof)
        stranger.again(self._core, self._by, holder, reason, named=named)
        return Receipt()
