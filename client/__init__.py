"""The typed client of admit's own HTTP API: an engine elsewhere, by the verbs of the engine here.

    with admit.client.connect("https://accounts.shop.example", key=key) as engine:
        engine.rerun(address="ada@example.com")

It gives the same records and raises the same errors. What needs the store itself is not here.
"""

from .remote import RemoteEngine, connect

__all__ = ["RemoteEngine", "connect"]
