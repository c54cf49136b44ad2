"""A decision as recorded beside the same decision judged again: each value that differs, in the order of the pipeline.

Times and durations are no part of it, and neither is the id of a review packet.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from magistrate.common.v1.critique_pb2 import CriticEvaluation, EvaluationStatus
from magistrate.common.v1.judgement_pb2 import Adjudication, QualityReport, Verdict
from services.engine.core.decision import Sealed
from services.engine.core.replay import Difference
from services.engine.ports import Recorded, Replayed

DIGITS = 6
"""Decimals in which two numbers must agree, as in the evaluator's own audit hash."""
_Values = Mapping[str, str]


def compare(recorded: Recorded, replayed: Replayed) -> Sequence[Difference]:
    """Return what differs; empty where the decision comes out as recorded."""
    return [*_critics(recorded, replayed), *_quality(recorded, replayed), *_adjudication(recorded, replayed)]


def moves(recorded: Recorded, anew: Mapping[str, Sealed]) -> tuple[str, ...]:
    """Return what critics say otherwise than on record, such as ``risk@2 0.45 -> 0.90 +risk.weapon@2``."""
    told = []
    for critic, sealed in anew.items():
        before, after = _evaluation(recorded.evaluations.get(critic)), _evaluation(sealed)
        if differing := list(_differing(critic, _opinion(before), _opinion(after))):
            severities = f"{before.severity_0_3:.2f} -> {after.severity_0_3:.2f}"
            rules = _rules_moved(before, after) if any("violations" in each.part for each in differing) else ""
            told.append(f"{after.version} {severities}{rules}")
    return tuple(told)


def _critics(recorded: Recorded, replayed: Replayed) -> Iterator[Difference]:
    for critic, sealed in replayed.evaluations.items():
        before, after = _evaluation(recorded.evaluations.get(critic)), _evaluation(sealed)
        yield from _differing(f"critics.{critic}", _opinion(before), _opinion(after))


def _quality(recorded: Recorded, replayed: Replayed) -> Iterator[Difference]:
    if replayed.report is not None:
        before, after = cast("QualityReport", recorded.case.report), cast("QualityReport", replayed.report)
        yield from _differing("quality", _scores(before), _scores(after))


def _adjudication(recorded: Recorded, replayed: Replayed) -> Iterator[Difference]:
    before = cast("Adjudication", recorded.adjudication)
    after = cast("Adjudication", replayed.judged.adjudication)
    yield from _differing("adjudication", _outcome(before), _outcome(after))


def _differing(part: str, before: _Values, after: _Values) -> Iterator[Difference]:
    for name in {**before, **after}:
        then, now = before.get(name, ""), after.get(name, "")
        if then != now:
            yield Difference(part=f"{part}.{name}", recorded=then, replayed=now)


def _opinion(evaluation: CriticEvaluation) -> _Values:
    return {
        "status": EvaluationStatus.Name(evaluation.status),
        "severity_0_3": _number(evaluation.severity_0_3),
        "confidence": _number(evaluation.confidence),
        "violations": ", ".join(f"{each.rule_id} {each.severity_0_3:.2f}" for each in evaluation.violations),
        "signals": ", ".join(each.clause_id for each in evaluation.signals),
    }


def _rules_moved(before: CriticEvaluation, after: CriticEvaluation) -> str:
    """Return the rules that fire now and did not, and those that did; a rule is the same in another version."""
    then, now = _rule_names(before), _rule_names(after)
    more, fewer = (f" +{rule}" for rule in now if rule not in then), (f" -{rule}" for rule in then if rule not in now)
    return "".join([*more, *fewer])


def _rule_names(evaluation: CriticEvaluation) -> list[str]:
    return [violation.rule_id.partition("@")[0] for violation in evaluation.violations]


def _scores(report: QualityReport) -> _Values:
    scores = {
        score.dimension: f"{EvaluationStatus.Name(score.status)} {_number(score.value)}" for score in report.scores
    }
    return {**scores, "overall": _number(report.overall), "passed": str(report.passed)}


def _outcome(adjudication: Adjudication) -> _Values:
    return {
        "label": Verdict.Name(adjudication.label),
        "verdict": Verdict.Name(adjudication.verdict),
        "text_released": str(adjudication.text_released),
        "highest_tier": str(adjudication.gate.highest_tier),
        "uncertainty": _number(adjudication.uncertainty.overall),
        "average_severity_0_3": _number(adjudication.average_severity_0_3),
        "review_triggers": ", ".join(adjudication.review_triggers),
        "audit_hash": adjudication.audit_hash,
    }


def _number(value: float) -> str:
    return f"{value:.{DIGITS}f}"


def _evaluation(sealed: Sealed | None) -> CriticEvaluation:
    return CriticEvaluation() if sealed is None else cast("CriticEvaluation", sealed)
