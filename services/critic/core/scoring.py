"""From findings to a severity: weighed by side, added up, with the floors of the critic's mandate (spec 2.3)."""

from collections.abc import Iterable, Mapping, Sequence
from math import prod

from services.critic.core.finding import Finding
from services.critic.core.mandate import Mandate
from services.critic.core.material import Material
from services.critic.core.severity import NONE, clamp
from services.critic.core.vocabulary import Side

SILENT_CONFIDENCE = 0.6
"""How sure a critic is when its rules find nothing: silence of rules is weak evidence."""


def weigh(finding: Finding, mandate: Mandate) -> float:
    """Return what one finding counts, 0-1, after its side is weighed."""
    side_weight = mandate.input_weight if finding.side is Side.INPUT else 1.0
    return min(1.0, max(0.0, finding.weight)) * side_weight


def any_of(weights: Iterable[float]) -> float:
    """Return the chance that at least one of several independent weights holds: 1 - (1-a)(1-b)..."""
    return 1.0 - prod(1.0 - weight for weight in weights)


def severity(findings: Sequence[Finding], mandate: Mandate, material: Material) -> float:
    """Return the severity of all findings together.

    A category counts by its strongest finding, so that repeating a sentence changes nothing; categories add up as
    independent evidence, so that another finding can only raise the result.
    """
    if not findings:
        return NONE
    score = any_of(_strongest(findings, mandate).values())
    raised = score * mandate.scale * mandate.multiplier(material)
    return clamp(max(raised, mandate.floor(findings, material)), cap=mandate.cap_0_3)


def confidence(findings: Sequence[Finding]) -> float:
    """Return how sure the critic is, 0-1: agreement of independent rules, whatever the side and the size."""
    if not findings:
        return SILENT_CONFIDENCE
    by_rule = {finding.rule_id: finding.weight for finding in findings}
    return min(0.95, any_of(0.5 + weight / 2 for weight in by_rule.values()))


def in_output(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that point into the output."""
    return [finding for finding in findings if finding.side is Side.OUTPUT]


def _strongest(findings: Sequence[Finding], mandate: Mandate) -> Mapping[str, float]:
    strongest: dict[str, float] = {}
    for finding in findings:
        strongest[finding.category] = max(strongest.get(finding.category, 0.0), weigh(finding, mandate))
    return strongest
