"""The recorder's contract over its parts: proto to values and back, nothing decided."""

from services.recorder.servicer.recorder import RecorderServicer

__all__ = ["RecorderServicer"]
