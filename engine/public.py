"""The stranger-facing verbs: for web handlers, where anybody may be asking."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar, cast

from . import _tokens
from ._codec import user_from
from ._commits import record_refusal, refusals_recorded
from ._core import Core
from ._events import Acting
from ._ids import check_id
from ._passwords import as_secret
from ._usecases import (
    confirm,
    custom_data,
    delete,
    export_user,
    guesses,
    log_in,
    register,
    rerun,
    restore,
    stranger,
    throttle,
    typed_codes,
)
from ._usecases import fresh as freshness
from ._usecases import password as passwords
from ._usecases.calling_session import check_open
from ._usecases.confirm import Change
from ._usecases.confirming import is_first_proof
from ._usecases.enter import ResetRequest
from ._usecases.json_data import checked_data
from ._usecases.proof import check_unchanged, hashed, is_password_of, with_private
from ._usecases.rerun import Reason
from ._usecases.stranger import alike
from .addresses import canonical
from .errors import (
    CodeResting,
    CodeWrong,
    InvalidInput,
    LogInRefused,
    SessionInvalid,
    TokenUnknown,
    UserNotFound,
    WrongCredentials,
)
from .masked import Secret
from .own_sessions import OwnSessions
from .public_api_keys import PublicApiKeys
from .public_identities import PublicIdentities
from .records import LogIn, Purpose, Receipt, Run, Session, User
from .redirects import Redirects

T = TypeVar("T")

CLIENT_WINDOW: Final = timedelta(minutes=10)
"""In which a client may make as many requests as the setting `requests_per_client` says
(security.md E2)."""
CODE_LIMIT: Final = 20
"""Typed codes that may be tried for one address in that time, right or wrong (T2)."""


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
        self.identities = PublicIdentities(core, by, self._count_client, on_first_use)
        self.api_keys = PublicApiKeys(core, by, self._count_client)
        self.redirects = Redirects(core, by, count=self._count_client, answer=alike)
        self.sessions = OwnSessions(core, by, count=self._count_client, answer=alike)

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
        self._count_client()  # before the hash, which is what a flood would cost us most
        valid = register.validate(
            self._core, self._by, login, as_secret(password), provider=provider, data=data
        )
        self._count_subject("register", valid.canonical or valid.asked.login_key)
        stranger.register(self._core, self._by, valid)
        return Receipt()

    def resend(
        self,
        *,
        address: str | None = None,
        user: User | str | None = None,
        password: str | Secret | None = None,
    ) -> Receipt:
        """Ask for the confirmation message again.

        By address alone the answer is a message with a reset token – set your password and be
        confirmed; a link that activates the stored password goes out only to who names the user
        or gives its password (security.md H7).
        """
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
        self._begin("message", found)
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
            self._count_client()
            user = self._user(user_id)
            if user is None:
                raise TokenUnknown
            # Before hashing: a dead token costs nothing, and tells nothing of the account.
            digest = _tokens.token_digest(text)
            run = confirm.good_run(self._core, user, run_id, digest, "confirm")
            change = self._replacing(user, run, chosen)
            return confirm.by_token(self._core, self._by, token_id, token, change=change).run()
        found, typed = self._typed_code(address, code)
        owner = self._owner_of_code(found, typed, "confirm")
        run_of_code = typed_codes.run_of_code(self._core, owner, typed, "confirm")
        change = self._replacing(owner, run_of_code, chosen)
        return confirm.by_code(self._core, self._by, found, code, change=change).run()

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
            self._count_client()
            return self._may_begin_anew(
                passwords.by_token(self._core, self._by, token_id, token, new).run()
            )
        found, typed = self._typed_code(address, code)
        # Before the code is looked at: a password that no policy takes tells nothing of it.
        self._core.services.check_password(new, address=found)
        self._owner_of_code(found, typed, "reset")
        return self._may_begin_anew(
            passwords.by_code(self._core, self._by, found, typed, new).run()
        )

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
        owner = self._owner(address, user, proof)
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
        self._count_client()
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
        owner = self._owner(address, user, as_secret(password))
        with refusals_recorded(self._core, self._by, owner, "correct-address"):
            rerun.ask_plugins(self._core, self._by, owner, to)
        self._begin("message", wanted)
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
            self._count_client()
            left = self._as_caller(access_token, self._delete_by_session)
        else:
            left = self._delete_by_password(self._owner(address, user, as_secret(password)))
        self._on_first_use()
        return Receipt(delete_at=left.delete_at)

    def export(self, *, access_token: str | Secret) -> dict[str, Any]:
        """Return everything that is kept about the caller; see `Users.export`.

        Raises:
            SessionInvalid: the access token opens nothing.
            FreshLogInNeeded: the log-in was longer ago than `fresh_log_in_within`.
        """
        self._count_client()
        return self._as_caller(
            access_token,
            lambda owner, asks: export_user.export(self._core, self._by, owner.id, asks=asks),
        )

    def custom_data(self, *, access_token: str | Secret) -> Mapping[str, object]:
        """Return the custom data of the caller, as it is now. Raises SessionInvalid.

        Not counted: it writes nothing, and an application may ask on each page.
        """
        return self._as_caller(
            access_token,
            lambda owner, asks: custom_data.get(self._core, owner.id, asks=asks).data,
            fresh=False,
        )

    def restore(self, *, token: str | Secret) -> User:
        """Take the deletion of one's own account back, by the `restore_token` that a log-in with
        the right credentials was answered with (`Leaving`). She logs in again afterwards.

        Raises:
            TokenMalformed, TokenUnknown, TokenExpired, TokenUsed: it restores nothing.
        """
        self._count_client()
        return restore.by_offer(self._core, self._by, token).run()

    # --- inside --------------------------------------------------------------------------------

    def _again(
        self,
        reason: Reason,
        address: str | None,
        user: User | str | None,
        password: str | Secret | None,
    ) -> Receipt:
        subject, find = self._named(address, user)
        proof = None if password is None else as_secret(password)
        self._begin("message", subject)
        holder, named = find(), user is not None
        if not named and proof is not None:
            named = is_password_of(self._core, holder, proof)
        stranger.again(self._core, self._by, holder, reason, named=named)
        return Receipt()

    def _as_caller(
        self,
        access_token: str | Secret,
        call: Callable[[User, Session], T],
        *,
        fresh: bool = True,
    ) -> T:
        """Return what *call* comes to for the caller and her session. Raises SessionInvalid, also
        if she was deleted or merged since it was looked up."""
        owner, asks = freshness.caller(self._core, access_token, fresh=fresh)
        try:
            return call(owner, asks)
        except UserNotFound:
            raise SessionInvalid("ended") from None

    def _delete_by_session(self, owner: User, asks: Session) -> User:
        def check(user: User) -> None:
            check_open(self._core, user, asks)

        return delete.delete(self._core, self._by, owner.id, check=check).run()

    def _delete_by_password(self, owner: User) -> User:
        def check(user: User) -> None:
            check_unchanged(self._core, user, owner)

        try:
            return delete.delete(self._core, self._by, owner.id, check=check).run()
        except (UserNotFound, WrongCredentials):
            raise LogInRefused from None

    def _begin(self, purpose: str, subject: str) -> None:
        """Count, before anything is looked up, and see to it that somebody works the queue."""
        self._count_client()
        self._count_subject(purpose, subject)

    def _count_subject(self, purpose: str, subject: str) -> None:
        window = self._core.settings.cool_down
        throttle.hit(self._core, purpose, subject, limit=1, window=window)
        self._on_first_use()

    def _count_client(self) -> None:
        client = self._by.client
        if client is not None and client.address is not None:
            network = throttle.network_of(client.address)
            limit = self._core.settings.requests_per_client
            throttle.hit(self._core, "client", network, limit=limit, window=CLIENT_WINDOW)

    def _named(
        self, address: str | None, user: User | str | None
    ) -> tuple[str, Callable[[], User | None]]:
        """Return what is counted, and how to look – after it was counted – who is meant."""
        if (user is None) == (address is None):
            raise InvalidInput("user", "name the user by id or by address, one of the two.")
        if address is not None:
            found = canonical(address)
            return found, lambda: stranger.holder_of(self._core, found)
        user_id = user.id if isinstance(user, User) else check_id(user, "user")
        return user_id, lambda: self._user(user_id)

    def _owner(self, address: str | None, user: User | str | None, password: Secret) -> User:
        """Return who is meant and has this password. Raises LogInRefused; one hash in any case."""
        subject, find = self._named(address, user)
        self._count_client()
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

    def _may_begin_anew(self, user: User) -> User:
        """Forget what was guessed from where *user* proved her mailbox."""
        for identity in user.identities:
            if identity.key is not None:
                account = guesses.Account(identity.key, lambda: user)
                guesses.was_right(self._core, self._by, account)
        return user

    def _user(self, user_id: str) -> User | None:
        record = self._core.store.get("user", user_id)
        return None if record is None else user_from(record)

    def _typed_code(self, address: str | None, code: str | Secret | None) -> tuple[str, str]:
        """Return an address and a code as they are compared, once the try was counted (T2)."""
        found, typed = canonical(address), _tokens.read_code(code)
        self._count_client()
        throttle.hit(self._core, "code", found, limit=CODE_LIMIT, window=CLIENT_WINDOW)
        return found, typed

    def _owner_of_code(self, found: str, typed: str, purpose: Purpose) -> User:
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

    def _replacing(self, user: User, run: Run | None, chosen: Secret) -> Change | None:
        """Return what gives *user* that password as it becomes confirmed, or – confirmed already
        by somebody else's hand – as its owner is first heard of; None: it has it."""
        first_heard = (
            run is not None and run.proves and run.result != "success" and is_first_proof(user, run)
        )
        if not (user.state == "pending" or first_heard) or is_password_of(self._core, user, chosen):
            return None
        typed = None if user.address is None else user.address.typed
        self._core.services.check_password(chosen, address=typed)
        private = hashed(self._core, user, chosen)
        return lambda found: with_private(self._core, found, private)
