"""The engine's numbers as the contract's enums: the same numbers under the types of the generated code."""

from typing import cast

from magistrate.common.v1 import degradation_pb2, judgement_pb2, task_pb2
from magistrate.engine.v1 import engine_pb2
from services.engine.core.decision import Mode, StageOutcome, Verdict
from services.engine.core.question import Question


def domain(question: Question) -> task_pb2.Domain.ValueType:
    """Return the question's domain."""
    return cast("task_pb2.Domain.ValueType", question.domain.value)


def task_type(question: Question) -> task_pb2.TaskType.ValueType:
    """Return the question's task type."""
    return cast("task_pb2.TaskType.ValueType", question.task_type.value)


def verdict(value: Verdict) -> judgement_pb2.Verdict.ValueType:
    """Return the verdict."""
    return cast("judgement_pb2.Verdict.ValueType", value.value)


def mode(value: Mode) -> degradation_pb2.DegradedMode.ValueType:
    """Return the degraded mode."""
    return cast("degradation_pb2.DegradedMode.ValueType", value.value)


def outcome(value: StageOutcome) -> engine_pb2.StageOutcome.ValueType:
    """Return how a stage ended."""
    return cast("engine_pb2.StageOutcome.ValueType", value.value)
