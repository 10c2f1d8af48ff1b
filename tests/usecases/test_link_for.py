"""Link for whoever holds an access token, without a fresh log-in: what a front door may allow."""

from __future__ import annotations

from datetime import timedelta

import pytest

from admit import Engine
from admit.errors import SessionInvalid, UnknownName
from admit.testing import SettableClock
from admit.testing import open as open_engine

ADDRESS = "ada@example.com"
PASSWORD = "correct horse battery staple"


def test_h2_her_session_goes_on_though_her_log_in_is_old() -> None:
    """Given an anonymous user of yesterday, when she links a registration that proved its address,
    then her session goes on, by both its tokens."""
    clock = SettableClock()
    with open_engine(clock=clock, settings={"anon-user.enabled": True}) as engine:
        login = engine.log_in("anon-user")
        engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
        clock.advance(timedelta(days=1))
        access = engine.refresh(login.refresh_token).access_token

        linked = engine.identities.link_for(
            access, "local-userpass", username=ADDRESS, password=PASSWORD
        )

        assert login.user.id == linked.id
        assert ["anon-user", "local-userpass"] == [i.provider for i in linked.identities]
        assert linked.id == engine.verify(access).user_id
        assert login.session.id == engine.refresh(login.refresh_token).session.id


def test_a_token_that_opens_nothing_links_nothing() -> None:
    """Given a session that ended, when its access token asks, then it is refused."""
    with open_engine(settings={"anon-user.enabled": True}) as engine:
        login = engine.log_in("anon-user")
        engine.log_out(login.refresh_token)

        with pytest.raises(SessionInvalid):
            engine.identities.link_for(login.access_token, "local-userpass")


def test_n6_a_function_is_found_by_the_name_it_was_registered_under() -> None:
    """Given registered callables, a name gives one, and any other name says which there are."""

    def greet() -> str:
        return "hello"

    engine: Engine
    with open_engine(functions={"greet": greet}) as engine:
        assert "hello" == engine.function("greet")()
        with pytest.raises(UnknownName, match="greet"):
            engine.function("os.system")
