"""Pages of decisions, newest first: a token names the last decision that was seen (spec row ENG-33)."""

import base64
import binascii
import re
from datetime import UTC, datetime

from services.chassis import errors

DEFAULT_PAGE = 100
MAX_PAGE = 1000
_DECISION_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def page_size(asked: int) -> int:
    """Return the size of a page; 0 means 100.

    Raises:
        CallerError: INVALID FIELD_OUT_OF_RANGE outside of 0 to 1000.
    """
    if not 0 <= asked <= MAX_PAGE:
        raise errors.invalid("page_size", f"must be from 1 to {MAX_PAGE}, or 0 for {DEFAULT_PAGE}", value=asked)
    return asked or DEFAULT_PAGE


def token(created_at: datetime, decision_id: str) -> str:
    """Return the token of the page that begins after this decision."""
    return base64.urlsafe_b64encode(f"{created_at.isoformat()} {decision_id}".encode()).decode().rstrip("=")


def place(page_token: str) -> tuple[datetime, str] | None:
    """Return the place that ``token`` wrote; None for the first page.

    Raises:
        CallerError: INVALID FIELD_MALFORMED if no page of ours has this token.
    """
    if not page_token:
        return None
    try:
        moment, _, decision_id = (
            base64.urlsafe_b64decode(page_token + "=" * (-len(page_token) % 4)).decode().partition(" ")
        )
        given = datetime.fromisoformat(moment)
        # A forged moment may have no place in the calendar of the database.
        created_at = given.astimezone(UTC)
    except (binascii.Error, ValueError, OverflowError):
        raise _malformed() from None
    if given.tzinfo is None or not _DECISION_ID.fullmatch(decision_id):
        raise _malformed()
    return created_at, decision_id


def _malformed() -> errors.CallerError:
    return errors.invalid("page_token", "must be the next_page_token of an earlier page", reason="FIELD_MALFORMED")
