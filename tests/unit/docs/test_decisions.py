"""The records of decisions are numbered through, so that "decision 11" names one page."""

from pathlib import Path

import pytest

DECISIONS = sorted((Path(__file__).parents[3] / "docs" / "adr").glob("*.md"))


@pytest.mark.parametrize(("number", "page"), [*enumerate(DECISIONS, start=1)], ids=[page.stem for page in DECISIONS])
def test_each_decision_has_its_own_number(number: int, page: Path) -> None:
    """Name and heading of the n-th page say n."""
    assert page.name.startswith(f"{number:04}-")
    assert page.read_text().startswith(f"# {number}. ")
