"""The contract of the evaluator over its core: proto to values and back, nothing decided."""

from services.evaluator.servicer.evaluator import EvaluatorServicer

__all__ = ["EvaluatorServicer"]
