"""Bodies of requests: read within limits, decoded by the class that says what is in them."""

from __future__ import annotations

import asyncio
from typing import Final, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from admit.errors import InvalidInput

from .refusals import BodyTooLarge, BodyTooSlow, MediaTypeRefused
from .settings import ServerSettings

B = TypeVar("B")

JSON: Final = "application/json"


class Body(msgspec.Struct, kw_only=True):
    """What a body holds. What else stands in it is ignored: clients add to it over the years."""


async def read(request: Request, settings: ServerSettings) -> bytes:
    """Return the body.

    Raises:
        BodyTooLarge, BodyTooSlow: it is past the settings `server.body_limit_bytes`, `body_time`.
    """
    most = settings.body_limit_bytes
    said = request.headers.get("content-length", "0")
    if not said.isdecimal() or int(said[:20]) > most:
        raise BodyTooLarge(most)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(settings.body_time.total_seconds()):
            async for chunk in request.stream():
                size += len(chunk)
                if size > most:
                    raise BodyTooLarge(most)
                chunks.append(chunk)
    except TimeoutError:
        raise BodyTooSlow(settings.body_time) from None
    except ClientDisconnect:
        raise InvalidInput("body", "ended early.", "Send all of it.") from None
    return b"".join(chunks)


def decode(raw: bytes, content_type: str | None, kind: type[B]) -> B:
    """Return a body as *kind*. An empty one is an empty object: clients leave it out.

    Raises:
        MediaTypeRefused: it is said not to be JSON.
        InvalidInput: it is none, or not as *kind* says; the field is named.
    """
    if not raw:
        raw = b"{}"
    elif content_type is not None and content_type.partition(";")[0].strip().lower() != JSON:
        raise MediaTypeRefused(content_type)
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as problem:
        field, what = _told(str(problem))
        raise InvalidInput(field, what) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as problem:
        what = "too deep" if isinstance(problem, RecursionError) else "no JSON"
        raise InvalidInput("body", f"is {what}.", "Send a JSON object in UTF-8.") from None


def _told(problem: str) -> tuple[str, str]:
    """Return the field that a message of msgspec is about, and what is wrong with it.

    >>> _told("Expected `str`, got `int` - at `$.email`")
    ('email', 'expected `str`, got `int`.')
    >>> _told("Object missing required field `email`")
    ('email', 'is missing.')
    """
    what, _, at = problem.partition(" - at `")
    field = at.rstrip("`").removeprefix("$").lstrip(".")
    missing = what.removeprefix("Object missing required field `")
    if missing != what:
        inner = missing.rstrip("`")
        return (f"{field}.{inner}" if field else inner), "is missing."
    return field or "body", f"{what[:1].lower()}{what[1:]}."
