"""What operators see of adjudications (spec row CRT-11, spec 12)."""

from services.chassis.metrics import counter, histogram
from services.evaluator.core.adjudication import Adjudication
from services.evaluator.core.review import disagreement

_SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.8, 0.9, 1.0)
_VERDICTS = counter("magistrate_adjudications_total", "Adjudications, by verdict.", ("verdict",))
_SIGNALS = counter("magistrate_adjudicated_signals_total", "Clause signals that closed a gate, by tier.", ("tier",))
_UNCERTAINTY = histogram("magistrate_uncertainty", "Overall uncertainty of each adjudication, 0-1.", buckets=_SHARES)
_AGREEMENT = histogram("magistrate_critic_agreement", "Agreement of the critics, 0-1, 1 is full.", buckets=_SHARES)


def record(adjudication: Adjudication) -> None:
    """Count one adjudication."""
    _VERDICTS.labels(adjudication.verdict.name.lower()).inc()
    for signal in adjudication.signals:
        _SIGNALS.labels(str(int(signal.tier))).inc()
    _UNCERTAINTY.observe(adjudication.uncertainty.overall)
    _AGREEMENT.observe(1 - disagreement(adjudication.bench.severities_0_3))
