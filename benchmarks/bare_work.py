"""The bare work of the engine's operations: the yardstick that `engine_overhead.py` divides by.

The smallest honest program that does the design's work with the design's record: attrs records
(a user with addresses, identities, runs and their attempts), plain code between them and JSON
objects, one shared Machine, five plugins with a hook before and after, a token and a typed code
with their digests, HS256 tokens by PyJWT. One commit a change, under a lock: the user compared by
version, her keys and labels (sorted, for they are paged), an event that continues her chain, with
the salted digest of its detail, found by its id and by its user. No validation, policy, settings,
logging or error handling; a flow is nothing at all, and its answer is written without reading
again.

Nothing in it is slower than a programmer would write it who knows these libraries: what a general
converter costs (`attrs.asdict`: 16 to 25 µs of each commit) would flatter the engine.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
import time
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import jwt
import pluggy
from attrs import evolve, frozen
from transitions import Machine

KEY = secrets.token_bytes(32)
_MACHINE = Machine(
    None,
    ["pending", "confirmed", "deleted"],
    initial="pending",
    transitions=[
        ["confirm", "pending", "confirmed"],
        ["rerun", "pending", "pending"],
        ["delete", ["pending", "confirmed"], "deleted"],
    ],
    auto_transitions=False,
)
_canonical_json = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_SPEC, _IMPL = pluggy.HookspecMarker("bare"), pluggy.HookimplMarker("bare")


@frozen
class Address:
    typed: str
    canonical: str
    proved_at: int | None
    proved_by: str | None


@frozen
class Identity:
    provider: str
    id: str
    login_key: str
    data: Mapping[str, str]
    private: Mapping[str, str]
    added_at: int


@frozen
class Attempt:
    number: int
    started_at: int
    leased_until: int
    expires_at: int
    token_digest: str
    code_digest: str
    dispatched_at: int | None
    error: str | None


@frozen
class Run:
    id: str
    purpose: str
    flow: str
    address: str
    reason: str
    created_at: int
    result: str | None
    attempts: tuple[Attempt, ...]


@frozen
class User:
    id: str
    state: str
    disabled: bool
    version: int
    created_at: int
    confirmed_at: int | None
    last_seen_at: int | None
    epoch: int
    last_event: str
    addresses: tuple[Address, ...]
    identities: tuple[Identity, ...]
    runs: tuple[Run, ...]


class _Hooks:
    @_SPEC
    def before(self, user: User) -> None: ...

    @_SPEC
    def after(self, user: User) -> None: ...


class _Plugin:
    @_IMPL
    def before(self, user: User) -> None:
        return None

    @_IMPL
    def after(self, user: User) -> None:
        return None


class _Model:
    __slots__ = ("state",)

    def __init__(self, state: str) -> None:
        self.state = state


def _now() -> int:
    return int(time.time() * 1000)


def _id() -> str:
    return f"{int(time.time()):08x}{secrets.token_hex(8)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _move(state: str, trigger: str) -> str:
    model = _Model(state)
    _MACHINE.events[trigger].trigger(model)
    return model.state


def _structure(body: Mapping[str, Any]) -> User:
    return User(
        **{
            **body,
            "addresses": tuple(Address(**a) for a in body["addresses"]),
            "identities": tuple(Identity(**i) for i in body["identities"]),
            "runs": tuple(
                Run(**{**run, "attempts": tuple(Attempt(**a) for a in run["attempts"])})
                for run in body["runs"]
            ),
        }
    )


def _unstructure(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "state": user.state,
        "disabled": user.disabled,
        "version": user.version,
        "created_at": user.created_at,
        "confirmed_at": user.confirmed_at,
        "last_seen_at": user.last_seen_at,
        "epoch": user.epoch,
        "last_event": user.last_event,
        "addresses": [
            {
                "typed": address.typed,
                "canonical": address.canonical,
                "proved_at": address.proved_at,
                "proved_by": address.proved_by,
            }
            for address in user.addresses
        ],
        "identities": [
            {
                "provider": identity.provider,
                "id": identity.id,
                "login_key": identity.login_key,
                "data": identity.data,
                "private": identity.private,
                "added_at": identity.added_at,
            }
            for identity in user.identities
        ],
        "runs": [
            {
                "id": run.id,
                "purpose": run.purpose,
                "flow": run.flow,
                "address": run.address,
                "reason": run.reason,
                "created_at": run.created_at,
                "result": run.result,
                "attempts": [
                    {
                        "number": attempt.number,
                        "started_at": attempt.started_at,
                        "leased_until": attempt.leased_until,
                        "expires_at": attempt.expires_at,
                        "token_digest": attempt.token_digest,
                        "code_digest": attempt.code_digest,
                        "dispatched_at": attempt.dispatched_at,
                        "error": attempt.error,
                    }
                    for attempt in run.attempts
                ],
            }
            for run in user.runs
        ],
    }


def _labels(user: User) -> list[tuple[str, Any]]:
    created = user.created_at
    labels: list[tuple[str, Any]] = [("all", created), (user.state, created)]
    labels += [(f"provider/{identity.provider}", created) for identity in user.identities]
    labels += [("address", address.canonical) for address in user.addresses]
    for run in user.runs:
        if run.result is None and run.attempts[-1].dispatched_at is None:
            labels.append(("due", run.attempts[-1].leased_until))
    return labels


class BareWork:
    """register, rerun, confirm, log in and check, straight against dictionaries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: dict[str, dict[str, Any]] = {}
        self._labels: dict[str, list[tuple[str, Any]]] = {}
        self._pages: dict[str, list[tuple[Any, str]]] = defaultdict(list)
        self._keys: dict[str, str] = {}
        self._events: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {}
        self._histories: dict[str, list[str]] = defaultdict(list)
        self._sessions: dict[str, dict[str, Any]] = {}
        manager = pluggy.PluginManager("bare")
        manager.add_hookspecs(_Hooks)
        for _ in range(5):
            manager.register(_Plugin())
        self._hook = manager.hook

    def _commit(
        self,
        user: User,
        trigger: str,
        state: str | None,
        run: str | None,
        *,
        key: str | None = None,
        session: tuple[str, dict[str, Any]] | None = None,
        detail: dict[str, Any] | None = None,
    ) -> User:
        event_id = _id()
        event = {
            "id": event_id,
            "at": _now(),
            "trigger": trigger,
            "actor": ["application", None],
            "user": user.id,
            "version": user.version + 1,
            "from": state,
            "to": user.state,
            "run": run,
            "previous": user.last_event,
        }
        if detail is not None:
            detail["salt"] = secrets.token_hex(16)
            event["detail_digest"] = _digest(_canonical_json(detail))
        new = evolve(user, version=user.version + 1, last_event=_digest(_canonical_json(event)))
        body, labels = _unstructure(new), _labels(new)
        with self._lock:
            old = self._users.get(user.id)
            assert (0 if old is None else old["version"]) == user.version
            if key is not None:
                assert key not in self._keys
                self._keys[key] = user.id
            if session is not None:
                self._sessions[session[0]] = session[1]
            self._list(user.id, labels)
            self._users[user.id] = body
            self._events[event_id] = event, detail
            self._histories[user.id].append(event_id)
        return new

    def _list(self, user_id: str, labels: list[tuple[str, Any]]) -> None:
        before = self._labels.get(user_id, [])
        self._labels[user_id] = labels
        for name, order in before:
            if (name, order) not in labels:
                page = self._pages[name]
                del page[bisect_left(page, (order, user_id))]
        for name, order in labels:
            if (name, order) not in before:
                insort(self._pages[name], (order, user_id))

    def _run(self, user: str, email: str, reason: str) -> tuple[str, Run]:
        token, run_id, now = user + secrets.token_hex(52), _id(), _now()
        code = secrets.token_hex(5)
        attempt = Attempt(
            1,
            now,
            now + 60_000,
            now + 1_800_000,
            _digest(token),
            hmac.new(KEY, f"{run_id}:{code}".encode(), "sha256").hexdigest(),
            None,
            None,
        )
        return token, Run(run_id, "confirm", "email", email, reason, now, None, (attempt,))

    def _sent(self, user: User) -> User:
        run = user.runs[-1]
        attempt = evolve(run.attempts[-1], dispatched_at=_now())
        user = evolve(user, runs=(*user.runs[:-1], evolve(run, attempts=(attempt,))))
        return self._commit(user, "dispatched", None, run.id)

    def register(self, email: str) -> tuple[str, str]:
        now = _now()
        identity = Identity("local-userpass", _id(), email, {"email": email}, {}, now)
        user = User(
            _id(), "pending", False, 0, now, None, None, 0, "",
            (Address(email, email, None, None),), (identity,), (),
        )  # fmt: skip
        self._hook.before(user=user)
        token, run = self._run(user.id, email, "register")
        user = evolve(user, runs=(run,))
        user = self._commit(
            user,
            "register",
            None,
            run.id,
            key="local-userpass:" + email,
            detail={"address": email},
        )
        self._hook.after(user=self._sent(user))
        return user.id, token

    def rerun(self, user_id: str) -> str:
        user = _structure(self._users[user_id])
        self._hook.before(user=user)
        token, run = self._run(user.id, user.addresses[0].canonical, "rerun")
        elders = tuple(evolve(elder, result="superseded") for elder in user.runs)
        begun = evolve(user, state=_move(user.state, "rerun"), runs=(*elders, run))
        self._hook.after(user=self._sent(self._commit(begun, "rerun", user.state, run.id)))
        return token

    def confirm(self, user_id: str, token: str) -> User:
        user = _structure(self._users[user_id])
        run = user.runs[-1]
        assert hmac.compare_digest(run.attempts[-1].token_digest, _digest(token))
        self._hook.before(user=user)
        confirmed = evolve(
            user,
            state=_move(user.state, "confirm"),
            confirmed_at=_now(),
            runs=(*user.runs[:-1], evolve(run, result="success")),
        )
        confirmed = self._commit(confirmed, "confirm", user.state, run.id)
        self._hook.after(user=confirmed)
        return confirmed

    def log_in(self, email: str) -> str:
        user = _structure(self._users[self._keys["local-userpass:" + email]])
        assert user.state == "confirmed"
        self._hook.before(user=user)
        now, session = int(time.time()), _id()
        refresh = jwt.encode(
            {"typ": "refresh", "sub": user.id, "sid": session, "exp": now + 5_184_000}, KEY
        )
        seen = self._commit(
            evolve(user, last_seen_at=_now()),
            "log-in",
            None,
            None,
            session=(session, {"user": user.id, "digest": _digest(refresh), "created": _now()}),
        )
        self._hook.after(user=seen)
        return jwt.encode(
            {"typ": "access", "sub": user.id, "sid": session, "iat": now, "exp": now + 1800}, KEY
        )

    def check(self, token: str) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(token, KEY, ["HS256"])
        user, session = self._users[claims["sub"]], self._sessions[claims["sid"]]
        assert session["user"] == claims["sub"]
        assert not user["disabled"]
        assert user["state"] == "confirmed"
        return claims
