"""Entering a flow: the call outside any lock, and the commit of what came of it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import quote, quote_plus

import attrs

from .. import _tokens
from .._commits import Decision, change_user
from .._core import Core
from .._events import Acting
from .._evolve import evolve
from .._plugins import Offer
from ..errors import (
    AdmitError,
    DeliveryFailed,
    FlowFailed,
    PluginFailed,
    PluginOverloaded,
    PluginTimedOut,
    StoreClosed,
    StoreError,
    TryLater,
    UserNotFound,
)
from ..flows import Entry
from ..masked import Secret
from ..records import Address, AttemptError, Run, User
from .answers import Answer, Written, decide_answer, read_answer
from .runs import Minted, active_flow, flow_named, limit_seconds

_log: Final = logging.getLogger("admit.flows")
_NONSENSE: Final = "flow-nonsense"
_HANDED_OVER: Final = Answer(status="pending")
_OF_DELIVERY: Final = frozenset(
    {"delivery-deferred", "delivery-refused", "flow-timed-out", PluginOverloaded.code}
)


@attrs.frozen(kw_only=True)
class ResetRequest:
    """What a reset by function is called with besides the token. Never stored."""

    password: Secret | None = attrs.field(default=None, repr=False)
    current_password_valid: bool | None = None
    arguments: tuple[object, ...] = attrs.field(default=(), repr=False)


class Entered(NamedTuple):
    """What entering a flow came to. `user` None: it was deleted, by the answer or meanwhile."""

    user: User | None
    written: Written
    answer: Answer


class Holder(NamedTuple):
    """Who has the address already that a run is about: she is told by a notice at *address*, and
    nobody gets the run's token."""

    user: User
    address: Address | None


_NO_REQUEST: Final = ResetRequest()


def enter(
    core: Core,
    by: Acting,
    user: User,
    run: Run,
    minted: Minted,
    request: ResetRequest | None = None,
    *,
    holder: Holder | None = None,
) -> Entered:
    """Call the run's flow with the newest attempt, and commit what it answered. With a *holder* the
    flow of notices is called instead; the answer is written as if it were the run's.

    Nothing is held meanwhile; whoever changed the user by then is found out at the latest when the
    answer is committed, and the lifecycle decides from what is found then.

    Raises:
        KeyTaken: under `first-proof`, a success whose login key another user proved first.
        FlowFailed: the answer could not be written, or nobody knows whether it was: others kept
            changing the user, or the store went away. The lease will run out, and a worker enters
            the flow again.
    """
    if holder is None:
        answer = _call(core, user, run, minted, request or _NO_REQUEST)
    else:
        answer = _tell(core, run, holder)
    number = run.attempts[-1].number

    def decide(found: User) -> Decision[Written]:
        return decide_answer(core, found, run.id, number, answer)

    # Plugins are asked about a success (`before_confirm`): about who is there then.
    assumed = None if answer.status == "success" else user
    try:
        found, written = change_user(core, by, user.id, decide, known=user, assumed=assumed)
    except UserNotFound:
        _log.info("the answer to run %s came after its user was deleted", run.id)
        return Entered(None, Written(None), answer)
    except StoreClosed:
        raise
    except (TryLater, StoreError) as problem:
        # "Nothing was changed" would be a lie: the user is there, and the flow was entered.
        why = f"{problem.because}." if isinstance(problem, TryLater) else problem.sentence
        what = f"Its answer could not be written: {why}"
        raise FlowFailed(run.flow, "answer-lost", what, user, run.id) from problem
    return Entered(None if found.state == "deleted" else found, written, answer)


def _call(core: Core, user: User, run: Run, minted: Minted, request: ResetRequest) -> Answer:
    entry = _entry(user, run, minted, request)
    return _answer(core, run, entry, lambda: flow_named(core, run.flow, run.purpose))


def _tell(core: Core, run: Run, holder: Holder) -> Answer:
    """Tell the holder. The answer is that of a message which was handed over, or why this one was
    not delivered: anything else would tell who may read of the run whose the address is (E1)."""
    if holder.address is None:
        return _HANDED_OVER
    _log.info("run %s is about the address of another user, who is told", run.id)
    # Of these secrets nothing is kept: they open nothing.
    minted = Minted(_tokens.mint_token(holder.user.id), _tokens.mint_code())
    told = evolve(
        run, purpose="notice", reason="already-registered", typed=holder.address.typed, adds=None
    )
    entry = _entry(holder.user, told, minted, _NO_REQUEST)
    answer = _answer(core, run, entry, lambda: active_flow(core, "notice"))
    if answer.error is not None and answer.error.code in _OF_DELIVERY:
        return answer
    return _HANDED_OVER


def _answer(core: Core, run: Run, entry: Entry, find: Callable[[], Offer]) -> Answer:
    """Call the flow that *find* returns, for as long as the flow of *run* may take: so long is its
    lease."""
    try:
        flow = find()
        value = core.plugins.call(
            flow,
            "begin",
            lambda: flow.value.begin(entry, core.services),
            limit_seconds(core, flow_named(core, run.flow, run.purpose)),
        )
    except DeliveryFailed as problem:
        code = "delivery-deferred" if problem.temporary else "delivery-refused"
        return _error(code, problem.sentence, entry, temporary=problem.temporary)
    except (PluginTimedOut, PluginOverloaded) as problem:
        # A slow mail server is a hiccup, as it is when the transport itself gives up waiting.
        hiccup = bool(getattr(flow.value, "resends", False))
        code = "flow-timed-out" if isinstance(problem, PluginTimedOut) else problem.code
        return _error(code, problem.sentence, entry, temporary=hiccup)
    except PluginFailed as problem:
        cause = problem.__cause__
        what = problem.what if cause is None else f"{type(cause).__name__}: {cause}"
        return _error("flow-raised", what, entry)
    except AdmitError as problem:
        return _error(problem.code, f"{problem.sentence} {problem.next_step}", entry)
    answer = read_answer(value)
    if answer is None:
        return _nonsense(flow, value, entry)
    return _refusal(answer, entry) if answer.status == "fail" else answer


def _refusal(answer: Answer, entry: Entry) -> Answer:
    said = _clean(answer.message, entry) or "It gave no reason."
    return answer._replace(error=AttemptError(code="flow-refused", sentence=said))


def _nonsense(flow: Offer, value: object, entry: Entry) -> Answer:
    what = (
        f"The plugin {flow.plugin!r} answered {type(value).__name__} instead of an Outcome "
        'or {"status": "success" | "pending" | "fail"}.'
    )
    return _error(_NONSENSE, what, entry)


def _error(code: str, sentence: str, entry: Entry, *, temporary: bool = False) -> Answer:
    return Answer(
        status="error",
        error=AttemptError(code=code, sentence=_clean(sentence, entry), temporary=temporary),
    )


def _clean(sentence: str, entry: Entry) -> str:
    """The sentence is kept and shown, so what must not be there is taken out of it: a plugin's
    exception, or a server's reply, may quote the token or the address (security.md T3)."""
    hidden = [entry.token.reveal(), entry.code.reveal(), entry.code.reveal().replace("-", "")]
    if entry.password is not None:
        hidden.append(entry.password.reveal())
    sentence = sentence[:20_000]
    for text in (*hidden, entry.username):
        for form in _forms(text):
            sentence = re.sub(re.escape(form), "…", sentence, flags=re.IGNORECASE)
    sentence = _PART_OF_A_TOKEN.sub("…", sentence)
    return "".join(c if c.isprintable() else " " for c in sentence)[:500]


_PART_OF_A_TOKEN: Final = re.compile(r"[0-9a-f]{32,}", re.IGNORECASE)
"""Longer than an id, so that ids stay readable."""


def _forms(text: str) -> list[str]:
    """Return *text* as itself and as `repr`, JSON and URLs write it, the longest first."""
    forms = {
        text,
        repr(text)[1:-1],
        repr(text.encode("utf-8", "surrogatepass"))[2:-1],
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        quote(text, errors="surrogatepass"),
        quote_plus(text, errors="surrogatepass"),
    }
    return sorted(forms - {""}, key=len, reverse=True)


def _entry(user: User, run: Run, minted: Minted, request: ResetRequest) -> Entry:
    attempt = run.attempts[-1]
    return Entry(
        user_id=user.id,
        username=_goes_to(user, run),
        purpose=run.purpose,
        reason=run.reason,
        token_id=run.id,
        token=minted.token,
        code=minted.code,
        expires_at=attempt.expires_at,
        attempt=attempt.number,
        locale=run.locale,
        password=request.password,
        current_password_valid=request.current_password_valid,
        arguments=request.arguments,
    )


def _goes_to(user: User, run: Run) -> str:
    """The address that *run* is about, as it was typed. Only a run about none – its user had no
    address – names the login instead, which functions know her by."""
    if run.typed is not None:
        return run.typed
    if run.address is not None:  # written before every run kept what was typed
        known = (a.typed for a in user.addresses if a.canonical == run.address)
        return next(known, run.address)
    return next((i.login_key for i in user.identities if i.login_key is not None), "")
