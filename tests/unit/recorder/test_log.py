"""A record's log follows from its tenant and the half of the year."""

from datetime import UTC, datetime

import pytest

from services.chassis.errors import CallerError
from services.recorder.core.log import check_tenant, origin


@pytest.mark.parametrize(
    ("month", "day", "half"), [(1, 1, "2026h1"), (6, 30, "2026h1"), (7, 1, "2026h2"), (12, 31, "2026h2")]
)
def test_half_years(month: int, day: int, half: str) -> None:
    """The turn is at midnight UTC before the first of July."""
    assert origin("local", "acme", datetime(2026, month, day, 23, 59, tzinfo=UTC)) == f"evidence/local/acme/{half}"


@pytest.mark.parametrize("tenant", ["", "a/b", "a b", "a\nb", "a+b", ".a", "a" * 65, "ä"])
def test_tenants_that_would_confuse_an_origin(tenant: str) -> None:
    """A tenant that could be read as part of a note's syntax is refused."""
    with pytest.raises(CallerError, match="FIELD_MALFORMED"):
        check_tenant(tenant)


def test_tenant() -> None:
    """Usual names pass."""
    assert check_tenant("Acme-1.eu_x") == "Acme-1.eu_x"
