"""The erasure of one person on its way to everybody who holds content about them.

The log comes first: it destroys the keys and says so. Then every other owner blanks its own copies and is confirmed.
Calls that were under way when it began may still leave something behind, so all owners are asked once more when no such
call can be alive; only then is the erasure complete, and the person's id forgotten here too.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.chassis import errors
from services.chassis.errors import CallerError, Kind
from services.engine.core.decision import Evidence

RECORDER, ENGINE, EVALUATOR, ROUTER = "recorder", "engine", "evaluator", "router"
OWNERS = (RECORDER, ENGINE, EVALUATOR, ROUTER)
"""Everybody who keeps content about people, in the order in which they are asked."""
MAX_BASIS_CHARS = 200
_PERSON = re.compile(r"[!-~]{1,256}")
"""Whom a question can name, and whoever can come in at the edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """One owner has nothing readable about the person any more."""

    at: datetime
    count: int
    """Pieces that it blanked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """How far an erasure has come."""

    erasure_id: str
    tenant: str
    subject_id: str
    """Empty once it is complete."""
    legal_basis: str
    requested_at: datetime
    evidence: Evidence | None = None
    """The record of it; None until the log has erased, or where it had nothing to erase."""
    confirmed: Mapping[str, Confirmation] = field(default_factory=dict)
    decision_ids: tuple[str, ...] = ()
    """Decisions that were about the person."""
    done_at: datetime | None = None

    @property
    def pending(self) -> tuple[str, ...]:
        """Return the owners that have not confirmed."""
        return tuple(owner for owner in OWNERS if owner not in self.confirmed)

    def sweep_at(self, grace: timedelta) -> datetime:
        """Return when no call that began before it can be alive any more."""
        return max((self.requested_at, *(each.at for each in self.confirmed.values()))) + grace


def erasure_id(tenant: str, request_id: str) -> str:
    """Return the id that this tenant's call always leads to; nobody is named by it."""
    return f"e-{hashlib.sha256(f'{len(tenant)}:{tenant}{request_id}'.encode()).hexdigest()[:32]}"


def erased(decision_id: str) -> CallerError:
    """Return the refusal of a decision whose content is no more."""
    message = "the content of this decision was erased for a person that it was about or who asked for it"
    metadata = {"decision_id": decision_id, "body_state": "erased"}
    return CallerError(Kind.PRECONDITION, "EVIDENCE_ERASED", message, metadata=metadata)


def check(subject_id: str, legal_basis: str) -> None:
    """Refuse what no record could say.

    Raises:
        CallerError: INVALID FIELD_REQUIRED, FIELD_TOO_LONG or FIELD_MALFORMED with the field.
    """
    if not subject_id:
        raise errors.invalid("subject_id", "must be given", reason="FIELD_REQUIRED")
    if not _PERSON.fullmatch(subject_id):
        problem = "must be 1 to 256 printable ASCII characters without spaces, as in a token or a question"
        raise errors.invalid("subject_id", problem, reason="FIELD_MALFORMED")
    if not legal_basis.strip():
        raise errors.invalid("legal_basis", "must be given", reason="FIELD_REQUIRED")
    if len(legal_basis) > MAX_BASIS_CHARS:
        problem = f"may have at most {MAX_BASIS_CHARS} characters"
        raise errors.invalid("legal_basis", problem, reason="FIELD_TOO_LONG", value=len(legal_basis))
    if not legal_basis.isprintable():
        raise errors.invalid("legal_basis", "must have no control characters", reason="FIELD_MALFORMED")
