"""The names that every page of the critic room shares."""

from enum import IntEnum, StrEnum


class CriticName(StrEnum):
    """Who may speak: the six scoring critics, and the two engines that own clauses without scoring a text."""

    RIGHTS = "rights"
    AUTONOMY = "autonomy"
    FAIRNESS = "fairness"
    TRUTH = "truth"
    RISK = "risk"
    OPERATIONS = "operations"
    PRECEDENT = "precedent"
    UNCERTAINTY = "uncertainty"


SCORERS: tuple[CriticName, ...] = (
    CriticName.RIGHTS,
    CriticName.AUTONOMY,
    CriticName.FAIRNESS,
    CriticName.TRUTH,
    CriticName.RISK,
    CriticName.OPERATIONS,
)
"""The scoring critics in lexicographic priority (spec 2.1)."""

ALIASES = {"pragmatics": CriticName.OPERATIONS}
"""Older names that callers may still send (spec 2.1)."""


class Charter(StrEnum):
    """The seven charters of the clause doctrine (spec 2.3)."""

    AUTONOMY = "autonomy"
    DIGNITY = "dignity"
    PRIVACY_IDENTITY = "privacy_identity"
    FAIRNESS = "fairness"
    DUE_PROCESS = "due_process"
    PRECEDENT = "precedent"
    UNCERTAINTY = "uncertainty"


class Tier(IntEnum):
    """How binding a clause is (spec 2.6)."""

    ACKNOWLEDGE = 2
    """A named person must acknowledge the risk."""
    DETERMINE = 3
    """A named person must decide; nothing goes on without it."""


class Side(StrEnum):
    """Which text a finding points into."""

    INPUT = "input"
    OUTPUT = "output"
