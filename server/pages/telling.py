"""What a page says of a refusal: beside the field it is about, or on a page of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from admit import errors
from admit.errors import AdmitError

from ..asking import Ask
from .showing import tell_page, texts_for

_DEAD: Final[tuple[tuple[type[AdmitError], str], ...]] = (
    (errors.TokenExpired, "expired"),
    (errors.TokenSuperseded, "superseded"),
    (errors.TokenUsed, "used"),
    (errors.TokenUnknown, "unknown"),
    (errors.TokenMalformed, "unknown"),
)


def problems_of(ask: Ask, error: AdmitError, form: Mapping[str, str]) -> dict[str, str]:
    """Return field → sentence for what can be typed better; empty: nothing can."""
    t, asked_again = texts_for(ask), form.get("do") == "again"
    if isinstance(error, errors.PasswordRefused):
        return {"password": f"{t['password_wrong']} {error.rule} {error.next_step}"}
    if isinstance(error, errors.CodeWrong):
        return {"code": t["code_wrong"]}
    if isinstance(error, errors.InvalidInput) and not isinstance(error, errors.TokenMalformed):
        known = {"address": t["address_wrong"], "code": t["code_shape"]}
        field = "again" if asked_again and error.field == "address" else error.field
        return {field: known[error.field]} if error.field in known else {}
    return {}


async def refused(ask: Ask, page: str, error: AdmitError, form: Mapping[str, str]) -> Response:
    """Return the page for *error*, with an offer to send the message of *page* again where that
    helps.

    Raises:
        AdmitError: *error*, where something is broken and there is nothing to say.
    """
    dead = next((told for kind, told in _DEAD if isinstance(error, kind)), None)
    if dead is not None:
        # A link that was good once names who may have another one; by an address alone that would
        # be a reset (security.md H7).
        by_link = page == "confirm" and dead in {"expired", "superseded"}
        token, token_id = (form.get("token"), form.get("tokenId")) if by_link else (None, None)
        return await tell_page(ask, page, dead, 410, again=True, token=token, token_id=token_id)
    if isinstance(error, errors.TryLater):
        seconds = 60 if error.after is None else max(1, round(error.after.total_seconds()))
        told = await tell_page(ask, page, "later", 429)
        told.headers["retry-after"] = str(seconds)
        return told
    if isinstance(error, errors.NotAllowedNow):  # a plugin's own words, or the address is taken
        return await tell_page(ask, page, "refused", 409, sentence=error.sentence)
    raise error
