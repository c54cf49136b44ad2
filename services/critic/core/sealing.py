"""Turns a critic's findings into its one sealed evaluation."""

from collections.abc import Sequence
from datetime import datetime

from services.critic.core import scoring
from services.critic.core.evaluation import Evaluation, Violation
from services.critic.core.finding import Finding
from services.critic.core.mandate import Mandate
from services.critic.core.material import Material
from services.critic.core.refusal import refuses
from services.critic.core.signals import raised


def seal(mandate: Mandate, material: Material, findings: Sequence[Finding], at: datetime) -> Evaluation:
    """Return the evaluation that ``findings`` of this critic come to, sealed at ``at``.

    Raises:
        CallerError: SIGNAL_INVALID, if a finding claims a clause of somebody else.
    """
    violations, duplicates = _violations(mandate, material, findings)
    return Evaluation(
        critic=mandate.name,
        severity_0_3=scoring.severity(findings, mandate, material),
        confidence=scoring.confidence(findings),
        violations=violations,
        signals=raised(mandate.name, _standing(material, findings), at),
        duplicates_removed=duplicates,
        rules_version=mandate.rules_version,
        sealed_at=at,
    )


def _violations(mandate: Mandate, material: Material, findings: Sequence[Finding]) -> tuple[tuple[Violation, ...], int]:
    """Fold findings that say the same thing into one violation, and count how many were folded (spec 2.5)."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((_normal(finding.category), _normal(finding.description)), []).append(finding)
    violations = tuple(_violation(mandate, material, group) for group in groups.values())
    return violations, len(findings) - len(violations)


def _violation(mandate: Mandate, material: Material, group: Sequence[Finding]) -> Violation:
    best = max(group, key=lambda finding: scoring.weigh(finding, mandate))
    return Violation(
        category=best.category,
        description=best.description,
        severity_0_3=scoring.severity(group, mandate, material),
        confidence=scoring.confidence(group),
        rule_id=best.rule_id,
        side=best.side,
        span=best.span,
    )


def _standing(material: Material, findings: Sequence[Finding]) -> Sequence[Finding]:
    """Drop what only the question says when the answer declines it: a refused wish touches nobody."""
    return scoring.in_output(findings) if refuses(material.output) else findings


def _normal(words: str) -> str:
    return " ".join(words.casefold().split())
