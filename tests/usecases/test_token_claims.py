"""Claims that plugins add to access tokens: beside the engine's own, never in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pytest
from ada import log_in, made

from admit import Engine, Services, Session, User, hookimpl
from admit.claims import TokenClaims
from admit.errors import PluginClash, PluginFailed
from admit.testing import MemoryStore
from admit.testing import open as open_engine


class Adds:
    """A plugin whose claims are what it was told last."""

    inline = True

    def __init__(self, claims: Any, name: str = "adds") -> None:
        self.name, self.answer = name, claims

    @hookimpl
    def register_claims(self) -> Iterable[TokenClaims]:
        return [self]

    def claims(self, user: User, session: Session, services: Services) -> Mapping[str, object]:
        if isinstance(self.answer, Exception):
            raise self.answer
        found: Mapping[str, object] = self.answer
        return found


Opens = Callable[..., Engine]


@pytest.fixture
def open_with(store: MemoryStore) -> Iterator[Opens]:
    """Opens an engine with these plugins, in which Ada is confirmed."""
    opened = []

    def opens(*plugins: Adds) -> Engine:
        opened.append(open_engine(store, plugins=plugins))
        made(opened[-1])
        return opened[-1]

    yield opens
    for engine in opened:
        engine.close()


@pytest.mark.parametrize(
    "name", ["typ", "sub", "sid", "auth_time", "iss", "aud", "exp", "nbf", "iat", "jti"]
)
def test_no_plugin_replaces_a_claim_of_the_engine(open_with: Opens, name: str) -> None:
    """Given a plugin that says whose a token is, until when, or what it is for, when somebody logs
    in, then the plugin is named, and no session was made."""
    engine = open_with(Adds({name: "other"}))

    with pytest.raises(PluginFailed, match=name) as failed:
        log_in(engine)

    assert "Adds" == failed.value.plugin
    assert () == engine.sessions.of(address="ada@example.com")


@pytest.mark.parametrize(
    "answer",
    [None, [], {1: "a"}, {"": 1}, {"when": object()}, {"nan": float("nan")}, {"a": "x" * 6200}],
    ids=["none", "a list", "a number", "nameless", "no JSON", "no number", "too long"],
)
def test_nonsense_is_named_and_logs_nobody_in(open_with: Opens, answer: Any) -> None:
    """Given a plugin that answers what is no claims, then no session is made."""
    engine = open_with(Adds(answer))

    with pytest.raises(PluginFailed, match="claims"):
        log_in(engine)

    assert () == engine.sessions.of(address="ada@example.com")


def test_a_plugin_that_raises_refreshes_nothing(open_with: Opens) -> None:
    """Given a plugin that fails for a while, when a rotating session is refreshed, then its token
    is the same afterwards, and good."""
    plugin = Adds({})
    engine = open_with(plugin)
    engine.settings.set("refresh_token_rotation", True)
    login = log_in(engine)
    plugin.answer = ValueError("a secret")

    with pytest.raises(PluginFailed) as failed:
        engine.refresh(login.refresh_token)
    assert "a secret" not in str(failed.value)

    plugin.answer = {}
    assert login.session.id == engine.refresh(login.refresh_token).session.id


def test_two_plugins_do_not_say_the_same(open_with: Opens) -> None:
    """Given two plugins with the same claim, then the second is named; with the same name, the
    engine does not open."""
    engine = open_with(Adds({"role": "admin"}, "one"), Adds({"role": "guest"}, "two"))

    with pytest.raises(PluginFailed, match="role"):
        log_in(engine)
    with pytest.raises(PluginClash):
        open_engine(plugins=[Adds({}, "one"), Adds({}, "one")])


def test_claims_of_several_plugins_stand_side_by_side(open_with: Opens) -> None:
    """Given two plugins, then a token has the claims of both, nested ones too."""
    engine = open_with(Adds({"role": ["admin", "editor"]}, "one"), Adds({"shop": {"id": 7}}, "two"))

    claims = engine.verify(log_in(engine).access_token).claims

    assert (["admin", "editor"], {"id": 7}) == (claims["role"], claims["shop"])


def test_what_offers_claims_must_have_them() -> None:
    """Given an object without the method, then the engine does not open."""

    class Empty:
        name = "empty"

        @hookimpl
        def register_claims(self) -> Iterable[Any]:
            return [self]

    with pytest.raises(PluginFailed, match="claims"):
        open_engine(plugins=[Empty()])
