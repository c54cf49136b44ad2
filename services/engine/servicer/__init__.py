"""The engine's services on the wire: proto to values and back, nothing decided."""

from services.engine.servicer.engine import EngineServicer
from services.engine.servicer.erasure import ErasureServicer
from services.engine.servicer.replay import ReplayServicer

__all__ = ["EngineServicer", "ErasureServicer", "ReplayServicer"]
