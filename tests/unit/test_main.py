"""One command runs any service by name."""

import pytest

from services import __main__ as entry
from services import topology


@pytest.mark.parametrize("arguments", [[], ["nobody"], ["router", "engine"], ["--help"]])
def test_a_wrong_name_lists_the_right_ones(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and one line with every name."""
    code = entry.main(arguments)
    err = capsys.readouterr().err

    assert (code, err.count("\n")) == (2, 1)
    assert all(name in err for name in topology.BY_NAME)
