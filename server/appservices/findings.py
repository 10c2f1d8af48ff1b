"""What is found while something exported is read: what to set, what is missing, what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from admit.errors import InvalidInput

LONGEST_NAME: Final = 255
"""Characters of a function's, a secret's or a field's name."""
_SECRET_WORDS: Final = ("secret", "password", "private", "token", "key", "credential")


@attrs.frozen(kw_only=True)
class Problem:
    """One value that is wrong."""

    field: str
    """Where it stands: `oauth2-google.config.clientId`."""
    rule: str
    next_step: str = "Correct it and try again."

    def error(self) -> InvalidInput:
        """Return it as the error that it is."""
        return InvalidInput(self.field, self.rule, self.next_step)


@attrs.frozen(kw_only=True)
class Left:
    """One thing that is not carried over."""

    field: str
    why: str


@attrs.frozen(kw_only=True)
class SecretNeeded:
    """A secret that is known by its name only: no export holds its value."""

    name: str
    field: str
    setting: str
    """Where its value belongs: in admit.toml or the environment."""


@attrs.frozen(kw_only=True)
class FunctionNeeded:
    """A function that the application has to register under this name."""

    name: str
    setting: str


@attrs.define
class Findings:
    """Collects all of it, so that everything that is wrong is told at once."""

    settings: dict[str, object] = attrs.field(factory=dict)
    unset: list[str] = attrs.field(factory=list)
    """Settings that the objects leave empty."""
    secrets: list[SecretNeeded] = attrs.field(factory=list)
    functions: list[FunctionNeeded] = attrs.field(factory=list)
    left: list[Left] = attrs.field(factory=list)
    problems: list[Problem] = attrs.field(factory=list)
    kept: dict[str, Any] = attrs.field(factory=dict)
    """Of the provider that is being read: what nothing here means, for the way back."""

    def problem(self, field: str, rule: str, next_step: str = "Correct it and try again.") -> None:
        """Note that the value of *field* breaks *rule*: the first one only, of what stands there or
        in it – the next would follow from that."""
        if not any(_are_one(field, known.field) for known in self.problems):
            self.problems.append(Problem(field=field, rule=rule, next_step=next_step))

    def set(self, name: str, value: object) -> None:
        """Set the setting *name*, or note that it is left empty."""
        if value in ("", None, ()):
            self.unset.append(name)
        else:
            self.settings[name] = value

    def leave(self, field: str, why: str) -> None:
        """Note that *field* is not carried over."""
        self.left.append(Left(field=field, why=why))

    def keep(self, part: str, name: str, value: object) -> None:
        """Keep one value for the way back."""
        self.kept.setdefault(part, {})[name] = value


class Fields:
    """One object of JSON, read name by name; what is never asked for is the rest of it.

    A value of the wrong type is noted as a problem, and the default is returned for it. JSON's null
    is as good as nothing.
    """

    def __init__(self, where: str, given: object, findings: Findings) -> None:
        self.where = where
        self._findings = findings
        self._asked: set[str] = set()
        if given is None:
            given = {}
        if not isinstance(given, Mapping):
            findings.problem(where, f"must be an object, not {kind_of(given)}.")
            given = {}
        self._given: Mapping[str, Any] = given

    def has(self, name: str) -> bool:
        """Whether something other than null stands there."""
        return self._given.get(name) is not None

    def text(self, name: str, *, most: int = 2000) -> str:
        """Return the text under *name*, or an empty one: in exports both mean nothing."""
        found = self._take(name)
        if found is None:
            return ""
        return self._text(self.name(name), found, most)

    def truth(self, name: str, *, default: bool = False) -> bool:
        """Return the truth value under *name*."""
        found = self._take(name)
        if found is None or isinstance(found, bool):
            return default if found is None else found
        self._findings.problem(self.name(name), f"must be true or false, not {kind_of(found)}.")
        return default

    def items(self, name: str) -> Sequence[Any]:
        """Return the array under *name*, or an empty one."""
        found = self._take(name)
        if found is None or isinstance(found, list):
            return found or []
        self._findings.problem(self.name(name), f"must be an array, not {kind_of(found)}.")
        return []

    def texts(self, name: str, *, most: int = 2000) -> tuple[str, ...]:
        """Return the texts of the array under *name*; of text, as older files have it, the parts
        between its commas. Empty ones are left out."""
        found = self._take(name)
        if isinstance(found, str):
            given: Sequence[object] = found.split(",")
        elif found is None or isinstance(found, list):
            given = found or []
        else:
            self._findings.problem(
                self.name(name), f"must be an array of texts, not {kind_of(found)}."
            )
            given = []
        where = self.name(name)
        texts = [self._text(f"{where}[{at}]", one, most).strip() for at, one in enumerate(given)]
        return tuple(dict.fromkeys(text for text in texts if text))

    def inner(self, name: str) -> Fields:
        """Return the object under *name*, or an empty one."""
        return Fields(self.name(name), self._take(name), self._findings)

    def name(self, name: str) -> str:
        """Return where *name* stands, as people are told."""
        return f"{self.where}.{name}"

    def rest(self) -> dict[str, Any]:
        """Return what was not asked for, nulls left out."""
        return {
            name: value
            for name, value in self._given.items()
            if name not in self._asked and value is not None
        }

    def keep_rest(self, part: str) -> None:
        """Keep the rest for the way back, and note each: nothing here means it. What may be a
        secret is not kept: it would stand in the store in the clear."""
        for name, value in self.rest().items():
            if _may_be_secret({name: value}):
                self._findings.leave(
                    self.name(name), "is not known, and not kept: it may be a secret."
                )
            else:
                self._findings.keep(part, name, value)
                self._findings.leave(
                    self.name(name), "is not known here; it is kept for the way back."
                )

    def _take(self, name: str) -> Any:
        self._asked.add(name)
        return self._given.get(name)

    def _text(self, where: str, found: object, most: int) -> str:
        if not isinstance(found, str):
            self._findings.problem(where, f"must be text, not {kind_of(found)}.")
            return ""
        if len(found) > most:
            self._findings.problem(where, f"must be at most {most} characters.")
            return ""
        if not found.isprintable():
            self._findings.problem(where, "must be one line of text, without control characters.")
            return ""
        return found


def _are_one(field: str, other: str) -> bool:
    shorter, longer = sorted((field, other), key=len)
    return longer == shorter or longer.startswith((f"{shorter}.", f"{shorter}["))


def _may_be_secret(value: object) -> bool:
    """Whether a name in *value* sounds so, at any depth: callers bound how deep it is."""
    if isinstance(value, list):
        return any(map(_may_be_secret, value))
    return isinstance(value, Mapping) and any(
        any(word in str(name).lower() for word in _SECRET_WORDS) or _may_be_secret(inner)
        for name, inner in value.items()
    )


def kind_of(value: object) -> str:
    """Return what JSON calls the type of *value*."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case list():
            return "an array"
        case Mapping():
            return "an object"
    return type(value).__name__
