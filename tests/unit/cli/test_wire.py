"""JSON for programs says what is nothing, too."""

import json

from magistrate.recorder.v1.recorder_pb2 import LogIndex, Position, Record
from tools.cli.wire import as_dict, as_line, as_text

FIRST = LogIndex(origin="evidence/local/default/2026h2", index=0)


def test_the_first_record_has_the_index_0() -> None:
    """A program that reads the index of every record finds a number in each."""
    assert json.loads(as_text(FIRST))["index"] == "0"
    assert as_dict(FIRST)["index"] == "0"


def test_a_line_is_one_line() -> None:
    """Who reads line by line gets one message a line."""
    line = as_line(Record(decision_id="d-1", position=Position(origin="o")))

    assert "\n" not in line
    assert json.loads(line)["position"]["index"] == "0"
