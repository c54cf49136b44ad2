"""Progress is one line a part for people and one JSON line an event for programs."""

import errno
import io
import json

import pytest
from rich.console import Console

from tools.up.events import Event, Kind, failed
from tools.up.failures import StackError
from tools.up.progress import Lines, LiveTable, display, json_lines

STORY = (
    Event(kind=Kind.PLANNED, part="postgres"),
    Event(kind=Kind.STARTING, part="postgres"),
    Event(kind=Kind.READY, part="postgres", text="127.0.0.1:5432", seconds=0.42),
    Event(kind=Kind.SERVING, text="127.0.0.1:8443", hint="Ctrl-C stops it.", seconds=3.1),
    Event(kind=Kind.ENDED, part="router", text="signal 9; started again in 0.1 s"),
    Event(kind=Kind.STOPPING, part="postgres"),
    Event(kind=Kind.STOPPED, seconds=1.5),
)


@pytest.mark.parametrize("event", STORY, ids=lambda event: event.kind)
def test_an_event_survives_the_pipe(event: Event) -> None:
    """The shell that watches a background start sees what happened there."""
    assert event == Event.from_json(event.to_json())


def test_a_failure_carries_all_that_helps() -> None:
    """Part, problem, hint and the last lines of the log arrive together."""
    event = failed(StackError("postgres ended", hint="look", part="postgres", log=("FATAL: no",)))

    assert event == Event.from_json(event.to_json())
    assert (event.part, event.hint, event.log) == ("postgres", "look", ("FATAL: no",))


def test_a_log_gets_a_line_for_what_matters() -> None:
    """Without a terminal nothing is redrawn, and plans are not lines."""
    output = io.StringIO()
    lines = Lines(Console(file=output, width=100))
    for event in STORY:
        lines.report(event)

    assert output.getvalue().splitlines() == [
        "✓ postgres  0.4 s  127.0.0.1:5432",
        "Serving on 127.0.0.1:8443, ready after 3.1 s.  Ctrl-C stops it.",
        "! router: signal 9; started again in 0.1 s",
        "  stopping postgres",
        "Stopped in 1.5 s.",
    ]


def test_a_terminal_gets_a_table() -> None:
    """Each part keeps its own line with its time."""
    output = io.StringIO()
    with LiveTable(Console(file=output, width=100, force_terminal=True)) as table:
        for event in STORY:
            table.report(event)

    assert "0.4 s" in output.getvalue()
    assert "Serving on 127.0.0.1:8443" in output.getvalue()


def test_programs_read_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Empty fields are left out."""
    with display(as_json=True) as report:
        report(STORY[2])

    assert json.loads(capsys.readouterr().out) == {
        "kind": "ready",
        "part": "postgres",
        "text": "127.0.0.1:5432",
        "seconds": 0.42,
    }


def test_a_reader_that_left_is_no_failure() -> None:
    """The shell that watched the start may close; the stack goes on."""
    pipe = io.StringIO()
    pipe.close()

    json_lines(pipe)(STORY[0])


class Full(io.StringIO):
    """A log on a disk without room."""

    def write(self, text: str) -> int:
        """Fail as the system does."""
        raise OSError(errno.ENOSPC, f"no room for {len(text)} characters")


def test_a_log_on_a_full_disk_is_no_failure() -> None:
    """What cannot be told ends nothing that runs."""
    json_lines(Full())(STORY[0])
