"""Tokens looked into, and forged: what a test of signed tokens needs."""

from __future__ import annotations

import base64
import json
from typing import Any

from admit import Secret


def text_of(token: str | Secret) -> str:
    """Return a token as text."""
    return token.reveal() if isinstance(token, Secret) else token


def header_of(token: str | Secret) -> dict[str, Any]:
    """Return the header of a token, unverified."""
    return _decoded(text_of(token).split(".")[0])


def claims_of(token: str | Secret) -> dict[str, Any]:
    """Return the claims of a token, unverified."""
    return _decoded(text_of(token).split(".")[1])


def encoded(part: object) -> str:
    """Return an object as a part of a token."""
    raw = json.dumps(part, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def with_header(token: str | Secret, **changed: object) -> str:
    """Return a token whose header says something else; its signature stays."""
    _, payload, signature = text_of(token).split(".")
    return f"{encoded({**header_of(token), **changed})}.{payload}.{signature}"


def with_claims(token: str | Secret, **changed: object) -> str:
    """Return a token that claims something else; its signature stays."""
    header, _, signature = text_of(token).split(".")
    return f"{header}.{encoded({**claims_of(token), **changed})}.{signature}"


def _decoded(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found
