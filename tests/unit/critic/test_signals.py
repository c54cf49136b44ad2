"""A signal is raised by the owner of its clause, exactly as the table says, or not at all."""

from dataclasses import replace

import pytest

from services.chassis.errors import CallerError, Kind
from services.critic.core.clauses import CLAUSES
from services.critic.core.evaluation import Signal
from services.critic.core.finding import Finding
from services.critic.core.material import Span
from services.critic.core.signals import raised, validate
from services.critic.core.vocabulary import CriticName, Side, Tier
from tests.unit.critic.judging import NOON

A2 = next(clause for clause in CLAUSES if clause.clause_id == "A2")
GENUINE = Signal(
    tier=A2.tier,
    critic=CriticName.AUTONOMY,
    clause_id="A2",
    clause_description=A2.description,
    doctrine_ref=A2.doctrine_ref,
    rationale="why",
    blocking=True,
    raised_at=NOON,
)


def finding(clause_id: str) -> Finding:
    """Return evidence that claims a clause."""
    return Finding(
        rule_id="r", category="c", description="d.", side=Side.OUTPUT, span=Span(0, 1), weight=1, clause_id=clause_id
    )


@pytest.mark.spec("CRT-03")
@pytest.mark.parametrize(
    ("forged", "field"),
    [
        (replace(GENUINE, critic=CriticName.RISK), "critic_id"),
        (replace(GENUINE, clause_id="F1"), "clause_id"),
        (replace(GENUINE, clause_id="Z9"), "clause_id"),
        (replace(GENUINE, tier=Tier.ACKNOWLEDGE), "tier"),
        (replace(GENUINE, blocking=False), "blocking"),
    ],
)
def test_a_forged_signal_is_refused(forged: Signal, field: str) -> None:
    """Each field that could be spoofed is checked, and the error names it."""
    with pytest.raises(CallerError) as caught:
        validate(forged, CriticName.AUTONOMY)

    assert (caught.value.kind, caught.value.reason) == (Kind.INVALID, "SIGNAL_INVALID")
    assert caught.value.metadata["field"] == field


def test_a_genuine_signal_passes() -> None:
    """What the table says is accepted."""
    validate(GENUINE, CriticName.AUTONOMY)


@pytest.mark.spec("CRT-03")
@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.clause_id)
def test_only_the_owner_can_raise_a_clause(clause: object) -> None:
    """For every clause and every name: the owner raises it with its tier, everybody else gets SIGNAL_INVALID."""
    row = next(one for one in CLAUSES if one is clause)
    for critic in CriticName:
        if critic is row.owner:
            (signal,) = raised(critic, [finding(row.clause_id)], NOON)
            assert (signal.tier, signal.blocking, signal.critic) == (row.tier, row.blocking, critic)
        else:
            with pytest.raises(CallerError, match="SIGNAL_INVALID"):
                raised(critic, [finding(row.clause_id)], NOON)


def test_a_clause_is_raised_once_however_often_it_is_touched() -> None:
    """One signal per clause, for the first evidence."""
    signals = raised(CriticName.AUTONOMY, [finding("A2"), finding("A1"), finding("A2")], NOON)

    assert [signal.clause_id for signal in signals] == ["A2", "A1"]


def test_an_unknown_clause_is_refused() -> None:
    """A detector cannot invent doctrine."""
    with pytest.raises(CallerError, match="SIGNAL_INVALID"):
        raised(CriticName.AUTONOMY, [finding("A9")], NOON)
