"""Values of the environment that stand in texts: `%(%%environment.values.X)`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from .findings import Findings, kind_of

ENVIRONMENTS: Final = ("", "development", "testing", "qa", "production")
KNOWN_TEXT: Final = ", ".join(name or '""' for name in ENVIRONMENTS)
_EXPANSION: Final = re.compile(r"%\(%%environment\.values\.([^()%]{1,255})\)")


def file_of(environment: str) -> str:
    """Return the file that has the values of *environment*."""
    return f"environments/{environment or 'no-environment'}.json"


class Expansions:
    """Puts the values of one environment where texts name them. One that is not there, or is no
    text, is noted as a problem: nothing is guessed."""

    def __init__(self, environment: str, values: Mapping[str, Any], findings: Findings) -> None:
        self._environment = environment
        self._values = values
        self._findings = findings

    def of(self, value: Any, where: str) -> Any:
        """Return *value*, of JSON, with each text in it expanded; *where* it stands is told."""
        if isinstance(value, str):
            return self._expanded(value, where) if "%(%%" in value else value
        if isinstance(value, Mapping):
            return {name: self.of(inner, f"{where}.{name}") for name, inner in value.items()}
        if isinstance(value, list):
            return [self.of(inner, f"{where}[{at}]") for at, inner in enumerate(value)]
        return value

    def _expanded(self, text: str, where: str) -> str:
        parts: list[str] = []
        end = 0
        for match in _EXPANSION.finditer(text):
            parts += [text[end : match.start()], self._value(match[1], where)]
            end = match.end()
        parts.append(text[end:])
        if any("%(%%" in part for part in parts[::2]):
            self._findings.problem(
                where,
                "stands for something that is no value of an environment.",
                "Write what it stands for.",
            )
        return "".join(parts)

    def _value(self, name: str, where: str) -> str:
        value = self._values.get(name)
        if isinstance(value, str):
            return value
        lacks = "has no value" if value is None else f"is {kind_of(value)}, not text,"
        environment = self._environment or "no environment"
        self._findings.problem(
            where,
            f"stands for {name!r:.80}, which {lacks} in {environment}.",
            "Write it into environments/, or choose another with --environment.",
        )
        return ""
