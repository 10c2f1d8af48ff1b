"""Pages for those who registered: confirm an address, choose a new password. Ready to use, and
replaceable by templates; what they do goes through `engine.public`."""

from __future__ import annotations

from typing import Final

from ..routes import Api
from .pressing import ROUTES as WITH_FORMS
from .showing import ROUTES as FILES
from .showing import tell

PAGES: Final = Api(
    name="pages",
    prefix="/app",
    routes=[*WITH_FORMS, *FILES],
    tell=tell,
    error=str,
)
"""Not described by OpenAPI: they are for people."""
