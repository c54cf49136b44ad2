"""The 22 clauses as the evaluator re-checks them: who may raise each and how heavy it is (spec 2.3).

The critic service owns the wording. This table repeats only tier and owner, on purpose: a signal is checked against
knowledge that its sender cannot change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Tier(IntEnum):
    """How much a person must do before execution; the highest tier wins."""

    NONE = 0
    ACKNOWLEDGE = 2
    DETERMINE = 3


class Charter(StrEnum):
    """The seven charters, each the home of some clauses."""

    AUTONOMY = "autonomy"
    DIGNITY = "dignity"
    PRIVACY_IDENTITY = "privacy_identity"
    FAIRNESS = "fairness"
    DUE_PROCESS = "due_process"
    PRECEDENT = "precedent"
    UNCERTAINTY = "uncertainty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One binding clause."""

    clause_id: str
    tier: Tier
    charter: Charter


_OWNER: Mapping[Charter, str] = {
    Charter.AUTONOMY: "autonomy",
    Charter.DIGNITY: "rights",
    Charter.PRIVACY_IDENTITY: "rights",
    Charter.FAIRNESS: "fairness",
    Charter.DUE_PROCESS: "operations",
    Charter.PRECEDENT: "precedent",
    Charter.UNCERTAINTY: "uncertainty",
}
"""Which scoring critic, or which engine of the evaluator, may raise the clauses of a charter."""

_TIERS: Mapping[Charter, Mapping[str, int]] = {
    Charter.AUTONOMY: {"A1": 2, "A2": 3, "A3": 3},
    Charter.DIGNITY: {"D1": 2, "D2": 3, "D3": 2},
    Charter.PRIVACY_IDENTITY: {"P1": 3, "P2": 3, "P3": 2, "P4": 2},
    Charter.FAIRNESS: {"F1": 3, "F2": 2, "F3": 2},
    Charter.DUE_PROCESS: {"DP1": 3, "DP2": 3, "DP3": 2},
    Charter.PRECEDENT: {"PR1": 3, "PR2": 2, "PR3": 3},
    Charter.UNCERTAINTY: {"U1": 2, "U2": 3, "U3": 3},
}

CLAUSES: Mapping[str, Clause] = {
    clause_id: Clause(clause_id=clause_id, tier=Tier(tier), charter=charter)
    for charter, tiers in _TIERS.items()
    for clause_id, tier in tiers.items()
}


def owner_of(clause: Clause) -> str:
    """Return the id of the only critic or engine that may raise ``clause``."""
    return _OWNER[clause.charter]
