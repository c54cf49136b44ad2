"""Enum values of the contract as words of the command line."""

from enum import StrEnum


class DomainChoice(StrEnum):
    """Field of work."""

    GENERAL = "general"
    MARKET = "market"
    LITERARY = "literary"


class TaskChoice(StrEnum):
    """Kind of task."""

    ANALYSIS = "analysis"
    GENERATION = "generation"
    REASONING = "reasoning"


class VoteChoice(StrEnum):
    """How several models vote."""

    NONE = "none"
    UNANIMOUS = "unanimous"
    MAJORITY = "majority"
    WEIGHTED = "weighted"
    CONFIDENCE = "confidence"


class SearchChoice(StrEnum):
    """How to search."""

    HYBRID = "hybrid"
    DENSE = "dense"
    SPARSE = "sparse"


class KindChoice(StrEnum):
    """What a record is evidence of."""

    INTENT = "intent"
    ATTEMPT = "attempt"
    OUTCOME = "outcome"
    DECISION = "decision"
    REVIEW = "review"
    CHANGE = "change"
    ERASURE = "erasure"
    SECURITY = "security"
    KEY = "key"


class VerdictChoice(StrEnum):
    """What was decided."""

    ALLOW = "allow"
    CONSTRAINED_ALLOW = "constrained_allow"
    ESCALATE = "escalate"
    DENY = "deny"
    ABSTAIN = "abstain"


class CriticChoice(StrEnum):
    """Who judges an answer."""

    RIGHTS = "rights"
    AUTONOMY = "autonomy"
    FAIRNESS = "fairness"
    TRUTH = "truth"
    RISK = "risk"
    OPERATIONS = "operations"
