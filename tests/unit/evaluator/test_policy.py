"""A policy is a versioned value: what it may say, where it comes from, and that a stricter one never relaxes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.errors import CallerError
from services.evaluator.adapters.policies import WrongPolicyError, read_shelf
from services.evaluator.config import Config
from services.evaluator.core.adjudication import Case, adjudicate
from services.evaluator.core.policy import BUILT_IN, CAUTIOUS, NUMBERS, STANDARD, Policy, Shelf, policy
from services.evaluator.core.verdict import Verdict
from tests.unit.evaluator.strategies import cases


@given(case=cases())
def test_a_more_cautious_policy_never_relaxes(case: Case) -> None:
    """Whatever the case, half a step earlier gives the same verdict or a stricter one."""
    assert adjudicate(case, CAUTIOUS).verdict >= adjudicate(case, STANDARD).verdict


@given(case=cases())
def test_every_verdict_has_its_grounds(case: Case) -> None:
    """A verdict that is not the best has a rule that asked for it, and the best has none."""
    outcome = adjudicate(case)

    assert bool(outcome.grounds) == (outcome.verdict is not Verdict.ALLOW)


@given(numbers=st.dictionaries(st.sampled_from(NUMBERS), st.floats()))
def test_a_policy_is_made_or_refused_with_its_field(numbers: dict[str, float]) -> None:
    """Any numbers make a policy, or are refused for a named one of them."""
    made = _made(numbers)

    if isinstance(made, CallerError):
        assert made.reason == "FIELD_OUT_OF_RANGE"
        assert made.metadata["field"].removeprefix("policy.") in {*numbers, "severe_0_3"}
    else:
        assert made.severe_0_3 >= made.violation_0_3
        assert all(getattr(made, name) == number for name, number in numbers.items())


def _made(numbers: dict[str, float]) -> Policy | CallerError:
    try:
        return policy("mine@1", numbers)
    except CallerError as error:
        return error


def test_a_folder_adds_policies(tmp_path: Path) -> None:
    """A file is one policy that can be in force; what it leaves out is as in the standard one."""
    (tmp_path / "mine.yaml").write_text("reference: mine@1\nviolation_0_3: 1.0\n")
    shelf = read_shelf(tmp_path, "mine@1")

    assert (shelf.in_force.violation_0_3, shelf.in_force.severe_0_3) == (1.0, STANDARD.severe_0_3)
    assert [shelf.named(each.reference) for each in BUILT_IN] == list(BUILT_IN)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("reference: mine@1\nseverity: 1\n", "severity"),
        ("reference: mine@1\nviolation_0_3: '1'\n", "violation_0_3"),
        ("violation_0_3: 1\n", "reference"),
        ("reference: mine\n", "policy.reference"),
        ("reference: standard@1\n", "each policy once"),
        ("[", "YAML"),
    ],
)
def test_a_wrong_file_stops_the_start(tmp_path: Path, text: str, told: str) -> None:
    """The one line that it stops with names the fault."""
    (tmp_path / "mine.yaml").write_text(text)

    with pytest.raises(WrongPolicyError, match=told):
        read_shelf(tmp_path, STANDARD.reference)
    with pytest.raises(ValueError, match=told):
        Config(policies_dir=tmp_path)


def test_the_policy_in_force_must_be_there() -> None:
    """A name that no policy has is refused with those that there are."""
    with pytest.raises(CallerError, match="standard@1, cautious@1") as refused:
        Shelf(in_force="lost@2")

    assert refused.value.reason == "POLICY_NOT_FOUND"
