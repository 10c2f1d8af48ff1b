"""The `admit` command. It calls the public Python API, and prints what that answers."""

from .root import main

__all__ = ["main"]
