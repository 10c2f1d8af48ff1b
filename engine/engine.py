"""The engine: one method a use case, each a signature, a docstring and one call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Self

from . import _worker, lifecycle
from ._commits import load
from ._core import Core
from ._events import Acting, checked
from ._numbers import check_duration, check_number
from ._passwords import as_secret
from ._plugins import PluginInfo
from ._usecases import (
    batch,
    confirm,
    delete,
    disable,
    refreshing,
    rerun,
    restore,
    sessions,
    sweep,
    why,
    work,
)
from ._usecases import password as passwords
from ._usecases.prepared import Prepared
from .admin_keys import AdminKeys
from .api_keys import ApiKeys
from .custom_data import CustomDataGroup
from .doctor import Doctor
from .groups import EngineSettings, Events, Users
from .identities import Identities
from .kept import Documents, Secrets
from .masked import Secret
from .preparing import Preparing, needed_address, optional_secret, user_id
from .public import PublicFace
from .records import Access, Actor, AnyUser, Client, LogIn, User
from .redirects import Redirects
from .sessions import Sessions


class Engine:
    """An open engine: one application's users. Made by `admit.open()`; safe to use from any thread.

    Its own methods tell the truth to the code that embeds it. What strangers may call goes through
    `public`. Every method that changes a user also raises `TryLater` when others keep changing it,
    and `FateUnknown` when the store cannot say whether a commit was kept.
    """

    def __init__(self, core: Core, by: Acting, worker: _worker.Worker) -> None:
        self._core = core
        self._by = by
        self._worker = worker
        self.users = Users(core, by)
        self.identities = Identities(core, by)
        self.sessions = Sessions(core, by)
        self.custom_data = CustomDataGroup(core, by)
        self.redirects = Redirects(core, by)
        self.api_keys = ApiKeys(core, by)
        self.admin_keys = AdminKeys(core, by)
        self.documents = Documents(core, by)
        self.secrets = Secrets(core, by)
        self.settings = EngineSettings(core, by)
        self.events = Events(core)
        self.doctor = Doctor(core)
        self.public = PublicFace(core, by, worker.is_needed)
        self.prepare = Preparing(core, by)

    def __repr__(self) -> str:
        return f"<admit.Engine acting={self._by.actor.kind}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def close(self, *, wait: timedelta = timedelta(seconds=5)) -> None:
        """Take no more work, wait up to *wait* for what the worker has under way, let go of the
        store. What is not finished stays leased, for whoever opens it next."""
        self._worker.stop(wait.total_seconds())
        self._core.store.close()

    @property
    def is_local(self) -> bool:
        """Whether the store is a file of this machine: a look-up takes microseconds there, too few
        to leave an event loop for it."""
        return self._core.store.path is not None

    def acting(
        self, actor: Actor, reason: str | None = None, *, client: Client | None = None
    ) -> Engine:
        """Return a view of this engine in which *actor* asks, for *reason*, from *client*: all
        that is done through it is recorded so. Closing either closes both.

        Raises:
            InvalidInput: *actor* is no `Actor`, *client* no `Client`, or a text in them is none.
        """
        by = checked(Acting(actor, reason, client))
        return Engine(self._core, by, self._worker)

    # --- the life of a user --------------------------------------------------------------------

    def register(
        self,
        login: str,
        password: str | Secret | None = None,
        *,
        provider: str | None = None,
        data: Mapping[str, object] | None = None,
    ) -> User:
        """Register a user: pending, in the flow that is active now. Returns it as the flow left it.

        *provider* is any that registers; by default the one of the setting `password_provider`,
        for which *login* is an e-mail address.

        Raises:
            InvalidInput: InvalidAddress or PasswordRefused among them. Nothing was written.
            AddressTaken: `holder_state` says whether the holder is pending. Nothing was written.
            Vetoed, PluginFailed: a *before* hook said no, or failed. Nothing was written.
            ProviderDisabled, NewUsersRefused, DomainRefused: by the settings of the provider.
            NotConfigured, UnknownName: the active flow cannot be entered. Nothing was written.
            RegistrationRefused: the flow answered `fail`: no account is left.
            FlowRefused: it did, but somebody re-ran the user meanwhile: she is kept.
            FlowFailed: the flow raised, hung or could not deliver: the user is registered and
                pending – `user` carries it –, with the error on its run. (A temporary failure to
                deliver raises nothing: the run is queued and tried again.)
        """
        return self.prepare.register(login, password, provider=provider, data=data).run()

    def create(
        self,
        login: str,
        password: str | Secret | None = None,
        *,
        provider: str | None = None,
        data: Mapping[str, object] | None = None,
        password_hash: str | None = None,
        must_change: bool = True,
    ) -> User:
        """Create a user that is confirmed at once, past the flow. Proves nothing of the address.

        A password given here is marked as an admin's: it must be changed before it opens anything
        (setting `must_change_is_enforced`, security.md P6) – unless not *must_change*, which the
        Admin API of App Services needs. A *password_hash* is one that the user
        had in another system – bcrypt, PBKDF2, scrypt, argon2 –: it is verified until the next
        log-in, which replaces it by one of the engine's own (P3).

        Raises:
            InvalidInput, AddressTaken: nothing was written.
            NotConfigured, MissingExtra: the format of the hash needs something. Likewise.
        """
        return self.prepare.create(
            login,
            password,
            provider=provider,
            data=data,
            password_hash=password_hash,
            must_change=must_change,
        ).run()

    def confirm(
        self,
        *,
        token_id: str | None = None,
        token: str | Secret | None = None,
        address: str | None = None,
        code: str | Secret | None = None,
    ) -> User:
        """Confirm a user by the token of a link, or by an address and the typed code of its mail.

        Activates the password that is stored, whoever set it; `public.confirm` asks for it.
        Pressing twice is a success. A live token pressed by a user that is confirmed already
        proves its address. Returns the user.

        Raises:
            TokenMalformed: this is no token of ours.
            TokenUnknown, TokenSuperseded, TokenExpired: it is dead; each says what to do.
            UserNotFound: nobody has this address (only with a code).
            CodeWrong, CodeResting: the code is wrong, or too many were.
            Vetoed, PluginFailed: a *before* hook said no, or failed; the token stays good.
            AddressTaken: under `first-proof`, another user proved the address first; this one is
                gone.
        """
        return self.prepare.confirm(
            token_id=token_id, token=token, address=address, code=code
        ).run()

    def confirm_manually(self, user: AnyUser | None = None, *, address: str | None = None) -> User:
        """Confirm a stuck user by hand, past the flow. Proves nothing, enables nothing.

        Raises:
            UserNotFound; NotAllowed: it is not pending; Vetoed, PluginFailed.
        """
        return confirm.by_hand(self._core, self._by, self._id(user, address)).run()

    def rerun(self, user: AnyUser | None = None, *, address: str | None = None) -> User:
        """Let a stuck user re-enter whichever flow is active *now*. Returns it as the flow left it.

        The tokens of before die when the new message was handed over, not earlier.

        Raises:
            UserNotFound; NotAllowed: it is not pending.
            TryLater: acting as the user, within the setting `cool_down`.
            NotConfigured, UnknownName: the active flow cannot be entered. Nothing was written.
            FlowFailed: the flow did not get through; the user stays pending, older tokens good.
            FlowRefused: the flow answered `fail`; the user stays pending, older tokens good.
            Vetoed, PluginFailed: the flow said `success`, a *before* hook said no.
        """
        return self.prepare.rerun(user, address=address).run()

    def resend(self, user: AnyUser | None = None, *, address: str | None = None) -> User:
        """Send the confirmation message again: a re-run, for flows that send one.

        Raises:
            ResendNotPossible: the active flow sends none; it names `rerun`. Else as `rerun`.
        """
        return rerun.resend(self._core, self._by, self._id(user, address)).run()

    def correct_address(
        self,
        user: AnyUser | None = None,
        *,
        to: str,
        address: str | None = None,
        password: str | Secret | None = None,
    ) -> User:
        """Correct the mistyped address of a pending user: its runs die, a new one goes to *to*.

        Acting as the user needs the *password* of the registration.

        Raises:
            InvalidAddress, AddressTaken, UserNotFound; NotAllowed: it is not pending.
            WrongCredentials: the password is not the stored one. Nothing was written.
            Vetoed, PluginFailed: a `before_register` hook would not let *to* register.
            TryLater: acting as the user, within the setting `cool_down` of a correction before.
            FlowFailed, FlowRefused: the address is corrected, the new message did not get through.
        """
        user_id, proof = self._id(user, address), optional_secret(password)
        return rerun.correct_address(self._core, self._by, user_id, to, proof).run()

    def disable(self, user: AnyUser | None = None, *, address: str | None = None) -> User:
        """Stop every log-in of a user, in any state, end its sessions, and cancel a change of
        address that waits for its proof. Raises UserNotFound."""
        return disable.set_disabled(self._core, self._by, self._id(user, address), True).run()

    def enable(self, user: AnyUser | None = None, *, address: str | None = None) -> User:
        """Take `disable` back. Sessions of before stay ended. Raises UserNotFound."""
        return disable.set_disabled(self._core, self._by, self._id(user, address), False).run()

    def delete(
        self, user: AnyUser | None = None, *, address: str | None = None, at_once: bool = False
    ) -> User:
        """Delete a user: at once, or – confirmed, with the setting `deletion_grace` – blocked until
        `delete_at`, while `restore` takes it back; *at_once* does not wait. Sessions and keys are
        dead in any case. Its address is free then and inherits nothing; what it left is erased by
        the worker. Returns what is left of it.

        Raises:
            UserNotFound; Vetoed, PluginFailed: a *before* hook said no, or failed.
        """
        user_id = self._id(user, address)
        return delete.delete(self._core, self._by, user_id, at_once=at_once).run()

    def restore(self, user: AnyUser | None = None, *, address: str | None = None) -> User:
        """Take a deletion back while its grace runs. Who is not leaving is left as it is. Raises
        UserNotFound."""
        return restore.restore(self._core, self._by, self._id(user, address)).run()

    # --- passwords -----------------------------------------------------------------------------

    def reset(
        self,
        user: AnyUser | None = None,
        *,
        address: str | None = None,
        password: str | Secret | None = None,
        current_password: str | Secret | None = None,
        arguments: Sequence[object] = (),
    ) -> User:
        """Begin to replace a forgotten password, by the flow of the setting `reset_flow`.

        The last three are for a reset function. Also for a pending user: setting a password with
        the token confirms it.

        Raises:
            UserNotFound; NotConfigured, UnknownName: the reset flow cannot be entered.
            NotAllowed: it has no password that could be reset.
            FlowRefused: the flow answered `fail`. FlowFailed: it did not get through.
            PasswordRefused: the policy refuses *password*.
        """
        prepared = passwords.reset(
            self._core,
            self._by,
            self._id(user, address),
            password=optional_secret(password),
            current_password=optional_secret(current_password, "current_password"),
            arguments=arguments,
        )
        return prepared.run()

    def set_password(
        self,
        *,
        password: str | Secret,
        token_id: str | None = None,
        token: str | Secret | None = None,
        address: str | None = None,
        code: str | Secret | None = None,
    ) -> User:
        """Set a password with a reset token, or an address and its typed reset code.

        Ends every session; a pending user is confirmed by it, and its old password dropped.

        Raises:
            TokenMalformed, TokenUnknown, TokenUsed, TokenSuperseded, TokenExpired.
            CodeWrong, CodeResting, UserNotFound: with a code.
            PasswordRefused: the policy refuses it; the token stays good.
            Vetoed, PluginFailed: a pending user would be confirmed, a *before* hook said no.
            AddressTaken: as `confirm`.
        """
        new = as_secret(password)
        if token is not None or token_id is not None:
            return passwords.by_token(self._core, self._by, token_id, token, new).run()
        return passwords.by_code(self._core, self._by, needed_address(address), code, new).run()

    def change_password(
        self,
        user: AnyUser | None = None,
        *,
        current: str | Secret,
        new: str | Secret,
        address: str | None = None,
    ) -> User:
        """Replace a password with the current one as proof. Ends every session.

        Raises:
            UserNotFound, WrongCredentials, PasswordRefused: nothing was changed.
        """
        user_id = self._id(user, address)
        proof, wanted = as_secret(current, "current"), as_secret(new, "new")
        return passwords.change(self._core, self._by, user_id, proof, wanted).run()

    # --- log-in and sessions -------------------------------------------------------------------

    def log_in(self, provider: str, /, **credentials: object) -> LogIn:
        """Log in with a provider's credentials. Returns user, session and the two raw tokens.

        Raises:
            WrongCredentials: unknown user or wrong password. CredentialsRefused: the provider says
                why.
            ProviderDisabled, NewUsersRefused, DomainRefused: by the settings of the provider.
            ConfirmationRequired, UserDisabled, PasswordMustChange: only after right credentials.
            UnknownName: no such provider. InvalidInput: a field of the credentials is missing.
            Vetoed, PluginFailed: a `before_log_in` hook said no, or failed.
        """
        return self.prepare.log_in(provider, **credentials).run()

    def verify(self, access_token: str | Secret) -> Access:
        """Return what an access token says; what an application calls on each request.

        Checked against its session and its user: what ended, ended at once (security.md S3). With
        the setting `sessions_end_at_once` off, the token alone is looked at: what ended is good
        until the token expires.

        Raises:
            SessionInvalid: malformed, forged, expired or ended; `because` says which.
        """
        return sessions.verify(self._core, access_token)

    def refresh(self, refresh_token: str | Secret) -> LogIn:
        """Return the session with a new access token, and the refresh token to use from now on:
        the same, or – with the setting `refresh_token_rotation` – a new one.

        A replaced token gives its successor again within `refresh_token_grace`, for a lost answer.
        After that its use ends the session: two hold it, and one of them stole it (S2).

        Raises:
            SessionInvalid: malformed, forged, expired, ended or reused; `because` says which.
            PluginFailed, PluginTimedOut: a plugin's claims cannot be had. Nothing was changed.
        """
        return refreshing.refresh(self._core, self._by, refresh_token)

    def log_out(self, refresh_token: str | Secret) -> None:
        """End the session of a refresh token, and its access tokens. Raises SessionInvalid."""
        sessions.log_out(self._core, self._by, refresh_token)

    def log_out_all(self, user: AnyUser | None = None, *, address: str | None = None) -> User:
        """End every session of a user at once, and cancel a change of address that waits for its
        proof: somebody may have asked for it in one of them. Raises UserNotFound."""
        return sessions.log_out_all(self._core, self._by, self._id(user, address)).run()

    # --- understanding -------------------------------------------------------------------------

    def may(self, user: AnyUser | None = None, *, address: str | None = None) -> lifecycle.May:
        """Return what the lifecycle allows for a user now, and which guard blocks the rest. Raises
        UserNotFound."""
        explained = self.why(user, address=address)
        return lifecycle.May(explained.allowed, explained.blocked)

    def why(self, user: AnyUser | None = None, *, address: str | None = None) -> why.Why:
        """Explain where a user stands: its last run and delivery, what is allowed, what blocks
        the rest, and what to do next. Raises UserNotFound."""
        return why.why(self._core, self._by, load(self._core, self._id(user, address)))

    def plugins(self) -> list[PluginInfo]:
        """Return the loaded plugins, where they come from, and which hooks they fill."""
        return self._core.plugins.info()

    def function(self, name: str) -> Callable[..., Any]:
        """Return the callable that is registered under *name*. Raises UnknownName."""
        return self._core.services.function(name)

    def render(self, template: str, values: Mapping[str, object], *, package: str) -> str:
        """Render a template of the folder `templates` of *package*, or the one that replaces it in
        the folder of the setting of that name; see `Services.render`. Raises PluginFailed."""
        return self._core.services.render(template, values, package=package)

    # --- work ----------------------------------------------------------------------------------

    def work_once(self) -> _worker.Worked:
        """Do what is due now: queued runs and retries, leases that ran out, sweeping, sealing.

        Raises StoreClosed, StoreUnreachable: the rest is left. Of others each part is logged.
        """
        return _worker.work_once(self._core)

    def work(
        self, stop: threading.Event | None = None, *, idle: timedelta = timedelta(seconds=1)
    ) -> None:
        """Work until *stop* is set; look at least every *idle* for what others queued. Raises
        InvalidInput: *idle* is not from a hundredth of a second to a day."""
        check_duration(idle, "idle", timedelta(milliseconds=10), timedelta(days=1))
        _worker.work_until(self._core, stop or threading.Event(), idle.total_seconds())

    def recover(self) -> int:
        """Take up runs whose lease ran out – a crash cut them off – and nothing else. Returns how
        many were taken up."""
        return work.work_due(self._core, most=10_000, wanted=work.lease_ran_out)

    def sweep(self, *, most: int = 1000) -> sweep.Swept:
        """Remove what is past its time, up to *most* of each kind: users (the settings
        `expire_pending_after`, `expire_anonymous_after`; whose grace is over), ended sessions,
        counters, tombstones (`audit_retention`), refusals (`refusal_retention`); and compact the
        store if something erased has stood in its files for `erase_within`.

        Raises:
            StoreError: it could not be compacted; the rest was done.
            InvalidInput: *most* is not from 1 to 1,000,000.
        """
        check_number(most, "most", 1, 1_000_000)
        return sweep.sweep(self._core, most=most)

    def batch(self, prepared: Sequence[Prepared[Any]]) -> list[Any]:
        """Decide several prepared use cases in order, settle them with one sync, finish each: those
        that wait for a flow side by side.

        Returns a result or the exception for each, in order; none stops the others.

        Raises:
            InvalidInput: something in it was not prepared by `prepare`. Nothing was done.
            FateUnknown: the sync failed: for none of them it is known whether it was kept.
        """
        return batch.batch(self._core, prepared)

    def _id(self, user: User | str | None, address: str | None) -> str:
        return user_id(self._core, user, address)
