"""Every pattern of every table matches whole words and takes linear time."""

import re
import re._constants as sre
import re._parser as parser
from collections.abc import Iterator
from typing import Any

import pytest

from services.critic.core import feasibility, refusal, stance
from services.critic.core.critics import autonomy, fairness, operations, rights, risk, truth
from services.critic.core.screening import injection, personal_data, secrets

TABLES = (rights, autonomy, fairness, truth, risk, operations, injection)
ROWS = [row for module in TABLES for row in module.RULES]
LOOSE = [
    pattern
    for module in (stance, refusal, feasibility, truth, injection)
    for pattern in vars(module).values()
    if isinstance(pattern, re.Pattern)
]
SHAPES = [shape.pattern for module in (secrets, personal_data) for shape in module._SHAPES]
MAX_GAP = 300
"""The longest run that one repeat may eat; more would make a miss cost more than a bounded step."""
_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT)


def repeats(tree: Any, inside: bool = False) -> Iterator[tuple[bool, Any]]:  # Any: the parser's tree is untyped
    """Yield every repeat of a parsed pattern, and whether it stands inside another unbounded one."""
    for operator, argument in tree:
        here = inside
        if operator in _REPEATS:
            yield inside, argument
            here = inside or argument[1] is sre.MAXREPEAT
        for child in _children(operator, argument):
            yield from repeats(child, here)


def _children(operator: Any, argument: Any) -> list[Any]:  # Any: the parser's tree is untyped
    if operator in _REPEATS:
        return [argument[2]]
    if operator is sre.SUBPATTERN:
        return [argument[3]]
    if operator is sre.BRANCH:
        return list(argument[1])
    if operator in (sre.ASSERT, sre.ASSERT_NOT):
        return [argument[1]]
    return []


@pytest.mark.parametrize("pattern", [*(row.pattern for row in ROWS), *LOOSE, *SHAPES], ids=lambda p: p.pattern[:40])
def test_no_repeat_can_run_away(pattern: re.Pattern[str]) -> None:
    """No unbounded repeat stands inside another, and no bounded one eats more than a sentence."""
    for inside, (_, most, _body) in repeats(parser.parse(pattern.pattern, pattern.flags)):
        assert not (inside and most is sre.MAXREPEAT)
        assert most is sre.MAXREPEAT or most <= 1_200


def test_every_rule_has_its_own_id_and_sane_weights() -> None:
    """Ids are stable names in evidence; weights are shares."""
    ids = [row.rule_id for row in ROWS]
    weights = [row.weight for module in TABLES[:-1] for row in module.RULES] + [row.score for row in injection.RULES]

    assert len(ids) == len(set(ids))
    assert all(0 < weight <= 1 for weight in weights)


def test_there_are_at_least_fourteen_injection_rules() -> None:
    """The table is larger than what the sources of the design had (spec row EDG-13)."""
    assert len(injection.RULES) >= 14


def test_tables_are_written_in_lower_case() -> None:
    """They are matched against lower-case text, where a capital could never match."""
    for row in ROWS:
        plain = re.sub(r"\\.", "", row.pattern.pattern)
        assert plain == plain.lower(), row.rule_id


def test_rules_match_words_and_not_letters() -> None:
    """A rule inside a longer word is no match (trap T27)."""
    for row in rights.RULES:
        assert row.pattern.pattern.startswith("\\b")
