"""The totals of a replay read as sentences."""

import io

import pytest
from rich.console import Console

from magistrate.common.v1.judgement_pb2 import Verdict
from magistrate.engine.v1.engine_pb2 import ReplaySummary, VerdictShift
from tools.cli.replay_view import show_summary


def _shown(summary: ReplaySummary) -> list[str]:
    output = io.StringIO()
    show_summary(summary, Console(file=output, width=120))
    return [line.strip() for line in output.getvalue().splitlines() if line.strip()]


@pytest.mark.parametrize(
    ("examined", "changed", "stricter", "head"),
    [
        (1, 0, 0, "1 decision: none would change"),
        (5, 0, 0, "5 decisions: none would change"),
        (5, 2, 1, "5 decisions: 2 would change, 1 of them to a stricter verdict"),
    ],
)
def test_the_totals_are_a_sentence(examined: int, changed: int, stricter: int, head: str) -> None:
    """Nothing is said of changes where there are none."""
    summary = ReplaySummary(examined=examined, changed=changed, stricter=stricter, unchanged=examined - changed)

    assert _shown(summary)[0] == head


def test_shifts_and_what_was_left_out_have_a_line_each() -> None:
    """Who compares policies sees from what to what, and of how much nothing is known."""
    shift = VerdictShift(recorded=Verdict.VERDICT_ALLOW, replayed=Verdict.VERDICT_DENY, count=3)
    shown = _shown(ReplaySummary(examined=5, changed=3, stricter=3, unchanged=1, erased=1, shifts=[shift]))

    assert "3  allow -> deny" in shown
    assert "1  unchanged" in shown
    assert "1  left out: their content was erased for a person" in shown
