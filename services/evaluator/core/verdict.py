"""The verdicts, ordered by strictness, and what each is called by everybody else (spec 2.9)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Verdict(IntEnum):
    """What the mesh says about one answer; a larger value is stricter, so ``max`` never relaxes.

    ABSTAIN (no verdict possible) is stricter than ESCALATE because a person has even less to go on, and weaker than
    DENY because the one critic that spoke may already forbid the answer.
    """

    ALLOW = 0
    CONSTRAINED_ALLOW = 1
    ESCALATE = 2
    ABSTAIN = 3
    DENY = 4

    @property
    def permits_text(self) -> bool:
        """Tell whether this verdict alone would let the answer be shown."""
        return self <= Verdict.CONSTRAINED_ALLOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The names of one verdict in the four other vocabularies."""

    interpretive: str
    api: str
    governance: str
    outcome: str


VOCABULARY: Mapping[Verdict, Words] = {
    Verdict.ALLOW: Words(interpretive="aligned", api="ALLOW", governance="allow", outcome="permit"),
    Verdict.CONSTRAINED_ALLOW: Words(
        interpretive="aligned_with_constraints", api="ALLOW_WITH_CONSTRAINTS", governance="allow", outcome="modify"
    ),
    Verdict.ESCALATE: Words(
        interpretive="requires_human_review", api="ESCALATE", governance="review_required", outcome="route_to_human"
    ),
    Verdict.DENY: Words(interpretive="misaligned", api="DENY", governance="escalate", outcome="refuse"),
    Verdict.ABSTAIN: Words(interpretive="", api="ABSTAIN", governance="review_required", outcome="route_to_human"),
}
"""One row per verdict; an abstention has no interpretive name."""
