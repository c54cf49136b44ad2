"""The page of faults tells what docstrings say."""

from pathlib import Path

import pytest

from tools.docs import faults

TEST = '''"""A file."""
def test_one():
    """{}"""
'''


@pytest.mark.parametrize(
    ("docstring", "rows"),
    [
        ("K7: it dies.", ["K7"]),
        ("K1 to K3: it dies.", ["K1", "K2", "K3"]),
        ("K1 to K3 and P5: it dies.", ["K1", "K2", "K3", "P5"]),
        ("P1, P2 and T3: it dies.", ["P1", "P2", "T3"]),
        ("E1 of the crash matrix: it is gone.", ["E1"]),
        ("What K7: says.", []),
        ("K9: is no row.", []),
    ],
)
def test_a_docstring_names_its_rows(tmp_path: Path, docstring: str, rows: list[str]) -> None:
    """Rows stand at its beginning, one by one or from one to another."""
    (tmp_path / "test_it.py").write_text(TEST.format(docstring))

    assert faults.proofs_of(tmp_path) == {row: ["test_it.py::test_one"] for row in rows}


def test_every_row_that_a_test_names_is_on_the_page() -> None:
    """No test tries a fault that the page does not know."""
    root = Path(__file__).parents[3]
    assert faults.proofs_of(root / "tests").keys() <= faults.ROWS.keys()
