"""The flow `auto`."""

from __future__ import annotations

from plugin_services import MakeServices

from admit.flows import Entry, Outcome
from admit.plugins.auto import register_confirmation_flows


def test_h5_auto_confirms_at_once_and_proves_nothing(
    entry: Entry, make_services: MakeServices
) -> None:
    """
    Given the flow `auto`,
    when a pending user enters it,
    then the user is confirmed, and the address is not proved, now or by a token.
    """
    (flow,) = register_confirmation_flows()

    assert Outcome.success(proved=False) == flow.begin(entry, make_services())
    assert ("auto", True) == (flow.name, getattr(flow, "inline", False))
    assert not getattr(flow, "proves_address", False)
    assert not getattr(flow, "resends", False)
