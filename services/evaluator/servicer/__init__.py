"""The contract of the evaluator over its core: proto to values and back, nothing decided."""

from services.evaluator.servicer.evaluator import EvaluatorServicer
from services.evaluator.servicer.review import ReviewServicer

__all__ = ["EvaluatorServicer", "ReviewServicer"]
