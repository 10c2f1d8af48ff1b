"""Notices: telling the owner of an address something, without a token."""

from __future__ import annotations

from .._commits import Decision
from .._core import Core
from .._events import Acting, Happening
from ..records import Run, User
from .runs import active_flow, new_run


def decide_notice(core: Core, by: Acting, user: User, reason: str) -> Decision[tuple[Run, None]]:
    """Decide that the owner of an address is told something.

    Raises:
        NotConfigured, UnknownName: nothing can tell her.
    """
    flow = active_flow(core, "notice")
    new, run, _ = new_run(core, by, user, purpose="notice", flow=flow, reason=reason, queued=True)
    happening = Happening("notice", run=run.id, codes={"flow": flow.name, "reason": reason})
    return Decision(result=(run, None), new=new, happenings=(happening,))
