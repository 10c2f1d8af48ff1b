"""What a provider says of an address proves little, and finds nobody. Rules H5 and O1."""

from __future__ import annotations

import pytest
from honest import OpenOn
from hostile_provider import Hostile

import admit
from admit.testing import SettableClock

PASSWORD = "correct horse battery staple"
UNVERIFIED = [None, False, "false", "true", "True", 1, [True], {"verified": True}]


def come_in(engine: admit.Engine, hostile: Hostile, at: str, /, **claims: object) -> admit.User:
    """Log in with a good token that says this."""
    return engine.log_in(at, id_token=hostile.mint(hostile.claims("n", **claims))).user


def is_proved(user: admit.User) -> bool:
    """Return whether the address that the provider named counts as proved."""
    assert user.address is not None
    assert "ada@example.com" == user.address.canonical
    return user.address.proved_at is not None


@pytest.mark.parametrize("said", UNVERIFIED, ids=repr)
@pytest.mark.parametrize("name", ["oidc", "oauth2-google"])
def test_h5_what_is_not_called_verified_is_not_proved(
    name: str, said: object, hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given a provider whose addresses we trust,
    when it calls one verified in any way but with a plain true,
    then the user is in, and her address is not proved.
    """
    engine = open_on(name, hostile.url, {"trusts_addresses": True}, clock=clock)

    assert not is_proved(come_in(engine, hostile, name, email_verified=said))


@pytest.mark.parametrize(
    ("name", "trusts", "proved"),
    [
        ("oidc", None, False),
        ("oidc", True, True),
        ("oauth2-google", None, True),
        ("oauth2-google", False, False),
        ("oauth2-apple", None, True),
        ("oauth2-apple", False, False),
    ],
)
def test_h5_trust_is_of_each_provider_and_explicit(
    name: str,
    trusts: bool | None,
    proved: bool,
    hostile: Hostile,
    open_on: OpenOn,
    clock: SettableClock,
) -> None:
    """
    Given a provider that calls an address verified,
    when its setting, or what is known of it, says that this is to be trusted,
    then the address is proved; else it is not. Any provider of anybody's is not trusted.
    """
    changed = {} if trusts is None else {"trusts_addresses": trusts}
    engine = open_on(name, hostile.url, {"client_id": "the-client", **changed}, clock=clock)

    assert proved == is_proved(come_in(engine, hostile, name))


def test_h5_auto_confirmation_makes_no_proof_of_it(
    hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given an application that confirms everybody at once,
    when a provider that is not trusted calls an address verified,
    then it is not proved.
    """
    engine = open_on("oidc", hostile.url, clock=clock)
    engine.settings.set("confirmation_flow", "auto")

    assert not is_proved(come_in(engine, hostile, "oidc"))


@pytest.mark.parametrize("name", ["oidc", "oauth2-google", "oauth2-apple"])
def test_o1_an_address_finds_nobody(
    name: str, hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given Ada, who registered with her address and a password,
    when a trusted provider names that address, verified,
    then that is another user: she is as she was, and her password opens only her own account.
    """
    settings = {"client_id": "the-client", "trusts_addresses": True}
    engine = open_on(name, hostile.url, settings, clock=clock)
    engine.settings.set("confirmation_flow", "auto")
    ada = engine.register("ada@example.com", PASSWORD)

    other = come_in(engine, hostile, name)

    assert ada.id != other.id
    assert [name] == [identity.provider for identity in other.identities]
    by_password = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    assert ada.id == by_password.user.id


def test_o1_who_takes_over_an_address_there_is_not_who_had_it(
    hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given Ada, whom a provider knows by a subject and an address,
    when it gives that address to a new subject,
    then that is somebody else; and Ada with a new address is still Ada.
    """
    engine = open_on("oauth2-google", hostile.url, clock=clock)
    ada = come_in(engine, hostile, "oauth2-google")

    heir = come_in(engine, hostile, "oauth2-google", sub="the-heir")
    moved = come_in(engine, hostile, "oauth2-google", email="countess@example.com")

    assert heir.id != ada.id == moved.id
    assert "countess@example.com" == moved.identities[0].data["email"]


@pytest.mark.parametrize("said", ["no address", "", 7, "a@b\n.example", "x" * 5000, "\ud800@a.bc"])
def test_what_is_no_address_is_left_out(
    said: object, hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given a provider that says anything for an address,
    when she comes in,
    then she is in, without one.
    """
    engine = open_on("oidc", hostile.url, {"trusts_addresses": True}, clock=clock)

    assert come_in(engine, hostile, "oidc", email=said).address is None


def test_data_that_cannot_be_kept_or_shown_is_left_out(
    hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given a provider that says a name with a control character, one that is too long, and a list,
    when she comes in,
    then only what is a plain text is kept; nothing besides the known claims is.
    """
    engine = open_on("oidc", hostile.url, clock=clock)

    user = come_in(
        engine,
        hostile,
        "oidc",
        name="Ada\x1b[31m",
        picture="x" * 5000,
        given_name=["Ada"],
        family_name="Lovelace",
        password="not a claim that anybody keeps",
    )

    assert {"email": "ada@example.com", "last_name": "Lovelace"} == user.identities[0].data


def test_the_gate_rules_each_of_them(
    hostile: Hostile, open_on: OpenOn, clock: SettableClock
) -> None:
    """
    Given a provider whose settings let in one domain, verified, and keep one field,
    when users come by token and through the browser,
    then the gate asks for both ways, and the field alone is kept.
    """
    engine = open_on("oauth2-google", hostile.url, clock=clock)
    engine.settings.set("oauth2-google.allowed_domains", ("example.com",))
    engine.settings.set("oauth2-google.metadata_fields", ("name",))

    user = come_in(engine, hostile, "oauth2-google", name="Ada")
    with pytest.raises(admit.errors.DomainRefused):
        come_in(engine, hostile, "oauth2-google", sub="two", email="eve@example.net")
    with pytest.raises(admit.errors.DomainRefused):
        come_in(engine, hostile, "oauth2-google", sub="three", email_verified=False)
    disabled = open_on("oauth2-google", hostile.url, {"enabled": False}, clock=clock)
    with pytest.raises(admit.errors.ProviderDisabled):
        disabled.redirects.begin("oauth2-google")

    assert {"name": "Ada"} == user.identities[0].data
