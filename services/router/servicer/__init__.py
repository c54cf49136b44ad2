"""The router contract over the dispatcher: proto to values and back, nothing decided."""

from services.router.servicer.router import RouterServicer

__all__ = ["RouterServicer"]
