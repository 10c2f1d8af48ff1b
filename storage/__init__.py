"""The stores that come with admit."""

from .live import LiveStorage
from .tiny import TinyStore, open_store

__all__ = ["LiveStorage", "TinyStore", "open_store"]
