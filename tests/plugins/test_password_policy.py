"""The built-in `before_password` hook."""

from __future__ import annotations

import importlib.resources

import pytest

from admit.plugins.password_policy import before_password

COMMON = "is one of the commonest passwords."
OWN = "is the address, or its part before the @."


@pytest.mark.parametrize(
    "password",
    ["password", "PASSWORD", "Password1", "12345678", "qwertyuiop", "iloveyou", "\uff50assword"],
)
def test_p2_the_commonest_passwords_are_refused(password: str) -> None:
    """
    Given a password that guessers try first, in capitals or full-width letters too,
    when it is about to be set,
    then it is refused, with the rule.
    """
    assert COMMON == before_password(password, None)


@pytest.mark.parametrize(
    "password", ["ada.lovelace@example.com", "ADA.Lovelace@Example.com", "Ada.Lovelace"]
)
def test_p2_the_address_is_no_password(password: str) -> None:
    """
    Given the user's address or its local part, in capitals or not,
    when it is about to be set as the password,
    then it is refused, with the rule.
    """
    assert OWN == before_password(password, "Ada.Lovelace@example.com")


@pytest.mark.parametrize("address", [None, "ada@example.com"])
@pytest.mark.parametrize("password", ["correct horse battery staple", "ada@example.org", "Привет!"])
def test_p1_any_other_password_passes(password: str, address: str | None) -> None:
    """
    Given a password that is neither common nor the address,
    when it is about to be set,
    then nobody objects, whatever characters it has.
    """
    assert before_password(password, address) is None


def test_p2_the_block_list_is_folded_and_free_of_repetitions() -> None:
    """
    Given the list that ships with the package,
    when it is read,
    then it has one to four thousand different entries, in folded form, most of them as long as a
    password has to be by default.
    """
    file = importlib.resources.files("admit.plugins") / "commonest_passwords.txt"
    entries = file.read_text("utf-8").splitlines()

    assert 1000 < len(entries) < 4000
    assert len(entries) == len(set(entries))
    assert [] == [entry for entry in entries if entry != entry.casefold() or " " in entry]
    assert len([entry for entry in entries if len(entry) >= 8]) > 0.9 * len(entries)
