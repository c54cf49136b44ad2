"""The truth critic holds an answer against the declared context."""

import pytest

from services.critic.core.quantities import quantities
from services.critic.core.word_lists import stem
from tests.unit.critic.judging import judge_output

HANDBOOK = (
    "Annual leave. Every employee has 25 days of paid leave in each calendar year. Unused leave expires on 31 March."
    " The office is open on Saturday. Purchases above 5,000 euros need two quotes. Managers must approve overtime."
)


def rules(output: str, context: str = HANDBOOK) -> set[str]:
    """Return the rules by which the truth critic minds an answer."""
    return {violation.rule_id for violation in judge_output("truth", output, context=context).violations}


@pytest.mark.parametrize(
    ("output", "rule_id"),
    [
        ("Every employee has 35 days of paid leave in each year.", "truth.number"),
        ("Purchases above 9,000 euros need two quotes.", "truth.number"),
        ("Purchases above 5,000 euros need three quotes.", "truth.number"),
        ("The office is not open on Saturday.", "truth.negation"),
        ("The office is closed on Saturday.", "truth.opposite"),
        ("Employees also receive a bonus of 750 euros for every new colleague they bring.", "truth.figure"),
        ("According to Smith et al. (2017) leave is healthy.", "truth.unbacked_source"),
        ("See [citation needed] for the source.", "truth.impossible_source"),
        ("Read arXiv:2313.00001 about it.", "truth.impossible_source"),
        ("It stands on pp. 210-198 of the book.", "truth.impossible_source"),
        ("There is absolutely no doubt about it.", "truth.certain"),
        ("Studies show that leave helps.", "truth.vague_source"),
    ],
)
def test_what_the_context_does_not_bear_out_is_found(output: str, rule_id: str) -> None:
    """Numbers, negations, opposites, sources and certainty."""
    assert rule_id in rules(output)


@pytest.mark.parametrize(
    "output",
    [
        "Every employee has 25 days of paid leave in each calendar year.",
        "You have twenty-five days; unused leave expires on 31 March.",
        "The office is open on Saturday.",
        "Two quotes are needed for purchases above 5000 euros.",
        "I do not know.",
        "Managers must approve overtime.",
        "It stands on pp. 123-34 of the handbook.",
    ],
)
def test_what_the_context_says_is_left_alone(output: str) -> None:
    """The same facts in other words are no contradiction."""
    assert not rules(output)


def test_a_source_that_the_context_names_is_backed() -> None:
    """A citation counts as known when it stands in the declared context."""
    output = "Smith et al. (2017) found this."

    assert "truth.unbacked_source" in rules(output)
    assert not rules(output, context="As Smith et al. (2017) wrote, it rains.")


def test_without_a_context_nothing_can_be_contradicted() -> None:
    """Figures are only strange beside a context that does not hold them."""
    assert not rules("Every employee has 35 days of leave.", context="")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("25 working days", (25.0, "day")),
        ("$1.5 million", (1_500_000.0, "dollar")),
        ("twenty percent", (20.0, "%")),
        ("5,000 euros", (5000.0, "euro")),
        ("12 km", (12.0, "km")),
    ],
)
def test_amounts_are_read_with_what_they_count(text: str, expected: tuple[float, str]) -> None:
    """A value and the singular of its unit."""
    (amount,) = quantities(text)

    assert (amount.value, amount.unit) == expected


def test_forms_of_one_word_meet() -> None:
    """Plural and past mostly fall together with the plain word."""
    assert len({stem(word) for word in ("approve", "approves", "approved", "approving")}) == 1


@pytest.mark.parametrize(
    ("question", "output", "rule_id"),
    [
        ("The budget is 10,000 euros.", "The hall costs 12,000 euros.", "operations.over_budget"),
        ("It must be done within 3 days.", "The move takes two weeks.", "operations.over_time"),
    ],
)
def test_a_plan_over_the_stated_limit_is_infeasible(question: str, output: str, rule_id: str) -> None:
    """Cost and time are compared with what the case says is there."""
    found = judge_output("operations", output, question=question)

    assert [violation.rule_id for violation in found.violations] == [rule_id]


def test_a_plan_within_the_limit_is_feasible() -> None:
    """What fits is not minded, in whichever unit it is told."""
    question = "The budget is 10,000 euros and it must be done within 3 weeks."

    assert not judge_output("operations", "It costs 9,500 euros and takes 20 days.", question=question).violations
