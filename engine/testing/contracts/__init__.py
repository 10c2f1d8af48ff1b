"""Contracts as test suites: subclass one, override its fixture, and pytest runs it on yours."""

from .flows import FlowContract
from .providers import ProviderContract
from .stores import StoreContract
from .upkeep import UpkeepContract

__all__ = ["FlowContract", "ProviderContract", "StoreContract", "UpkeepContract"]
