"""Contracts as test suites: subclass one, override its fixture, and pytest runs it on yours."""

from .flows import FlowContract
from .providers import ProviderContract
from .stores import StoreContract

__all__ = ["FlowContract", "ProviderContract", "StoreContract"]
