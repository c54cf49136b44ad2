"""The generated pages."""

from pathlib import Path

from magistrate.common.v1.error_pb2 import ErrorReason
from tools.docs import errors, methods, traceability
from tools.docs.rows import areas, every

ROOT = Path(__file__).resolve().parents[3]


def test_every_row_is_listed_once() -> None:
    """The page has a place for each row of the feature table and each known defect."""
    rows = every()

    assert len(rows) == len(set(rows)) == 351


def test_every_row_says_what_it_asks() -> None:
    """Titles are short, and no two rows have the same."""
    titles = [title for rows in areas().values() for title in rows.values()]

    assert [title for title in titles if not 2 <= len(title.split()) <= 8] == []
    assert len(titles) == len(set(titles))


def test_no_test_cites_a_row_that_does_not_exist() -> None:
    """Every row that a test cites is in the table."""
    assert set(traceability.proofs_of(ROOT / "tests")) - set(every()) == set()


def test_open_rows_are_listed_with_what_they_ask(tmp_path: Path) -> None:
    """A row is either beside its proof or open; both with its title."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text('@pytest.mark.spec("REC-02")\ndef test_b(): ...\n')

    page = traceability.page(tmp_path)

    assert "| REC-02 | What was acknowledged is never lost | `test_a.py::test_b` |" in page
    assert "- REC-03: Records written in batches" in page


def test_marks_are_found_on_functions_and_modules(tmp_path: Path) -> None:
    """A citation counts whether it stands on a test or on a whole module; what is no row is ignored."""
    (tmp_path / "test_a.py").write_text(
        "import pytest\n"
        'pytestmark = pytest.mark.spec("REC-01")\n'
        '@pytest.mark.spec("REC-02", "T11", "2.6 K1")\n'
        "async def test_b() -> None: ...\n"
    )

    assert dict(traceability.proofs_of(tmp_path)) == {
        "REC-01": ["test_a.py::(all of it)"],
        "REC-02": ["test_a.py::test_b"],
        "T11": ["test_a.py::test_b"],
    }


def test_every_reason_is_on_the_page_of_errors() -> None:
    """Each reason of the contract stands on the page with its status."""
    page = errors.page(ROOT)

    assert "| `COST_LIMIT` | RESOURCE_EXHAUSTED |" in page
    assert page.count("\n| `") == len(ErrorReason.values()) - 1


def test_pending_methods_say_so() -> None:
    """A method whose logic is missing carries its note."""
    assert "durable runs are not part of this version" in methods.page(ROOT)
