"""The table of paths: which of many a path is, found by its segments and not by trying each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs
from starlette.routing import BaseRoute, Match, compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

_PART: Final = "{}"
"""The branch of a segment that is a part, `{name}`, in the tree."""
_SEVERAL: Final = ":path}"
"""The end of a part that may be several segments; such a path is found by its pattern."""


class Paths(BaseRoute):
    """Many paths as one route of Starlette, which would try a pattern for each: with 150 of them
    that takes longer than all the rest. Of several that fit, the first of the table answers."""

    def __init__(self, table: Iterable[tuple[str, ASGIApp]]) -> None:
        self._tree = _Node()
        self._patterns = []
        for place, (path, endpoint) in enumerate(table):
            if _SEVERAL in path:
                self._patterns.append((place, compile_path(path)[0], endpoint))
            else:
                self._tree.add(place, path, endpoint)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether there is anything at the path, with its parts."""
        if scope["type"] != "http":
            return Match.NONE, {}
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        segments = path.split("/")
        found = min(self._tree.find(segments, 0), key=lambda one: one.place, default=None)
        for place, pattern, endpoint in self._patterns:
            if found is not None and found.place < place:
                break
            if match := pattern.match(path):
                return Match.FULL, {"endpoint": endpoint, "path_params": match.groupdict()}
        if found is None:
            return Match.NONE, {}
        parts = {name: segments[number] for number, name in found.parts}
        return Match.FULL, {"endpoint": found.endpoint, "path_params": parts}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let what is at the path answer."""
        await scope["endpoint"](scope, receive, send)


@attrs.frozen
class _End:
    """What is at a path."""

    place: int
    """In the table."""
    parts: tuple[tuple[int, str], ...]
    """Which segment is which part."""
    endpoint: ASGIApp


@attrs.define
class _Node:
    """A place in the tree of segments."""

    end: _End | None = None
    branches: dict[str, _Node] = attrs.field(factory=dict)

    def add(self, place: int, path: str, endpoint: ASGIApp) -> None:
        node, parts = self, []
        for number, segment in enumerate(path.split("/")):
            is_part = segment.startswith("{")
            if is_part:
                parts.append((number, segment[1:-1]))
            node = node.branches.setdefault(_PART if is_part else segment, _Node())
        node.end = node.end or _End(place, tuple(parts), endpoint)

    def find(self, segments: Sequence[str], at: int) -> Iterator[_End]:
        if at == len(segments):
            if self.end is not None:
                yield self.end
            return
        segment = segments[at]
        if segment != _PART and segment in self.branches:
            yield from self.branches[segment].find(segments, at + 1)
        if segment and _PART in self.branches:
            yield from self.branches[_PART].find(segments, at + 1)
