"""The provider `anon-user`: somebody new each time."""

from __future__ import annotations

import re

import pytest

from admit.errors import NewUsersRefused, ProviderDisabled
from admit.testing import open as open_engine


def test_nobody_is_let_in_anonymously_unless_the_application_says_so() -> None:
    """It makes a user of every stranger who asks: that is off until it is turned on."""
    with open_engine() as engine, pytest.raises(ProviderDisabled):
        engine.log_in("anon-user")


def test_each_log_in_makes_somebody_new() -> None:
    """
    Given the provider is enabled,
    when two people come, then each is a confirmed user with an id that existing clients know, and
    nothing is known of either (wire-contract.md §2).
    """
    with open_engine(settings={"anon-user.enabled": True}) as engine:
        first, second = engine.log_in("anon-user").user, engine.log_in("anon-user").user

        assert first.id != second.id
        for user in (first, second):
            (identity,) = user.identities
            assert "confirmed" == user.state
            assert re.fullmatch(r"[0-9a-f]{24}-[a-z]{24}", identity.id)
            assert ({}, ()) == (identity.data, user.addresses)


def test_who_came_anonymously_comes_back_with_the_session_alone() -> None:
    """
    Given an anonymous user,
    when her identity's id is given as a credential, then that opens nothing: somebody new is made.
    """
    with open_engine(settings={"anon-user.enabled": True}) as engine:
        login = engine.log_in("anon-user")
        (identity,) = login.user.identities

        again = engine.refresh(login.refresh_token)
        other = engine.log_in("anon-user", id=identity.id, login_key=identity.login_key)

        assert login.user.id == again.user.id
        assert login.user.id != other.user.id


def test_no_new_users_closes_the_door() -> None:
    """Everybody is new here, so nobody comes in."""
    settings = {"anon-user.enabled": True, "anon-user.allow_new_users": False}
    with open_engine(settings=settings) as engine, pytest.raises(NewUsersRefused):
        engine.log_in("anon-user")
