"""How the command line shows verdicts, severities and spans of time."""

from google.protobuf.duration_pb2 import Duration
from rich.text import Text

from magistrate.common.v1.judgement_pb2 import Verdict

LABELS = {
    Verdict.VERDICT_ALLOW: ("ALLOW", "bold green"),
    Verdict.VERDICT_CONSTRAINED_ALLOW: ("ALLOW WITH CONSTRAINTS", "bold yellow"),
    Verdict.VERDICT_ESCALATE: ("ESCALATE: a person must decide", "bold magenta"),
    Verdict.VERDICT_DENY: ("DENY", "bold red"),
    Verdict.VERDICT_ABSTAIN: ("ABSTAIN: a person must look", "bold magenta"),
}
EXIT_CODES = {
    Verdict.VERDICT_ALLOW: 0,
    Verdict.VERDICT_CONSTRAINED_ALLOW: 3,
    Verdict.VERDICT_ESCALATE: 4,
    Verdict.VERDICT_ABSTAIN: 4,
    Verdict.VERDICT_DENY: 5,
}
"""What `magistrate decide` ends with; 1 is an error and 2 wrong usage."""
_BAR_CELLS = 12
_MOST_SEVERE = 3.0
_MODERATE, _SEVERE = 1.0, 2.0
_MICRO, _CENT = 1_000_000, 10_000
"""Micro-dollars of a dollar and of a cent."""


def label(verdict: Verdict.ValueType) -> Text:
    """Return the verdict in its colour."""
    return Text(*LABELS.get(verdict, (Verdict.Name(verdict), "bold")))


def severity(value: float) -> Text:
    """Return a bar for a severity of 0 to 3."""
    filled = round(_BAR_CELLS * min(max(value, 0.0), _MOST_SEVERE) / _MOST_SEVERE)
    style = "green" if value < _MODERATE else "yellow" if value < _SEVERE else "red"
    return Text.assemble(("█" * filled, style), ("░" * (_BAR_CELLS - filled), "dim"), f" {value:.1f}")


def span(duration: Duration) -> str:
    """Return a duration in the unit in which it reads best."""
    seconds = duration.ToTimedelta().total_seconds()
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def dollars(micro_usd: float) -> str:
    """Return an amount of money as people read it: cents, and as many places as a part of one needs."""
    whole_cents = micro_usd % _CENT == 0 or micro_usd >= 100 * _CENT
    return f"${micro_usd / _MICRO:,.2f}" if whole_cents else f"${micro_usd / _MICRO:.6f}"
