"""What people see of an erasure."""

from io import StringIO

import pytest
from rich.console import Console

from magistrate.engine.v1.engine_pb2 import Erasure, ErasureOwner, Evidence
from tools.cli.erase import show


def shown(erasure: Erasure, late: str = "") -> str:
    """Return what stands on the screen."""
    output = StringIO()
    show(erasure, late, Console(file=output, width=120))
    return output.getvalue()


@pytest.mark.spec("REC-15")
def test_who_is_missing_and_what_came_later_is_said() -> None:
    """Each owner has its line; what was recorded without content since has one of its own."""
    owners = [ErasureOwner(owner="recorder", confirmed=True, erased_count=3), ErasureOwner(owner="router")]
    erasure = Erasure(erasure_id="e-1", legal_basis="Art. 17", owners=owners, evidence=Evidence(origin="o", index=7))

    text = shown(erasure, "recorded without content since: 2, which happened before it")

    assert ["recorder", "yes", "3"] in [line.split() for line in text.splitlines()]
    assert ["router", "not", "yet", "0"] in [line.split() for line in text.splitlines()]
    assert "index 7 of o" in text
    assert "since: 2" in text
    assert "once more" in text


def test_a_complete_erasure_of_nothing() -> None:
    """Where the log had nothing and nothing came later, that is all that is said."""
    text = shown(Erasure(erasure_id="e-1", legal_basis="Art. 17", complete=True))

    assert "nothing readable" in text
    assert "since" not in text
    assert text.rstrip().endswith("complete")
