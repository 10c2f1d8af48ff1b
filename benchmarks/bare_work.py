"""The bare work of the engine's operations: the yardstick that `engine_overhead.py` divides by.

The smallest honest program that does the same work with the same building blocks – attrs records
written by cattrs-free plain code, one shared Machine, five plugins with a hook before and after,
digests, one event a change in the same commit, HS256 tokens by PyJWT's own recipe – and without
validation, policy, settings, logging or error handling.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from typing import Any

import pluggy
from attrs import asdict, evolve, frozen
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
_SPEC, _IMPL = pluggy.HookspecMarker("bare"), pluggy.HookimplMarker("bare")


@frozen
class Identity:
    type: str
    id: str
    data: Mapping[str, str]


@frozen
class Run:
    id: str
    flow: str
    attempt: int
    reason: str
    status: str
    digest: str
    sent: int | None
    expires: int | None
    error: str | None


@frozen
class User:
    id: str
    state: str
    disabled: bool
    version: int
    email: str | None
    created: int
    confirmed: int | None
    last_login: int | None
    password: str
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
    identities = tuple(Identity(**identity) for identity in body["identities"])
    return User(
        **{**body, "identities": identities, "runs": tuple(Run(**run) for run in body["runs"])}
    )


class BareWork:
    """register, confirm, rerun, log in and check, straight against dictionaries."""

    def __init__(self) -> None:
        self._users: dict[str, dict[str, Any]] = {}
        self._keys: dict[str, str] = {}
        self._events: list[dict[str, Any]] = []
        self._sessions: dict[str, dict[str, Any]] = {}
        manager = pluggy.PluginManager("bare")
        manager.add_hookspecs(_Hooks)
        for _ in range(5):
            manager.register(_Plugin())
        self._hook = manager.hook

    def _commit(self, user: User, event: dict[str, Any], key: str | None = None) -> None:
        self._users[user.id] = asdict(user)
        self._events.append(event)
        if key is not None:
            self._keys[key] = user.id

    def _event(
        self, user: User, trigger: str, state: str | None, run: str | None
    ) -> dict[str, Any]:
        return {
            "id": _id(), "user": user.id, "trigger": trigger, "from": state, "to": user.state,
            "at": _now(), "actor": "user", "run": run,
        }  # fmt: skip

    def _run(self, reason: str, attempt: int) -> tuple[str, Run]:
        token, now = secrets.token_urlsafe(32), _now()
        return token, Run(
            _id(), "email", attempt, reason, "sent", _digest(token), now, now + 1_800_000, None
        )

    def register(self, email: str) -> tuple[str, str]:
        identity = Identity("local-userpass", _id(), {"email": email})
        user = User(
            _id(), "pending", False, 1, email, _now(), None, None, "-" * 97, (identity,), ()
        )
        self._hook.before(user=user)
        token, run = self._run("register", 1)
        user = evolve(user, runs=(run,))
        self._commit(user, self._event(user, "register", None, run.id), "email:" + email)
        sent = evolve(user, version=2, runs=(evolve(run, status="sent"),))
        self._commit(sent, self._event(sent, "sent", "pending", run.id))
        self._hook.after(user=sent)
        return user.id, token

    def rerun(self, user_id: str) -> str:
        user = _structure(self._users[user_id])
        self._hook.before(user=user)
        token, run = self._run("rerun", 2)
        state = _move(user.state, "rerun")
        begun = evolve(user, state=state, version=user.version + 1, runs=(*user.runs, run))
        self._commit(begun, self._event(begun, "rerun", user.state, run.id))
        sent = evolve(
            begun, version=begun.version + 1, runs=(*user.runs, evolve(run, status="sent"))
        )
        self._commit(sent, self._event(sent, "sent", "pending", run.id))
        self._hook.after(user=sent)
        return token

    def confirm(self, user_id: str, token: str) -> User:
        user = _structure(self._users[user_id])
        run = user.runs[-1]
        assert hmac.compare_digest(run.digest, _digest(token))
        self._hook.before(user=user)
        confirmed = evolve(
            user,
            state=_move(user.state, "confirm"),
            version=user.version + 1,
            confirmed=_now(),
            runs=(*user.runs[:-1], evolve(run, status="used")),
        )
        self._commit(confirmed, self._event(confirmed, "confirm", user.state, run.id))
        self._hook.after(user=confirmed)
        return confirmed

    def log_in(self, email: str) -> str:
        user = _structure(self._users[self._keys["email:" + email]])
        assert user.state == "confirmed"
        self._hook.before(user=user)
        seen = evolve(user, last_login=_now(), version=user.version + 1)
        refresh, session = secrets.token_urlsafe(32), _id()
        self._commit(seen, self._event(seen, "log_in", user.state, None))
        self._sessions[session] = {"user": user.id, "digest": _digest(refresh), "created": _now()}
        self._hook.after(user=seen)
        now = int(time.time())
        return _sign({"sub": user.id, "sid": session, "iat": now, "exp": now + 1800})

    def check(self, token: str) -> dict[str, Any]:
        claims = _verify(token)
        user = self._users[claims["sub"]]
        assert not user["disabled"]
        assert user["state"] == "confirmed"
        return claims


def _sign(claims: Mapping[str, object]) -> str:
    import jwt

    return jwt.encode(dict(claims), KEY, "HS256")


def _verify(token: str) -> dict[str, Any]:
    import jwt

    return jwt.decode(token, KEY, ["HS256"])
