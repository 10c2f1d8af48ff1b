"""What is told of errors: of every one that the engine can raise, and in which shape."""

from __future__ import annotations

import pytest
from shop import A, C, OpenShop, Shop, refused

from admit import AdmitError, errors
from admit.server import refusals
from admit.server.client_api.telling import ROWS


def tree(root: type[AdmitError], module: str) -> list[type[AdmitError]]:
    """Return all below *root* that *module* defines."""
    below = [kind for kind in root.__subclasses__() if kind.__module__ == module]
    return [*below, *(found for kind in below for found in tree(kind, module))]


@pytest.mark.parametrize("kind", tree(AdmitError, errors.__name__), ids=lambda kind: kind.__name__)
def test_every_error_of_the_engine_has_a_row(kind: type[AdmitError]) -> None:
    """Given the tree of errors, then each has a row of its own, or of one above it."""
    fitting = [row for row in ROWS if issubclass(kind, row.error) and row.because is None]

    assert fitting, f"{kind.__name__} has no row"


@pytest.mark.parametrize(
    "kind", tree(refusals.RequestRefused, refusals.__name__), ids=lambda kind: kind.__name__
)
def test_every_refusal_of_the_server_has_a_status(kind: type[refusals.RequestRefused]) -> None:
    """Given what the server itself refuses, then its status is one of a client's or server's."""
    assert 400 <= kind.status < 600


def test_a_narrow_row_stands_before_a_wide_one() -> None:
    """Given the rows in order, then none is hidden by one before it."""
    for number, row in enumerate(ROWS):
        for earlier in ROWS[:number]:
            hides = issubclass(row.error, earlier.error) and earlier.because is None
            assert not hides, f"{earlier.error.__name__} hides {row}"


def test_no_row_sends_a_client_round_for_ever() -> None:
    """Rules 1 and 2: `InvalidSession` stands at dead tokens alone, `unauthorized` nowhere."""
    with_session = {row.error for row in ROWS if row.code == "InvalidSession"}

    assert {refusals.NoToken, errors.SessionInvalid} == with_session
    assert "unauthorized" not in {row.message for row in ROWS}


def test_what_a_function_says_sends_no_client_round(open_shop: OpenShop) -> None:
    """Rule 1: given a function that refuses with the very word on which realm-web repeats, then the
    client is told another."""

    def refuse(credentials: object) -> object:
        raise errors.CredentialsRefused("unauthorized")

    shop = open_shop(functions={"refuse": refuse}, settings={"custom-function.function": "refuse"})

    answer = shop.post(f"{A}/auth/providers/custom-function/login", {"badge": 1})

    assert (401, "AuthError", "not authorized") == refused(answer)


def test_a_refusal_links_to_the_application_that_was_asked(shop: Shop) -> None:
    """Given a configured URL, then the link begins with it, and names the request."""
    answer = shop.ask("GET", f"{C}/auth/profile", headers={"x-request-id": "0123-4567-89ab"})

    assert (401, "InvalidSession", "must authenticate first") == refused(answer)
    assert answer.json()["link"].endswith("/logs?co_id=0123-4567-89ab")
