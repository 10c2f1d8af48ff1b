"""What a page's form sent, and whether it was a page of ours."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from typing import Final

from ..asking import Ask
from ..refusals import FormFromElsewhere

MOST_FIELDS: Final = 20
FORM: Final = "application/x-www-form-urlencoded"


async def form_of(ask: Ask) -> Mapping[str, str]:
    """Return the fields of the form, those left empty not among them.

    Raises:
        FormFromElsewhere: a page of another origin sent it. BodyTooLarge, BodyTooSlow.
    """
    _check_origin(ask)
    raw = await ask.raw_body()
    if ask.request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return {}
    try:
        fields = urllib.parse.parse_qsl(
            raw.decode("utf-8", "replace"), max_num_fields=MOST_FIELDS, errors="replace"
        )
    except ValueError:
        return {}  # more fields than any form of ours has
    return dict(fields)


def _check_origin(ask: Ask) -> None:
    """The token is the proof that nobody forges; this keeps other sites from trying at all.

    A page that tells no referrer says `Origin: null` also to its own server (Fetch, "append a
    request Origin header"), so what counts first is `Sec-Fetch-Site`, where a browser sends it.
    """
    headers = ask.request.headers
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        if site not in {"same-origin", "none"}:
            raise FormFromElsewhere
        return
    if origin is None or origin == "null":
        return
    public = urllib.parse.urlsplit(ask.settings.public_url or "").netloc
    if urllib.parse.urlsplit(origin).netloc not in {public, headers.get("host")} - {"", None}:
        raise FormFromElsewhere
