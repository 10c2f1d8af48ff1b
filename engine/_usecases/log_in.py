"""Log in: credentials to an identity, an identity to a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import attrs

from .._codec import user_from
from .._commits import (
    Decision,
    change_user,
    commit_decision,
    find_by_key,
    record,
    refusals_recorded,
)
from .._core import Core
from .._events import Acting, Happening
from .._evolve import evolve
from ..errors import (
    ConfirmationRequired,
    PasswordMustChange,
    TryLater,
    UserDisabled,
    UserNotFound,
    WrongCredentials,
)
from ..lifecycle import NEW, move
from ..providers import Check, Claim
from ..records import Identity, LogIn, User, UserId
from ..stores import KeyTaken, Remove
from . import gate, guesses, restore
from .claimed import claimed_addresses, identity_of, new_identity
from .confirming import newest, rivals, waiting
from .given_passwords import must_be_changed
from .prepared import Finish, Prepared
from .session_opening import SEEN_EVERY, Opened, open_session


@attrs.frozen
class _Recognised:
    """Whose credentials these are, and what they were compared with."""

    user: User | None
    identity: Identity | None
    claim: Claim
    check: Check
    claims_again: Callable[[], Claim]
    """Asks the provider once more; raises what it raises."""


def log_in(
    core: Core,
    by: Acting,
    provider: str,
    credentials: Mapping[str, object],
    *,
    a_stranger: bool = False,
) -> Prepared[LogIn]:
    """Prepare a log-in; see `Engine.log_in`. Wrong passwords of *a_stranger*, and of whoever acts
    as a user, are counted (security.md P5)."""
    counts = a_stranger or by.actor.kind == "user"
    return _entering(core, by, provider, _recognise(core, by, provider, credentials, counts))


def proved_user(core: Core, by: Acting, provider: str, credentials: Mapping[str, object]) -> User:
    """Return whose credentials these are, counted like a stranger's, for who is logged in already.

    Raises:
        WrongCredentials: nobody's, or a key's: a program has it, at any hour.
        ConfirmationRequired, UserDisabled, PasswordMustChange, and what the provider raises.
        DomainRefused, Vetoed, PluginFailed: she would not be let in now.
    """
    known = _recognise(core, by, provider, credentials, counts=True)
    if known.user is None or known.identity is None or known.claim.user is not None:
        _record_refusal(core, by, provider, None, "wrong-credentials")
        raise WrongCredentials
    _let_in(core, by, provider, known, known.user)
    return known.user


def log_in_as(core: Core, by: Acting, provider: str, claim: Claim) -> Prepared[LogIn]:
    """Prepare the log-in of whom a proved *claim* of *provider* is about."""
    assert claim.proved, "only a claim that proves itself comes without credentials"
    user = _holder(core, provider, claim)
    identity = None if user is None else _identity(core, user, provider, claim)
    if user is None and not claim.creates_users:
        _record_refusal(core, by, provider, None, "wrong-credentials")
        raise WrongCredentials
    accepted = Check(accepted=True)
    return _entering(
        core, by, provider, _Recognised(user, identity, claim, accepted, lambda: claim)
    )


def _entering(core: Core, by: Acting, provider: str, known: _Recognised) -> Prepared[LogIn]:
    if known.user is not None:
        _let_in(core, by, provider, known, known.user)

    def decide(settle: bool) -> Finish[LogIn]:
        login = (
            _create(core, by, provider, known, settle)
            if known.user is None
            else _enter(core, by, provider, known, known.user, settle)
        )

        def finish() -> LogIn:
            core.plugins.notify("after_log_in", log_in=login)
            return login

        return finish

    return Prepared(decide)


def _let_in(core: Core, by: Acting, provider: str, known: _Recognised, user: User) -> None:
    """Return if *user*, whose credentials were right, may come in: by what she is, by the gate, and
    by every plugin. Raises what a log-in raises; a refusal is recorded."""
    assert known.identity is not None, "a user was found by an identity"
    check_state(core, by, user, known.identity)
    gate.pass_with_claim(core, by, "log-in", provider, known.claim, user)
    with refusals_recorded(core, by, user, "log-in"):
        core.plugins.veto("before_log_in", user=user, provider=provider, client=by.client)


def _recognise(
    core: Core, by: Acting, provider: str, credentials: Mapping[str, object], counts: bool
) -> _Recognised:
    offer = gate.open_provider(core, provider)
    try:
        claim = gate.claim_of(core, offer, credentials)
        account = guesses.Account(
            f"{provider}:{claim.login_key}", lambda: _holder(core, provider, claim)
        )
        if counts and not claim.proved:
            guesses.count(core, by, account)
        user = _holder(core, provider, claim)
        identity = None if user is None else _identity(core, user, provider, claim)
        check = Check(accepted=True)
        if not claim.proved:
            check = core.plugins.call(
                offer,
                "check",
                lambda: offer.value.check(credentials, identity, core.services),
                gate.limit_seconds(core, offer),
            )
    except WrongCredentials:
        _record_refusal(core, by, provider, None, "wrong-credentials")
        raise
    if not check.accepted or (user is None and not (claim.proved and claim.creates_users)):
        _record_refusal(core, by, provider, user, "wrong-credentials")
        raise WrongCredentials
    if counts and not claim.proved:
        guesses.was_right(core, by, account)
    return _Recognised(
        user, identity, claim, check, lambda: gate.claim_of(core, offer, credentials)
    )


def _holder(core: Core, provider: str, claim: Claim) -> User | None:
    if claim.user is not None:
        record = core.store.get("user", claim.user)
        if record is None or record.body["state"] == "deleted":
            raise WrongCredentials
        return user_from(record)
    user = find_by_key(core, f"{provider}:{claim.login_key}")
    if user is None and not (claim.proved and claim.creates_users):
        # Under `first-proof`, nobody has proved this login yet: the newest who waits is told that
        # she waits. Credentials that prove it themselves take it from those who do.
        user = newest(waiting(core, f"{provider}:{claim.login_key}"))
    return user


def _identity(core: Core, user: User, provider: str, claim: Claim) -> Identity | None:
    """Return which of *user*'s identities these credentials are, or None: she has none such. What
    belongs to her without being one – a key – is one for the length of this log-in."""
    found = identity_of(user, provider, claim)
    if found is None and claim.user == user.id:
        found = new_identity(core, provider, claim, core.now())
    return found


def check_state(core: Core, by: Acting, user: User, identity: Identity) -> None:
    """The credentials were right: say what else is in the way."""
    problem: type[ConfirmationRequired | UserDisabled | PasswordMustChange]
    if user.disabled:
        problem = UserDisabled
    elif user.state == "pending":
        problem = ConfirmationRequired
    elif user.delete_at is not None:
        answer = restore.offered(core, user)
        _record_refusal(core, by, identity.provider, user, answer.code)
        raise answer
    elif must_be_changed(identity) and core.settings.must_change_is_enforced:
        problem = PasswordMustChange
    else:
        return
    _record_refusal(core, by, identity.provider, user, problem.code)
    raise problem


def _record_refusal(core: Core, by: Acting, provider: str, user: User | None, code: str) -> None:
    """Failed log-ins are recorded (security.md A6); known and unknown cost one commit alike."""
    happening = Happening("log-in-refused", codes={"provider": provider, "because": code})
    if user is None:
        record(core, by, [happening], settle=False)
    else:
        decision: Decision[None] = Decision(result=None, happenings=(happening,))
        commit_decision(core, by, user, decision, settle=False)


def _enter(
    core: Core, by: Acting, provider: str, known: _Recognised, user: User, settle: bool
) -> LogIn:
    def decide(found: User) -> Decision[Opened]:
        identity = _identity(core, found, provider, known.claim)
        if identity is None:
            raise WrongCredentials  # unlinked meanwhile
        was = None if known.claim.proved else known.identity  # what a password was compared with
        if was is not None and identity.private != was.private:
            raise TryLater("the password was changed a moment ago")
        check_state(core, by, found, identity)
        now = core.now()
        opened = open_session(core, by, found, identity, now, until=known.claim.good_until)
        return Decision(
            result=opened,
            new=_seen(found, identity, known, now),
            happenings=(_logged_in(provider, opened), *opened.happenings),
            put=opened.put,
            remove=opened.remove,
        )

    # Who is only given a session is not compared with what is there, so is read.
    assumed = user if _is_seen_anew(user, core.now()) else None
    try:
        user, opened = change_user(
            core, by, user.id, decide, settle=settle, known=user, assumed=assumed
        )
    except UserNotFound:
        raise WrongCredentials from None
    if known.claim.user is not None:
        _end_if_dead(core, by, known, user, opened)
    return opened.log_in(user)


def _logged_in(provider: str, opened: Opened) -> Happening:
    return Happening("log-in", codes={"provider": provider, "session": opened.session.id})


def _end_if_dead(core: Core, by: Acting, known: _Recognised, user: User, opened: Opened) -> None:
    """A key that was deleted while its session was written would not end it: whoever deletes it
    ends the sessions found then, so that one of the two sees the other.

    Raises:
        WrongCredentials: the credentials died meanwhile; the session is gone again.
    """
    try:
        if known.claims_again().user == user.id:
            return
    except WrongCredentials:
        pass
    happening = Happening("log-out", codes={"session": opened.session.id})
    remove = (Remove("session", opened.session.id),)
    decision: Decision[None] = Decision(result=None, happenings=(happening,), remove=remove)
    commit_decision(core, by, user, decision)
    raise WrongCredentials


def _seen(user: User, identity: Identity, known: _Recognised, now: datetime) -> User | None:
    """Return *user* with what this log-in changes of it, or None: only a session is written."""
    new, claim = user, known.claim
    private, data = identity.private, identity.data
    if claim.private or known.check.private:
        private = {**private, **claim.private, **(known.check.private or {})}
    if claim.proved:
        data = {**data, **claim.data} if claim.adds_data else claim.data
    changes = private != identity.private or data != identity.data
    if changes and identity in user.identities:
        new = _with_identity(new, identity, evolve(identity, private=private, data=data))
    if _is_seen_anew(user, now):
        new = evolve(new, last_seen_at=now, first_log_in_at=user.first_log_in_at or now)
    return None if new is user else new


def _is_seen_anew(user: User, now: datetime) -> bool:
    """Return whether a log-in writes that *user* was seen."""
    return user.last_seen_at is None or user.last_seen_at + SEEN_EVERY <= now


def _with_identity(user: User, old: Identity, new: Identity) -> User:
    return evolve(user, identities=tuple(new if i == old else i for i in user.identities))


def _create(core: Core, by: Acting, provider: str, known: _Recognised, settle: bool) -> LogIn:
    """The first log-in through a provider that proves its own users makes the user."""
    claim = known.claim
    now = core.now()
    identity = new_identity(core, provider, claim, now)
    user = User(
        id=UserId(core.ids.mint(now)),
        state=move(NEW, "create").state,
        identities=(identity,),
        addresses=claimed_addresses(provider, claim, now),
        created_at=now,
        confirmed_at=now,
        first_log_in_at=now,
        last_seen_at=now,
    )
    gate.pass_with_claim(core, by, "log-in", provider, claim, None)
    with refusals_recorded(core, by, None, "log-in"):
        core.plugins.veto("before_log_in", user=user, provider=provider, client=by.client)
    if rivals(core, user):  # they waited under `first-proof`; the worker rejects them
        user = evolve(user, chore_at=now)
        core.work_waits.set()
    opened = open_session(core, by, user, identity, now, until=claim.good_until)
    decision: Decision[None] = Decision(
        result=None,
        new=user,
        happenings=(
            Happening("create", NEW, user.state, codes={"provider": provider}),
            _logged_in(provider, opened),
        ),
        put=opened.put,
    )
    try:
        user = commit_decision(core, by, None, decision, settle=settle)
    except KeyTaken as taken:
        holder = find_by_key(core, taken.key)
        theirs = None if holder is None else _identity(core, holder, provider, claim)
        if holder is None or theirs is None:
            raise TryLater("others are changing this user") from None
        # Whoever was let in was nobody yet: the holder is asked about like anybody known.
        known = attrs.evolve(known, user=holder, identity=theirs)
        _let_in(core, by, provider, known, holder)
        return _enter(core, by, provider, known, holder, settle)
    return opened.log_in(user)
