"""A user deletes her own account."""

from __future__ import annotations

from starlette.responses import Response

from admit.errors import SessionInvalid, UserNotFound

from ..answers import nothing
from ..asking import Ask
from ..routes import Route


async def delete(ask: Ask) -> Response:
    """Delete the caller, with identities, sessions and keys. Whether that needs a fresh log-in says
    the setting `server.fresh_log_in_needed`: existing clients could not give one."""
    access = await ask.access()
    engine = ask.engine()
    if ask.hosted.settings.fresh_log_in_needed:
        await ask.call(engine.public.delete, access_token=ask.bearer)
        return nothing()
    try:
        await ask.call(engine.delete, access.user_id)
    except UserNotFound:
        raise SessionInvalid("ended") from None
    return nothing()


ROUTES = [
    Route(
        method="DELETE",
        path="/auth/delete",
        handler=delete,
        summary="Delete the caller's account.",
        token="access",  # noqa: S106 - which kind
        answers={204: None},
    )
]
