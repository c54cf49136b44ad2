"""Questions as the contract writes them."""

from magistrate.engine.v1 import engine_pb2
from services.engine.adapters import enums
from services.engine.core import question
from services.engine.core.question import Question


def read(asked: engine_pb2.Question) -> Question:
    """Return the question, checked.

    Raises:
        CallerError: INVALID with the field at fault.
    """
    return Question(
        query=asked.query,
        pack_id=asked.context_pack_id,
        domain=question.domain(asked.domain),
        task_type=question.task_type(asked.task_type),
        additional_context=asked.additional_context,
        temperature=asked.temperature if asked.HasField("temperature") else None,
        max_output_tokens=asked.max_output_tokens,
        strategy=asked.strategy,
        model=asked.model,
        strict_context=asked.strict_context,
        high_impact=asked.high_impact,
        subject_id=asked.subject_id,
        voting_rule=asked.voting_rule,
        tool_count=asked.tool_count,
        fresh=asked.fresh,
    )


def write(asked: Question) -> engine_pb2.Question:
    """Return the question as it was given."""
    return engine_pb2.Question(
        query=asked.query,
        context_pack_id=asked.pack_id,
        domain=enums.domain(asked),
        task_type=enums.task_type(asked),
        additional_context=asked.additional_context,
        temperature=asked.temperature,
        max_output_tokens=asked.max_output_tokens,
        strategy=asked.strategy,
        model=asked.model,
        strict_context=asked.strict_context,
        high_impact=asked.high_impact,
        subject_id=asked.subject_id,
        voting_rule=asked.voting_rule,
        tool_count=asked.tool_count,
        fresh=asked.fresh,
    )
