"""Errors that a server told, as the classes that the engine raises."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from admit import errors
from admit.errors import AdmitError
from admit.records import User


class ServerUnreachable(AdmitError):
    """The server cannot be reached, or what answers is none of ours. Nothing is known of the
    request."""

    code = "server-unreachable"
    exit_code = 5

    def __init__(self, url: str, because: str) -> None:
        super().__init__(url, because)
        self.sentence = f"The server at {url} does not answer as one of admit: {because}."
        self.next_step = "Check its URL, and whether it runs."


class NotRemote(AdmitError):
    """This needs the store itself, and the server does not do it."""

    code = "not-remote"
    exit_code = 2

    def __init__(self, verb: str) -> None:
        super().__init__(verb)
        self.sentence = f"{verb} cannot be done through a server."
        self.next_step = "Do it where the store is, without --server."


UNKNOWN: Final = "unknown-error"


def raised(told: Mapping[str, Any]) -> AdmitError:
    """Return the error of a server's answer: of the class of its code, with what it told."""
    kind = _by_code().get(str(told.get("error_code")), AdmitError)
    error = kind.__new__(kind)
    for name, value in dict(told.get("details") or {}).items():
        setattr(error, name, _user(value) if name == "user" else value)
    error.sentence = str(told.get("error", "The server refused it."))
    error.next_step = str(told.get("next_step", ""))
    if kind is AdmitError:  # of a newer server
        error.__dict__["code"] = str(told.get("error_code", UNKNOWN))
    return error


def _user(value: object) -> object:
    try:
        return msgspec.convert(value, User)
    except msgspec.ValidationError:
        return value


@functools.cache
def _by_code() -> dict[str, type[AdmitError]]:
    found: dict[str, type[AdmitError]] = {}
    for name in errors.__all__:
        kind = getattr(errors, name)
        if isinstance(kind, type) and issubclass(kind, AdmitError) and hasattr(kind, "code"):
            found[kind.code] = kind
    return found
