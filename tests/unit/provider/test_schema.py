"""Whether an answer follows its schema."""

import json

import pytest

from services.provider.core import schema

PERSON = json.dumps(
    {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
        "required": ["name"],
        "additionalProperties": False,
    }
)


@pytest.mark.spec("PRV-15")
@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ('{"name": "Ada"}', ""),
        ('{"name": "Ada", "age": 36}', ""),
        ("Ada", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("{}", '$ breaks required ["name"]'),
        ('{"name": 1}', '$.name breaks type "string"'),
        ('{"name": "Ada", "age": -1}', "$.age breaks minimum 0"),
        ('{"name": "Ada", "age": true}', '$.age breaks type "integer"'),
        ('{"name": "Ada", "born": 1815}', "$ breaks additionalProperties false"),
    ],
)
def test_the_problem_names_place_and_rule_and_nothing_of_the_answer(answer: str, problem: str) -> None:
    """It goes into the prompt that asks once more; nothing where the answer is right."""
    assert schema.problem(PERSON, answer) == problem


@pytest.mark.spec("PRV-15")
@pytest.mark.parametrize("target", ["https://example.invalid/schema.json", "#/$defs/missing"])
def test_a_reference_that_leads_nowhere_is_not_followed(target: str) -> None:
    """Nothing is fetched, and a good answer is not lost for it."""
    assert schema.problem(json.dumps({"$ref": target}), "{}") == ""


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("{}", True), (PERSON, True), ("[]", False), ("true", False), ("{", False), ('{"type": "person"}', False)],
)
def test_only_an_object_by_the_rules_is_a_schema(text: str, is_one: bool) -> None:
    """What a vendor would choke on is refused before it costs a call."""
    assert schema.is_schema(text) is is_one
