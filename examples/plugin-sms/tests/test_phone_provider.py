"""The provider `phone`: it keeps the contract, and knows a number however it is written."""

from __future__ import annotations

import admit_sms_example
import pytest

from admit.testing.contracts import ProviderContract

PASSWORD = "correct horse battery staple"


class TestPhone(ProviderContract):
    provider = "phone"
    inline = True
    registers = True
    credentials = {"number": "+442079460018", "password": PASSWORD}
    same_credentials = ({"number": "+44 (20) 7946-00.18", "password": PASSWORD},)
    wrong_credentials = {"number": "+442079460018", "password": "incorrect horse"}
    unknown_credentials = {"number": "+442079460099", "password": "unknown horse"}
    other_credentials = {"number": "+442079460019", "password": "a staple of horses"}
    registration = {"login": "+44 20 7946 0018", "password": PASSWORD}
    other_registration = {"login": "+44 20 7946 0019", "password": "a staple of horses"}


@pytest.mark.parametrize(
    "text", ["", "+", "020 7946 0018", "+0123456789", "+44", "+" + "1" * 16, "+४४2079460018"]
)
def test_what_is_no_number_is_none(text: str) -> None:
    """Given a text that is no number of E.164, when it is read, then it is nobody's."""
    assert admit_sms_example.canonical_number(text) is None
