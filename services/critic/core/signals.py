"""Raises clause signals, and refuses those that a critic had no right to raise (spec 2.6)."""

from collections.abc import Iterable
from datetime import datetime

from services.chassis.errors import CallerError, Kind
from services.critic.core.clauses import BY_ID
from services.critic.core.evaluation import Signal
from services.critic.core.finding import Finding
from services.critic.core.vocabulary import CriticName


def raised(critic: CriticName, findings: Iterable[Finding], at: datetime) -> tuple[Signal, ...]:
    """Return one signal per clause that the findings touch, in the order in which they touch it.

    Raises:
        CallerError: SIGNAL_INVALID, if a finding names a clause that is not this critic's.
    """
    first: dict[str, Finding] = {}
    for finding in findings:
        if finding.clause_id is not None:
            first.setdefault(finding.clause_id, finding)
    signals = tuple(_signal(critic, clause_id, finding, at) for clause_id, finding in first.items())
    for signal in signals:
        validate(signal, critic)
    return signals


def validate(signal: Signal, critic: CriticName) -> None:
    """Check a signal against the clause table and against who is speaking.

    Raises:
        CallerError: SIGNAL_INVALID, naming the field that does not fit: critic_id, clause_id, tier or blocking.
    """
    if signal.critic is not critic:
        raise _spoof("critic_id", signal.critic.value, critic.value)
    clause = BY_ID.get(signal.clause_id)
    if clause is None or clause.owner is not critic:
        raise _spoof("clause_id", signal.clause_id, "a clause of " + critic.value)
    if signal.tier is not clause.tier:
        raise _spoof("tier", str(int(signal.tier)), str(int(clause.tier)))
    if signal.blocking is not clause.blocking:
        raise _spoof("blocking", str(signal.blocking), str(clause.blocking))


def _signal(critic: CriticName, clause_id: str, finding: Finding, at: datetime) -> Signal:
    clause = BY_ID.get(clause_id)
    if clause is None:
        raise _spoof("clause_id", clause_id, "one of the 22 clauses")
    place = f"{finding.side.value} {finding.span.start}-{finding.span.end}, {finding.rule_id}"
    return Signal(
        tier=clause.tier,
        critic=critic,
        clause_id=clause_id,
        clause_description=clause.description,
        doctrine_ref=clause.doctrine_ref,
        rationale=f"{finding.description} ({place})",
        blocking=clause.blocking,
        raised_at=at,
    )


def _spoof(field: str, value: str, expected: str) -> CallerError:
    return CallerError(
        Kind.INVALID,
        "SIGNAL_INVALID",
        f"a signal's {field} is {value}, expected {expected}",
        metadata={"field": field, "value": value, "expected": expected},
    )
