"""The connection to a server: requests of one application, with one key, for one reason."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx2
import msgspec

from .errors_told import ServerUnreachable, raised

T = TypeVar("T")

SECONDS: Final = 60.0
"""How long an answer may take: longer than the server lets one take."""


class Connection:
    """Asks, and gives back what was answered as records, or raises what was told."""

    def __init__(
        self,
        url: str,
        app: str,
        key: str,
        reason: str | None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._base = f"{self._url}/api/v1/apps/{quote(app, safe='')}"
        headers = {"authorization": f"Bearer {key}", "user-agent": "admit"}
        if reason is not None:
            headers["x-admit-reason"] = quote(reason)
        self._http = httpx2.Client(headers=headers, timeout=SECONDS, transport=transport)

    def close(self) -> None:
        """Let go of it."""
        self._http.close()

    def ask(
        self,
        method: str,
        path: str,
        kind: type[T],
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        hidden: Mapping[str, Any] | None = None,
    ) -> T:
        """Return the answer as *kind*. *hidden* is what a record has that no answer tells.

        Raises:
            ServerUnreachable: nothing of ours answers. Any error that the server told.
        """
        value = self._answer(method, path, body, query)
        if hidden is not None:
            value = _with(value, hidden)
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as problem:
            because = f"it answered something else: {problem}"
            raise ServerUnreachable(self._url, because) from None

    def tell(self, method: str, path: str, *, body: Mapping[str, Any] | None = None) -> None:
        """Ask for what answers nothing. Raises as `ask`."""
        self._answer(method, path, body, None)

    def lines(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield each line of an answer of JSON lines as it comes. Raises as `ask`."""
        try:
            with self._http.stream(
                method, self._base + path, json=body, params=_given(query), timeout=None
            ) as answer:
                if not answer.is_success:
                    answer.read()
                    raise self._refusal(answer)
                for line in answer.iter_lines():
                    if line:
                        yield json.loads(line)
        except httpx2.HTTPError as problem:
            raise ServerUnreachable(self._url, _why(problem)) from None

    def _answer(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, Any] | None,
    ) -> Any:
        try:
            answer = self._http.request(method, self._base + path, json=body, params=_given(query))
        except httpx2.HTTPError as problem:
            raise ServerUnreachable(self._url, _why(problem)) from None
        if not answer.is_success:
            raise self._refusal(answer)
        return json.loads(answer.content) if answer.content else None

    def _refusal(self, answer: httpx2.Response) -> Exception:
        try:
            told = json.loads(answer.content)
        except ValueError:
            told = None
        if not isinstance(told, dict) or "error_code" not in told:
            return ServerUnreachable(self._url, f"it answered {answer.status_code}")
        return raised(told)


def part(text: str) -> str:
    """Return *text* as one part of a path."""
    return quote(text, safe="@")


def _given(query: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the parameters that are there, as text."""
    return {
        name: ("true" if value is True else value)
        for name, value in (query or {}).items()
        if value is not None and value is not False
    }


def _with(value: Any, hidden: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_with(one, hidden) for one in value]
    return {**hidden, **value} if isinstance(value, dict) else value


def _why(problem: Exception) -> str:
    return (str(problem) or type(problem).__name__).rstrip(".")
