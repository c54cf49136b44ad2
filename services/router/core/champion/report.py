"""One reported score, and the form that it must have."""

from dataclasses import dataclass
from datetime import datetime

from services.chassis.errors import CallerError, Kind, Violation, invalid
from services.router.core.request import Domain, Task

MAX_ID_CHARS = 128
MAX_REASON_CHARS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Arena:
    """Where models are held against each other: one tenant's domain and task."""

    tenant: str
    domain: Domain
    task: Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The score of one answer."""

    decision_id: str
    model: str
    score: float
    propensity: float
    """Probability with which the model came first; 1 where nothing was drawn."""
    champion_version: int
    """Version that the choice was made with; 0 where no champion had a say."""
    heuristic: bool
    """Whether it is a stand-in, which is kept and does not count."""
    fell_back: bool
    """Whether the model answered in the place of the one that came first."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A report as it is written down."""

    report: Report
    version: int
    """Version of the contest that it made."""


def check(report: Report) -> None:
    """Refuse a report that cannot be right.

    Raises:
        CallerError: FIELD_REQUIRED, FIELD_TOO_LONG, FIELD_MALFORMED or FIELD_OUT_OF_RANGE.
    """
    check_text("decision_id", report.decision_id, MAX_ID_CHARS)
    # A comparison with NaN is always false, so NaN is refused as well.
    if not 0 <= report.score <= 1:
        raise invalid("score", "must be 0 to 1; an answer that was not evaluated is not reported", value=report.score)
    if not 0 < report.propensity <= 1:
        raise invalid(
            "propensity", "must be above 0 and at most 1, or 0 where nothing was drawn", value=report.propensity
        )
    check_version("champion_version", report.champion_version)


def check_text(field: str, text: str, limit: int) -> None:
    """Refuse a text that is blank, too long, or none that a database takes.

    Raises:
        CallerError: FIELD_REQUIRED, FIELD_TOO_LONG or FIELD_MALFORMED.
    """
    if not text.strip():
        raise invalid(field, f"is empty; give 1 to {limit} characters", reason="FIELD_REQUIRED")
    if "\0" in text:
        raise invalid(field, "has a NUL character; leave it out", reason="FIELD_MALFORMED")
    if len(text) > limit:
        problem = f"has {len(text)} characters; at most {limit} are allowed"
        raise CallerError(
            Kind.INVALID,
            "FIELD_TOO_LONG",
            f"{field} {problem}",
            metadata={"field": field, "limit": str(limit), "actual": str(len(text))},
            violations=(Violation(field=field, problem=problem),),
        )


def check_version(field: str, version: int) -> None:
    """Refuse a version that no row has. Raises CallerError FIELD_OUT_OF_RANGE."""
    if version < 0:
        raise invalid(field, "must be 0 or a version that was read", value=version)
