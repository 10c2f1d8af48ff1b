"""The provider `local-userpass`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import pytest

from admit.addresses import canonical
from admit.errors import InvalidAddress, InvalidInput, PasswordRefused, TryLater
from admit.masked import Secret
from admit.plugins.password import NOBODY, LocalUserpass, register_providers
from admit.providers import Check, Claim, NewIdentity, RegistrationRequest
from admit.records import Identity
from admit.services import Services

PASSWORD = "correct horse battery staple"
HASH = PASSWORD[::-1]


class Hashing:
    """The part of `admit.services.Services` that a provider needs; a hash is the reversed text."""

    def __init__(self) -> None:
        self.hashed: list[str] = []
        self.verified: list[str | None] = []
        self.outdated = False
        self.full = False

    def hash_password(self, password: Secret) -> str:
        if self.full:
            raise TryLater("too many passwords are being hashed")
        self.hashed.append(password.reveal())
        return password.reveal()[::-1]

    def verify_password(self, password: Secret, hashed: str | None) -> bool:
        self.verified.append(hashed)
        return hashed is not None and password.reveal()[::-1] == hashed

    def needs_rehash(self, hashed: str | None) -> bool:
        return self.outdated


@pytest.fixture
def provider() -> LocalUserpass:
    (provider,) = register_providers()
    assert isinstance(provider, LocalUserpass)
    return provider


@pytest.fixture
def hashing() -> Hashing:
    return Hashing()


@pytest.fixture
def services(hashing: Hashing) -> Services:
    return cast(Services, hashing)  # a provider needs no more of them


@pytest.fixture
def identity() -> Identity:
    return Identity(
        provider="local-userpass",
        id="64f0cc64f0cc64f0cc64f0cc",
        login_key="ada@example.com",
        private={"hash": HASH, "password_set_by": "admin"},
        added_at=datetime(2026, 3, 4, tzinfo=UTC),
    )


def test_the_canonical_address_leads_to_the_user(
    provider: LocalUserpass, services: Services
) -> None:
    """
    Given an address in capitals,
    when somebody logs in with it,
    then the claim is to the canonical form, and proves nothing yet.
    """
    claim = provider.identify({"username": "ADA@Example.COM", "password": "x"}, services)

    assert Claim(login_key="ada@example.com") == claim
    assert not claim.proved


@pytest.mark.parametrize(
    "username", ["", "ada", "ada@", "@", "ada@localhost", "a b@example.com", "\ud800@example.com"]
)
def test_e1_a_malformed_address_claims_to_be_nobody(
    provider: LocalUserpass, services: Services, username: str
) -> None:
    """
    Given a text that is no address,
    when somebody logs in with it,
    then that is a claim like any other, to a key that no address can have.
    """
    claim = provider.identify({"username": username, "password": "x"}, services)

    assert Claim(login_key=NOBODY) == claim
    with pytest.raises(InvalidAddress):
        canonical(NOBODY)


@pytest.mark.parametrize(
    ("credentials", "field"),
    [
        ({}, "username"),
        ({"username": "ada@example.com"}, "password"),
        ({"username": None, "password": "x"}, "username"),
        ({"username": 7, "password": "x"}, "username"),
        ({"username": ["ada@example.com"], "password": "x"}, "username"),
        ({"username": "ada@example.com", "password": None}, "password"),
        ({"username": "ada@example.com", "password": 12345678}, "password"),
        ({"username": "ada@example.com", "password": b"x"}, "password"),
        ({"username": "ada@example.com", "password": "sesame \ud83d"}, "password"),
        ({"username": "nobody", "password": "sesame \udc00"}, "password"),
    ],
)
def test_a_field_that_is_missing_or_no_text_is_named(
    provider: LocalUserpass, services: Services, credentials: dict[str, object], field: str
) -> None:
    """
    Given credentials with something missing or of another type,
    when somebody logs in with them,
    then the field is named, and the value is not quoted.
    """
    with pytest.raises(InvalidInput) as raised:
        provider.identify(credentials, services)

    assert field == raised.value.field
    assert "12345678" not in str(raised.value)
    assert "sesame" not in str(raised.value)


@pytest.mark.parametrize("password", [PASSWORD, Secret(PASSWORD)])
def test_the_right_password_is_accepted(
    provider: LocalUserpass, services: Services, identity: Identity, password: Secret
) -> None:
    """
    Given an identity with a hash,
    when the right password is given, as text or as a secret,
    then it is accepted, and nothing has to be written.
    """
    assert Check(accepted=True) == provider.check({"password": password}, identity, services)


def test_the_wrong_password_is_refused(
    provider: LocalUserpass, services: Services, hashing: Hashing, identity: Identity
) -> None:
    """
    Given an identity with a hash that is out of date,
    when a wrong password is given,
    then it is refused, and nothing is hashed again.
    """
    hashing.outdated = True

    assert Check(accepted=False) == provider.check({"password": "wrong"}, identity, services)
    assert [] == hashing.hashed


def test_e4_nobody_costs_as_much_as_somebody(
    provider: LocalUserpass, services: Services, hashing: Hashing, identity: Identity
) -> None:
    """
    Given nobody's identity, or one that has no password,
    when a password is checked,
    then one verification is made all the same, and it refuses.
    """
    without = Identity(provider="local-userpass", id="1", added_at=identity.added_at)

    for somebody in (None, without):
        assert Check(accepted=False) == provider.check({"password": "x"}, somebody, services)

    assert [None, None] == hashing.verified


def test_p3_a_hash_of_other_parameters_is_renewed_at_log_in(
    provider: LocalUserpass, services: Services, hashing: Hashing, identity: Identity
) -> None:
    """
    Given a hash made with other parameters than today's,
    when the right password is given,
    then there is a new hash to keep, and the other private data stays.
    """
    hashing.outdated = True

    check = provider.check({"password": PASSWORD}, identity, services)

    assert Check(accepted=True, private={"hash": HASH, "password_set_by": "admin"}) == check
    assert [PASSWORD] == hashing.hashed


def test_p4_a_full_queue_does_not_spoil_a_right_log_in(
    provider: LocalUserpass, services: Services, hashing: Hashing, identity: Identity
) -> None:
    """
    Given a hash that is out of date, and no room to make a new one,
    when the right password is given,
    then it is accepted; the hash waits for another log-in.
    """
    hashing.outdated = hashing.full = True

    assert Check(accepted=True) == provider.check({"password": PASSWORD}, identity, services)


def test_a_registration_becomes_an_identity(provider: LocalUserpass, services: Services) -> None:
    """
    Given a registration with an address in capitals and data of its own,
    when the provider validates it,
    then the key is canonical, messages go to what was typed, and clients see it as `email`.
    """
    request = RegistrationRequest(
        login="Ada@Example.com", password=Secret(PASSWORD), data={"name": "Ada", "email": "x"}
    )

    assert (
        NewIdentity(
            login_key="ada@example.com",
            address="Ada@Example.com",
            data={"name": "Ada", "email": "Ada@Example.com"},
        )
        == provider.new_identity(request, services)
    )  # fmt: skip


def test_t9_a_malformed_address_is_no_registration(
    provider: LocalUserpass, services: Services
) -> None:
    """
    Given an address with full-width letters,
    when it would be registered,
    then it is refused.
    """
    request = RegistrationRequest(login="\uff41da@example.com", password=Secret(PASSWORD))

    with pytest.raises(InvalidAddress):
        provider.new_identity(request, services)


def test_a_new_password_needs_whole_characters(provider: LocalUserpass, services: Services) -> None:
    """
    Given a registration whose password has half a character in it,
    when the provider validates it,
    then the password is refused.
    """
    request = RegistrationRequest(
        login="ada@example.com", password=Secret("half \ud83d of an emoji")
    )

    with pytest.raises(PasswordRefused) as raised:
        provider.new_identity(request, services)

    assert "password" == raised.value.field


def test_p6_a_user_may_be_made_without_a_password(
    provider: LocalUserpass, services: Services
) -> None:
    """
    Given an admin who makes a user and leaves the password to its owner,
    when the provider validates it,
    then that is an identity without a password; a reset gives it one.
    """
    asked = provider.new_identity(RegistrationRequest(login="ada@example.com"), services)

    assert "ada@example.com" == asked.login_key


def test_a_password_is_kept_as_a_hash_only(provider: LocalUserpass, services: Services) -> None:
    """
    Given a password that was accepted,
    when the provider says what to keep,
    then it is the hash; half a character is refused here as well, for resets come this way.
    """
    assert {"hash": HASH} == provider.private_data(Secret(PASSWORD), services)
    with pytest.raises(PasswordRefused):
        provider.private_data(Secret("\udfff"), services)


def test_the_provider_does_no_io(provider: LocalUserpass) -> None:
    """
    Given the provider,
    when the engine looks at it,
    then it runs on the caller's thread.
    """
    assert ("local-userpass", True) == (provider.name, provider.inline)
