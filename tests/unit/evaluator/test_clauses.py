"""The evaluator's copy of the clause table is checked against the one that critics raise from."""

import pytest

from services.critic.core import clauses as critic
from services.evaluator.core.clauses import CLAUSES, Tier, owner_of
from services.evaluator.core.raised import WORDING


@pytest.mark.spec("CRT-03")
def test_both_tables_agree() -> None:
    """Ids, charters, tiers and owners of all 22 clauses are the same on both sides of the wire."""
    theirs = {c.clause_id: (c.charter.value, int(c.tier), c.owner.value) for c in critic.CLAUSES}
    ours = {c.clause_id: (c.charter.value, int(c.tier), owner_of(c)) for c in CLAUSES.values()}

    assert ours == theirs
    assert [sum(c.tier is tier for c in CLAUSES.values()) for tier in (Tier.ACKNOWLEDGE, Tier.DETERMINE)] == [10, 12]


def test_the_evaluators_own_clauses_are_worded_as_listed() -> None:
    """What the engines raise reads as in the list that callers can fetch."""
    theirs = {c.clause_id: c.description for c in critic.CLAUSES}

    assert {clause_id: theirs[clause_id] for clause_id in WORDING} == WORDING
