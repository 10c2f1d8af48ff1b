"""Contracts as test suites: subclass one, override its fixture, and pytest runs it on yours."""

from .stores import StoreContract

__all__ = ["StoreContract"]
