"""The form in which benchmarks print."""

import pytest

from tools.bench.__main__ import BENCHMARKS, main
from tools.bench.table import table


def test_each_figure_stands_beside_its_ratio() -> None:
    """The first row is what the others are divided by; what was not measured stays empty."""
    head, bare, full = table(("ms", "calls/s"), {"bare": (0.5, 2000), "full": (1.0, None)}).splitlines()

    assert head.split() == ["ms", "calls/s"]
    assert bare.split() == ["bare", "0.5", "1.00", "x", "2,000", "1.00", "x"]
    assert full.split() == ["full", "1.0", "2.00", "x", "-"]


def test_an_unknown_name_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """A typo measures nothing."""
    with pytest.raises(SystemExit) as ended:
        main(["nope"])

    assert ended.value.code == 2
    assert f"there is no nope; there are {', '.join(BENCHMARKS)}" in capsys.readouterr().err
