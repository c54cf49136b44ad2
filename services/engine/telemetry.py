"""What the engine counts and logs: decisions when they are made, fallbacks when they fire."""

from services.chassis import log, metrics
from services.engine.core.decision import Decision, Degraded, Verdict

_log = log.get_logger("engine")
_DECISIONS = metrics.counter("magistrate_decisions_total", "Decisions, by verdict.", ("decision_type",))
_ESCALATIONS = metrics.counter("magistrate_escalations_total", "Decisions with a closed gate, by tier.", ("tier",))
_FALLBACKS = metrics.counter("magistrate_fallback_total", "Fallbacks that fired, by part.", ("component", "fallback"))
_STAGE_SECONDS = metrics.histogram("magistrate_stage_seconds", "Time of each stage, in seconds.", ("stage",))


def decided(decision: Decision) -> None:
    """Count a decision whose evidence is durable."""
    _DECISIONS.labels(decision.verdict.name.lower()).inc()
    if decision.adjudicated.highest_tier:
        _ESCALATIONS.labels(str(decision.adjudicated.highest_tier)).inc()
    for stage in decision.stages:
        _STAGE_SECONDS.labels(stage.name).observe(stage.duration_s)
    if decision.verdict is Verdict.ABSTAIN:
        _log.warning("no verdict", decision_id=decision.decision_id)


def fell_back(part: Degraded) -> None:
    """Count and log that something stands in for a part that did not work."""
    _FALLBACKS.labels(part.component, part.fallback).inc()
    _log.warning("degraded", component=part.component, fallback=part.fallback, reason=part.reason)
