"""What the specifications of the verbs share."""

from __future__ import annotations

import pytest
from told_flow import ToldFlow


@pytest.fixture
def told() -> ToldFlow:
    """A flow to hand to an engine as a plugin; the setting `confirmation_flow` makes it active."""
    return ToldFlow()
