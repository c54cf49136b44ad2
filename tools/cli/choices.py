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
