"""Shows how a stack starts: a live table on a terminal, plain lines elsewhere, JSON lines for programs."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.style import Style
from rich.table import Table
from rich.text import Text

from tools.up.events import Event, Kind, Report

_REFRESHES_PER_S = 12


@contextmanager
def display(*, as_json: bool) -> Iterator[Report]:
    """Yield what shows events in the form that fits the reader."""
    if as_json:
        yield json_lines(sys.stdout)
    elif sys.stdout.isatty():
        with LiveTable(Console()) as table:
            yield table.report
    else:
        yield Lines(Console(soft_wrap=True, highlight=False)).report


def json_lines(output: TextIO) -> Report:
    """Return what writes each event as one line of JSON; a reader that went away or a full disk is no failure."""

    def report(event: Event) -> None:
        try:
            print(event.to_json(), file=output, flush=True)
        except (OSError, ValueError):
            return

    return report


class Lines:
    """One line for each thing that a reader of a log wants to know."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def report(self, event: Event) -> None:
        """Print ``event``."""
        if line := _line(event):
            self._console.print(line)


@dataclass(slots=True)
class _Row:
    event: Event
    began: float = 0.0


class LiveTable:
    """One line a part with its time, redrawn in place until the stack serves; plain lines after that."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: dict[str, _Row] = {}
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(console=console, refresh_per_second=_REFRESHES_PER_S, get_renderable=self._table)
        self._starting = True

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def report(self, event: Event) -> None:
        """Show ``event``."""
        if event.kind in (Kind.PLANNED, Kind.STARTING, Kind.READY) and self._starting:
            row = self._rows.setdefault(event.part, _Row(event=event))
            row.event = event
            row.began = time.monotonic() if event.kind is Kind.STARTING else row.began
            return
        if event.kind in (Kind.SERVING, Kind.FAILED, Kind.STOPPING) and self._starting:
            self._starting = False
            self._live.stop()
        if line := _line(event):
            self._console.print(line)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for name, row in self._rows.items():
            mark, seconds = self._mark(row)
            table.add_row(mark, Text(name), Text(seconds, justify="right"), Text(row.event.text, style="dim"))
        return table

    def _mark(self, row: _Row) -> tuple[Text | Spinner, str]:
        if row.event.kind is Kind.READY:
            return Text("✓", style="green"), f"{row.event.seconds:.1f} s"
        if row.event.kind is Kind.STARTING:
            return self._spinner, f"{time.monotonic() - row.began:.1f} s"
        return Text("·", style="dim"), ""


def _line(event: Event) -> Text | None:
    """Return an event as one line; None for what needs none (a failure is explained by whoever catches it)."""
    parts: list[str | tuple[str, str | Style]]
    match event.kind:
        case Kind.READY:
            parts = [("✓ ", "green"), f"{event.part}  {event.seconds:.1f} s  ", (event.text, "dim")]
        case Kind.SERVING:
            what = f"Serving on {event.text}, ready after {event.seconds:.1f} s."
            parts = [(what, "bold green"), f"  {event.hint}"]
        case Kind.ENDED | Kind.NOTE:
            parts = [("! ", "yellow"), f"{event.part}: {event.text}"]
        case Kind.STOPPING:
            parts = [(f"  stopping {event.part}", "dim")]
        case Kind.STOPPED:
            parts = [f"Stopped in {event.seconds:.1f} s."]
        case _:
            return None
    return Text.assemble(*parts)
