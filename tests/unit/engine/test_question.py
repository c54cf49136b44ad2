"""What may be asked."""

import dataclasses
from collections.abc import Sequence
from typing import TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magistrate.common.v1 import task_pb2
from services.chassis.errors import CallerError, Kind
from services.engine.core import question
from services.engine.core.question import Domain, Question, TaskType

GOOD = Question(query="How many days of leave?", domain=Domain.GENERAL, task_type=TaskType.ANALYSIS)


class Changes(TypedDict, total=False):
    """Fields of a question that a case makes wrong."""

    query: str
    additional_context: str
    pack_id: str
    strategy: str
    model: str
    subject_id: str
    max_output_tokens: int
    voting_rule: str
    tool_count: int
    temperature: float


BAD: list[tuple[Changes, str, str]] = [
    ({"query": ""}, "question.query", "FIELD_REQUIRED"),
    ({"query": " \n\t"}, "question.query", "FIELD_REQUIRED"),
    ({"query": "ab " * 1667}, "question.query", "FIELD_TOO_LONG"),
    ({"query": "a\x00b\x1bc"}, "question.query", "TEXT_REJECTED"),
    ({"query": "a" * 64}, "question.query", "TEXT_REJECTED"),
    ({"additional_context": "ab " * 3334}, "question.additional_context", "FIELD_TOO_LONG"),
    ({"pack_id": "Hand Book"}, "question.context_pack_id", "FIELD_MALFORMED"),
    ({"pack_id": "a" * 64}, "question.context_pack_id", "FIELD_MALFORMED"),
    ({"strategy": "no such; thing"}, "question.strategy", "FIELD_MALFORMED"),
    ({"model": "x" * 129}, "question.model", "FIELD_MALFORMED"),
    ({"subject_id": "jane@doe"}, "question.subject_id", "FIELD_MALFORMED"),
    ({"max_output_tokens": 4001}, "question.max_output_tokens", "FIELD_OUT_OF_RANGE"),
    ({"max_output_tokens": -1}, "question.max_output_tokens", "FIELD_OUT_OF_RANGE"),
    ({"voting_rule": "loudest"}, "question.voting_rule", "FIELD_OUT_OF_RANGE"),
    ({"tool_count": -1}, "question.tool_count", "FIELD_OUT_OF_RANGE"),
    ({"tool_count": 1001}, "question.tool_count", "FIELD_OUT_OF_RANGE"),
    ({"temperature": 2.01}, "question.temperature", "FIELD_OUT_OF_RANGE"),
    ({"temperature": float("nan")}, "question.temperature", "FIELD_OUT_OF_RANGE"),
]


@pytest.mark.spec("ENG-45", "EDG-12", "EDG-15")
@pytest.mark.parametrize(("changes", "field", "reason"), BAD)
def test_each_rule_names_its_field(changes: Changes, field: str, reason: str) -> None:
    """A question that breaks a rule is refused with the field at fault and the reason."""
    with pytest.raises(CallerError) as refused:
        dataclasses.replace(GOOD, **changes)

    assert refused.value.kind is Kind.INVALID
    assert refused.value.reason == reason
    assert [violation.field for violation in refused.value.violations] == [field]


@pytest.mark.spec("RTR-19")
@pytest.mark.parametrize(
    ("asked", "high_impact", "configured", "rule"),
    [
        ("", False, "majority", ""),
        ("", True, "majority", "majority"),
        ("", True, "none", ""),
        ("none", True, "majority", ""),
        ("weighted", False, "none", "weighted"),
        ("unanimous", True, "majority", "unanimous"),
    ],
)
def test_a_vote_is_held_where_it_is_asked_for_or_much_depends_on_it(
    asked: str, high_impact: bool, configured: str, rule: str
) -> None:
    """The question's own word counts before the configured rule for high impact."""
    question = dataclasses.replace(GOOD, voting_rule=asked, high_impact=high_impact)
    assert question.rule(configured) == rule


@pytest.mark.parametrize(
    "query",
    ["Why?", "one\x07bell", "x" * 63, "tabs\tand\nlines", "naïve 日本語 🙂", "ab " * 1666],
)
def test_what_people_write_passes(query: str) -> None:
    """Short emphasis, layout, one stray control character and every script are no attack."""
    assert dataclasses.replace(GOOD, query=query).query == query


@given(st.text(max_size=6000))
def test_any_text_passes_or_is_refused_with_a_reason(text: str) -> None:
    """No text makes anything but a question or a typed refusal."""
    try:
        dataclasses.replace(GOOD, query=text)
    except CallerError as refused:
        assert refused.reason in {"FIELD_REQUIRED", "FIELD_TOO_LONG", "TEXT_REJECTED"}  # noqa: PT017 - both outcomes are right


def test_the_numbers_are_those_of_the_contract() -> None:
    """Domains and task types have the numbers that the contract gives them."""
    assert {f"DOMAIN_{d.name}": d.value for d in Domain} == _without_zero(task_pb2.Domain.items())
    assert {f"TASK_TYPE_{t.name}": t.value for t in TaskType} == _without_zero(task_pb2.TaskType.items())


@pytest.mark.spec("ENG-02")
@pytest.mark.parametrize("number", [0, 4, 99, -1])
def test_unknown_enum_numbers_are_refused(number: int) -> None:
    """An unset or unknown enum is refused, not guessed."""
    for convert in (question.domain, question.task_type):
        with pytest.raises(CallerError) as refused:
            convert(number)

        assert refused.value.reason == "ENUM_UNKNOWN"
        assert "GENERAL" in str(refused.value) or "ANALYSIS" in str(refused.value)


def _without_zero(numbers: Sequence[tuple[str, int]]) -> dict[str, int]:
    return {name: number for name, number in numbers if number}
