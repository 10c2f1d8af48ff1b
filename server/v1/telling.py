"""What our own API tells of an error: the sentence, its stable code, and what to do next."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from admit import errors
from admit.errors import AdmitError
from admit.plain import plain
from admit.web import refusals

from ..answers import told
from ..asking import Ask
from ..bodies import Body
from ..refusals import NoToken, RequestRefused

STORE: Final = "The store could not do what was asked."
IN_LOG: Final = "The log of the server says why, under the id of the request."
"""A store's own words may name its host, a database or a path: they are an operator's, not those of
every admin with a key."""


class Refusal(Body):
    """What went wrong."""

    error: str
    error_code: str
    next_step: str
    request: str
    """The id of the request, as the log has it."""
    field: str | None = None
    """Which part of the request broke a rule."""
    user: str | None = None
    """The user who was kept although the flow failed."""
    details: dict[str, Any] | None = None
    """What else the error carries, in its own words."""


def tell(error: AdmitError, ask: Ask) -> Response:
    """Return the answer for *error*."""
    after = getattr(error, "after", None)
    headers = {}
    if isinstance(error, errors.TryLater | RequestRefused) and status_of(error) in {429, 503}:
        seconds = 1 if after is None else max(1, round(after.total_seconds()))
        headers["retry-after"] = str(seconds)
    if isinstance(error, NoToken):
        headers["www-authenticate"] = "Bearer"
    user = getattr(error, "user", None)
    of_store = isinstance(error, errors.StoreError)
    refusal = Refusal(
        error=STORE if of_store else plain(error.sentence),
        error_code=error.code,
        next_step=IN_LOG if of_store else plain(error.next_step),
        request=ask.id,
        field=getattr(error, "field", None),
        user=getattr(user, "id", None),
        details=None if of_store else _details(error),
    )
    return told(refusal, status_of(error), headers)


def _details(error: AdmitError) -> dict[str, Any]:
    """Return the attributes of *error*, so that a client can raise the same one."""
    said = {"sentence", "next_step"}
    return {
        name: plain(value)
        for name, value in vars(error).items()
        if name not in said and not name.startswith("_")
    }


def status_of(error: AdmitError) -> int:
    """Return the HTTP status of *error*."""
    if isinstance(error, RequestRefused):
        return error.status
    return refusals.status_of(error)
