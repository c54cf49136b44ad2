"""The clause table is the doctrine's: 22 rows, two tiers, one owner each."""

import pytest

from services.critic.core.clauses import BY_ID, CLAUSES
from services.critic.core.vocabulary import SCORERS, Charter, CriticName, Tier

TIER_2 = {"A1", "D1", "D3", "P3", "P4", "F2", "F3", "DP3", "PR2", "U1"}
TIER_3 = {"A2", "A3", "D2", "P1", "P2", "F1", "DP1", "DP2", "PR1", "PR3", "U2", "U3"}
OWNERS = {
    Charter.AUTONOMY: CriticName.AUTONOMY,
    Charter.DIGNITY: CriticName.RIGHTS,
    Charter.PRIVACY_IDENTITY: CriticName.RIGHTS,
    Charter.FAIRNESS: CriticName.FAIRNESS,
    Charter.DUE_PROCESS: CriticName.OPERATIONS,
    Charter.PRECEDENT: CriticName.PRECEDENT,
    Charter.UNCERTAINTY: CriticName.UNCERTAINTY,
}


@pytest.mark.spec("CRT-03")
def test_there_are_22_clauses_ten_of_tier_2_and_twelve_of_tier_3() -> None:
    """No clause is missing (P4 is there), none is twice, and each has the tier of the doctrine."""
    by_tier = {tier: {clause.clause_id for clause in CLAUSES if clause.tier is tier} for tier in Tier}

    assert by_tier == {Tier.ACKNOWLEDGE: TIER_2, Tier.DETERMINE: TIER_3}
    assert len(CLAUSES) == len(BY_ID) == 22


@pytest.mark.spec("CRT-03")
def test_every_clause_has_the_one_owner_of_its_charter() -> None:
    """Rights owns dignity and privacy, operations due process; precedent and uncertainty belong to their engines."""
    assert {clause.charter: clause.owner for clause in CLAUSES} == OWNERS
    assert all(clause.owner is OWNERS[clause.charter] for clause in CLAUSES)


def test_tier_3_blocks_and_tier_2_does_not() -> None:
    """Blocking follows from the tier alone."""
    assert all(clause.blocking == (clause.clause_id in TIER_3) for clause in CLAUSES)


def test_each_description_is_a_sentence_of_its_own() -> None:
    """No two clauses say the same, and each can stand in a reply."""
    descriptions = [clause.description for clause in CLAUSES]

    assert len(set(descriptions)) == 22
    assert all(text.endswith(".") and text[0].isupper() for text in descriptions)


def test_the_scorers_stand_in_lexicographic_order() -> None:
    """The order decides which violation is the first one, so it is fixed (spec 2.1)."""
    assert [name.value for name in SCORERS] == ["rights", "autonomy", "fairness", "truth", "risk", "operations"]
