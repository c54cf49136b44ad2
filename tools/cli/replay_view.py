"""What people see of a replay."""

from datetime import UTC

from rich.console import Console
from rich.table import Table
from rich.text import Text

from magistrate.common.v1.judgement_pb2 import Verdict
from magistrate.engine.v1.engine_pb2 import (
    ReplayDecisionResponse,
    ReplayProgress,
    ReplaySummary,
    VerdictChange,
)
from tools.cli.marks import LABELS
from tools.cli.screen import listing
from tools.cli.text import counted

_ID_WIDTH, _VERDICT_WIDTH, _TIME_WIDTH = 38, 18, 19


def show_one(reply: ReplayDecisionResponse, target: Console) -> None:
    """Show whether a decision comes out as recorded, and where it parts from the record first."""
    if reply.same:
        target.print(Text.assemble(("same", "bold green"), f": {_word(reply.recorded)}, as on record"))
    else:
        first = reply.differences[0]
        target.print(
            Text.assemble(
                ("differs", "bold red"), f": {_word(reply.recorded)} on record, {_word(reply.replayed)} now; first at "
            ),
            Text(first.part, "bold"),
        )
        target.print(_differences(reply))
    target.print(f"judged by {', '.join(reply.versions)}")
    if reply.carried:
        target.print(f"taken as recorded, for it could not be had then: {', '.join(reply.carried)}")
    if reply.redacted:
        target.print("credentials were taken out of this evidence; a difference may be due to that alone")
    target.print(f"this replay is on record at index {reply.evidence.index} of {reply.evidence.origin}")


def show_change(change: VerdictChange, target: Console, *, heading: bool) -> None:
    """Show one verdict that would change, the first below a heading."""
    if heading:
        target.print(
            Text(_row("decision", "recorded (UTC)", "verdict", "would be") + "because", "bold"), soft_wrap=True
        )
    moment = f"{change.recorded_at.ToDatetime(tzinfo=UTC):%Y-%m-%d %H:%M:%S}"
    row = _row(change.decision_id, moment, _word(change.recorded), _word(change.replayed))
    style = LABELS.get(change.replayed, ("", ""))[1]
    target.print(Text.assemble(row, (", ".join([*change.rules, *change.critics]), style)), soft_wrap=True)


def show_summary(summary: ReplaySummary, target: Console) -> None:
    """Show the totals."""
    if summary.changed:
        target.print()
    stricter = f", {summary.stricter} of them to a stricter verdict" if summary.changed else ""
    told = f"{counted(summary.examined, 'decision')}: {summary.changed or 'none'} would change{stricter}"
    target.print(Text(told, "bold"))
    for shift in summary.shifts:
        target.print(f"  {shift.count:>6}  {_word(shift.recorded)} -> {_word(shift.replayed)}")
    target.print(f"  {summary.unchanged:>6}  unchanged")
    for name, why in (
        ("erased", "left out: their content was erased for a person"),
        ("unreadable", "left out: their content expired, or its key is not here"),
        ("incomplete", "left out: recorded without the context that a critic reads"),
        ("unreproducible", "left out: judged as they were, they do not come out as recorded"),
    ):
        if count := getattr(summary, name):
            target.print(f"  {count:>6}  {why}")
    target.print(f"this replay is on record at index {summary.evidence.index} of {summary.evidence.origin}")


def progress(told: ReplayProgress) -> str:
    """Return how far it has come, in a line."""
    return f"judged again: {told.examined:,}, up to {told.reached.ToDatetime(tzinfo=UTC):%Y-%m-%d %H:%M:%S}"


def _differences(reply: ReplayDecisionResponse) -> Table:
    table = listing("part", "on record", "now")
    for difference in reply.differences:
        table.add_row(difference.part, difference.recorded or "-", difference.replayed or "-")
    return table


def _word(verdict: Verdict.ValueType) -> str:
    return Verdict.Name(verdict).removeprefix("VERDICT_").lower()


def _row(identity: str, moment: str, before: str, after: str) -> str:
    cells = ((identity, _ID_WIDTH), (moment, _TIME_WIDTH), (before, _VERDICT_WIDTH), (after, _VERDICT_WIDTH))
    return "".join(f"{cell:<{width}} " for cell, width in cells)
