"""Tokens of others: how they are made, and what it looks like when one opens nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jwt
import pytest
from custom_tokens import SECRET

import admit
from admit.errors import WrongCredentials

Claims = Callable[..., dict[str, Any]]


def signed(claims: Mapping[str, Any], key: Any = SECRET, algorithm: str = "HS256", **h: Any) -> str:
    """Return *claims* as a token; the keywords are its header."""
    return jwt.encode(dict(claims), key, algorithm=algorithm, headers=h or None)


def refused(engine: admit.Engine, token: object) -> None:
    """See that a token opens nothing."""
    with pytest.raises(WrongCredentials):
        engine.log_in("custom-token", token=token)
    assert 0 == engine.users.count()
