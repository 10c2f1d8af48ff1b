"""Without the extra, everything else works, and what needs it says so."""

from __future__ import annotations

import sys

import pytest
from honest import OpenOn
from hostile_provider import Hostile
from plugin_services import Probe

from admit.errors import MissingExtra
from admit.masked import Secret
from admit.testing import SettableClock


@pytest.mark.parametrize("name", ["oidc", "oauth2-google", "oauth2-apple"])
def test_without_a_jose_library_a_log_in_names_the_extra(
    name: str, hostile: Hostile, open_on: OpenOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Given an installation without joserfc,
    when an engine opens, it does; when somebody comes in by such a provider, or is to be sent
    there, the extra is named.
    """
    monkeypatch.setitem(sys.modules, "joserfc", None)
    engine = open_on(name, hostile.url)

    with pytest.raises(MissingExtra, match=r"admit\[oidc\]"):
        engine.log_in(name, id_token="e30.e30.e30")
    with pytest.raises(MissingExtra):
        engine.redirects.begin(name)
    assert engine.users.count() == 0


def test_without_cryptography_nothing_is_sealed(
    hostile: Hostile, open_on: OpenOn, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Given an installation without cryptography,
    when a plugin wants to keep a secret,
    then the extra is named, and nothing is kept in the clear instead.
    """
    probe = Probe()
    engine = open_on("oidc", hostile.url, clock=clock, plugins=(probe,))
    engine.settings.set("confirmation_flow", "probe")
    engine.register("probe@example.com", "correct horse battery staple")
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)

    assert probe.services is not None
    with pytest.raises(MissingExtra, match="cryptography"):
        probe.services.seal(Secret("a refresh token"), about="hers")
