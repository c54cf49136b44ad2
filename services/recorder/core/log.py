"""Which log a record belongs to: one for each tenant, stream and half-year (reliability 2.4, line 1).

Security events have a stream of their own: who watches over them need not see a decision, and no flood of either
hides the other.
"""

import re
from datetime import datetime

from services.chassis.errors import CallerError, Kind, invalid

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ORIGIN = re.compile(r"[!-~]{0,200}")
_LAST_MONTH_OF_FIRST_HALF = 6


def stream_of(kind: str) -> str:
    """Return the stream that records of ``kind`` go into; empty for the tenant's main one."""
    return "security" if kind == "SECURITY" else ""


def origin(deployment: str, tenant: str, at: datetime, stream: str = "") -> str:
    """Return the name of the log, e.g. ``evidence/local/acme/2026h2``, for a record made ``at`` this UTC time.

    A stream stands before the half-year: ``evidence/local/acme/security/2026h2``.
    """
    half = 1 if at.month <= _LAST_MONTH_OF_FIRST_HALF else 2
    return "/".join(part for part in ("evidence", deployment, tenant, stream, f"{at.year}h{half}") if part)


def check_tenant(tenant: str) -> str:
    """Return ``tenant`` if it can be part of an origin: 1 to 64 letters, digits, dots, dashes and underscores."""
    if not _NAME.fullmatch(tenant):
        raise invalid("tenant", "must be 1 to 64 letters, digits, '.', '_' or '-'", reason="FIELD_MALFORMED")
    return tenant


def check_origin(origin: str) -> str:
    """Return ``origin`` if it could name a log of any deployment; empty means the newest."""
    if not _ORIGIN.fullmatch(origin):
        raise invalid(
            "origin", "must be printable ASCII without spaces, at most 200 characters", reason="FIELD_MALFORMED"
        )
    return origin


def outside(field: str, value: int, *, name: str, size: int) -> CallerError:
    """Return the error for an index or size that log ``name`` of ``size`` records does not reach."""
    metadata = {"origin": name, "size": str(size)}
    return CallerError(
        Kind.OUT_OF_RANGE, "INDEX_OUT_OF_RANGE", f"{field} {value} is beyond the end of the log", metadata=metadata
    )
