"""Questions on their way through the contract."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.engine.adapters import questions
from services.engine.core.question import VOTING_RULES, Domain, Question, TaskType

WORDS = st.from_regex(r"[a-z]{1,8}( [a-z]{1,8}){0,4}", fullmatch=True)
QUESTIONS = st.builds(
    Question,
    query=WORDS,
    domain=st.sampled_from(Domain),
    task_type=st.sampled_from(TaskType),
    pack_id=st.sampled_from(["", "handbook"]),
    additional_context=st.one_of(st.just(""), WORDS),
    temperature=st.one_of(st.none(), st.floats(min_value=0, max_value=2)),
    max_output_tokens=st.integers(min_value=0, max_value=4000),
    strict_context=st.booleans(),
    high_impact=st.booleans(),
    voting_rule=st.sampled_from(["", *VOTING_RULES]),
    tool_count=st.integers(min_value=0, max_value=1000),
    fresh=st.booleans(),
)


@given(QUESTIONS)
def test_the_contract_loses_nothing(question: Question) -> None:
    """What is recorded of a question leads back to it, and to its digest."""
    again = questions.read(questions.write(question))

    assert again == question
    assert again.digest() == question.digest()


def test_every_part_counts_in_the_digest() -> None:
    """Two questions that differ in any part are two questions."""
    question = Question(query="one", domain=Domain.GENERAL, task_type=TaskType.ANALYSIS)
    others = [
        replace(question, query="two"),
        replace(question, domain=Domain.MARKET),
        replace(question, temperature=0.0),
        replace(question, high_impact=True),
        replace(question, subject_id="jo"),
        replace(question, voting_rule="majority"),
        replace(question, tool_count=1),
    ]

    assert len({other.digest() for other in [question, *others]}) == 8
