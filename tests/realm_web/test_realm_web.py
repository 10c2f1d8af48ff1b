"""realm-web 2.0.1, as npm has it, works against `admit serve` unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from realm_web import Walkable, claims, installed, walkable, walked_in_node


@pytest.fixture(scope="module")
def package() -> Path:
    """Where realm-web is."""
    return installed()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Walkable]:
    """A server with the applications of the walk."""
    with walkable(tmp_path) as found:
        yield found


def test_a_walk_over_every_method_that_concerns_users_in_node(
    package: Path, served: Walkable
) -> None:
    """Given a server started by the documented command, when a script walks over realm-web – each
    way to register, confirm, reset, log in and link, several users, keys, tokens, functions, and
    errors as `MongoDBRealmError` –, then each of its claims holds, and the server had no error."""
    walked = walked_in_node(package, served.given)
    code, log = served.server.stop()

    assert 0 == walked.returncode, f"{walked.stdout}\n{walked.stderr}\n{log[-3000:]}"
    assert claims() == walked.stdout.splitlines()
    assert 0 == code
    assert '"status": 5' not in log
