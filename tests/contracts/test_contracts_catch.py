"""The contracts of plugins fail those who break them, by the tests that are meant for it."""

from __future__ import annotations

import pytest
from contract_runs import failed_tests

FAULTY = """
import logging
import pytest

import admit
from admit.errors import InvalidInput, WrongCredentials
from admit.testing.contracts import FlowContract, ProviderContract

PASSWORD = "correct horse battery staple"


class Flow:
    name = "faulty"

    @admit.hookimpl
    def register_confirmation_flows(self):
        return [self]

    def begin(self, entry, services):
        return admit.Outcome.pending()


class Talking(Flow):
    def begin(self, entry, services):
        logging.getLogger("talking").debug("sending %s", entry.token.reveal())
        return admit.Outcome.pending()


class TestTalking(FlowContract):
    flow, plugins, lacks = "faulty", (Talking(),), frozenset({"failure"})


class Once(Flow):
    def __init__(self):
        self.users = set()

    def begin(self, entry, services):
        if entry.user_id in self.users:
            raise RuntimeError("was here already")
        self.users.add(entry.user_id)
        return admit.Outcome.pending()


class TestOnce(FlowContract):
    flow, plugins, lacks = "faulty", (Once(),), frozenset({"failure"})


class Unchecked(Flow):
    @admit.hookimpl
    def register_settings(self):
        return {}


class TestUnchecked(FlowContract):
    flow, plugins, lacks = "faulty", (Unchecked(),), frozenset({"failure"})
    needs_settings = frozenset({"transport"})


class TestUndeclared(FlowContract):
    flow, plugins, lacks = "faulty", (Flow(),), frozenset({"failure"})
    sends_messages = True


class Provider:
    name = "faulty"
    inline = True

    @admit.hookimpl
    def register_providers(self):
        return [self]

    def identify(self, credentials, services):
        for field in ("number", "password"):
            if not isinstance(credentials.get(field), str):
                raise InvalidInput(field, "must be text.")
        return admit.Claim(login_key=self.key(credentials["number"]))

    def key(self, number):
        return number.replace(" ", "") or "nobody"

    def check(self, credentials, identity, services):
        hashed = None if identity is None else identity.private["hash"]
        password = admit.Secret(credentials["password"])
        return admit.Check(accepted=services.verify_password(password, hashed))

    def new_identity(self, request, services):
        return admit.NewIdentity(login_key=self.key(request.login))

    def private_data(self, password, services):
        return {"hash": services.hash_password(password)}

    def verify_private(self, password, identity, services):
        hashed = None if identity is None else identity.private["hash"]
        return services.verify_password(password, hashed)


class Registered(ProviderContract):
    provider = "faulty"
    inline = registers = True
    credentials = {"number": "1 2", "password": PASSWORD}
    same_credentials = ({"number": "12", "password": PASSWORD},)
    wrong_credentials = {"number": "12", "password": "incorrect horse"}
    unknown_credentials = {"number": "99", "password": "unknown horse"}
    other_credentials = {"number": "34", "password": "a staple of horses"}
    registration = {"login": "1 2", "password": PASSWORD}
    other_registration = {"login": "34", "password": "a staple of horses"}


class TestFaultless(Registered):
    plugins = (Provider(),)


class Trusting(Provider):
    def identify(self, credentials, services):
        return admit.Claim(login_key=self.key(credentials["number"]))


class TestTrusting(Registered):
    plugins = (Trusting(),)


class Literal(Provider):
    def key(self, number):
        return number or "nobody"


class TestLiteral(Registered):
    plugins = (Literal(),)


class Keeping(Provider):
    def private_data(self, password, services):
        return {**super().private_data(password, services), "hint": password.reveal()}


class TestKeeping(Registered):
    plugins = (Keeping(),)


class Credulous(Provider):
    def verify_private(self, password, identity, services):
        return True


class TestCredulous(Registered):
    plugins = (Credulous(),)


class Quick(Provider):
    known = {"12", "34"}

    def identify(self, credentials, services):
        claim = super().identify(credentials, services)
        if claim.login_key not in self.known:
            raise WrongCredentials
        return claim


class TestQuick(Registered):
    plugins = (Quick(),)


class Remembering(Provider):
    name = "faulty-visitor"
    new_identity = private_data = verify_private = property()  # nobody registers

    def identify(self, credentials, services):
        return admit.Claim(login_key="visitor", proved=True, creates_users=True)


class TestRemembering(ProviderContract):
    provider = "faulty-visitor"
    plugins = (Remembering(),)
    inline = creates_users = proves_itself = always_new = True
    credentials = wrong_credentials = unknown_credentials = other_credentials = {}
"""


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The tests that failed, by the class that inherited them."""
    return failed_tests(tmp_path_factory.mktemp("faulty"), FAULTY)


@pytest.mark.parametrize(
    ("name", "tests"),
    [
        ("TestTalking", {"test_t3_no_raw_token_is_kept_or_logged"}),
        ("TestOnce", {"test_it_can_be_entered_again", "test_an_attempt_can_be_repeated"}),
        ("TestUnchecked", {"test_what_it_needs_is_named_before_anything_is_written"}),
        (
            "TestUndeclared",
            {
                "test_it_is_what_it_declares",
                "test_a_message_can_be_sent_again_if_it_sends_one",
            },
        ),
        (
            "TestTrusting",
            {"test_a_missing_field_is_named", "test_nonsense_is_refused_without_a_failure"},
        ),
        ("TestLiteral", {"test_a_login_spelled_otherwise_leads_to_the_same_user"}),
        ("TestKeeping", {"test_t3_no_secret_is_kept_shown_or_logged"}),
        ("TestCredulous", {"test_its_password_proves_who_she_is"}),
        ("TestQuick", {"test_e4_an_unknown_login_is_refused_at_the_cost_of_a_known_one"}),
        (
            "TestRemembering",
            {
                "test_right_credentials_open_the_door",
                "test_two_people_are_two_users",
                "test_a_login_spelled_otherwise_leads_to_the_same_user",
                "test_many_at_once_make_one_user",
                "test_a_disabled_user_is_told_only_with_right_credentials",
            },
        ),
    ],
)
def test_a_fault_is_found_by_the_test_that_is_meant_for_it(
    failed: dict[str, set[str]], name: str, tests: set[str]
) -> None:
    """
    Given a flow or provider with one fault,
    when it inherits the contract,
    then exactly the tests fail that are about it.
    """
    assert tests == failed[name]


def test_who_has_no_fault_passes(failed: dict[str, set[str]]) -> None:
    """
    Given a provider without a fault,
    when it inherits the contract,
    then no test fails.
    """
    assert "TestFaultless" not in failed
