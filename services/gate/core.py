"""Which roles may ask for which method (spec row EDG-03)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from services.chassis.errors import CallerError, Kind

HEALTH = "/grpc.health.v1.Health/Check"
"""Open to every token: it tells only that the mesh is up."""
_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SUBJECT = re.compile(r"[\x21-\x7e]{1,256}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request at the edge, its identity as the proxy read it from the verified token."""

    path: str
    tenant: str
    subject: str
    roles: frozenset[str]


def admit(entry: Entry, rules: Mapping[str, frozenset[str]]) -> None:
    """Let ``entry`` pass, or say why not.

    Args:
        entry: Who wants to call what.
        rules: The roles that may ask, by method path. A path without a rule is closed.

    Raises:
        CallerError: UNAUTHENTICATED TOKEN_INVALID for a token without usable tenant and subject; UNIMPLEMENTED
            METHOD_UNKNOWN for a path that is not part of the public API; DENIED ROLE_NOT_ALLOWED.
    """
    if not _TENANT.fullmatch(entry.tenant) or not _SUBJECT.fullmatch(entry.subject):
        raise CallerError(
            Kind.UNAUTHENTICATED, "TOKEN_INVALID", "the token must name a tenant (a-z, 0-9, dash) and a subject"
        )
    if entry.path == HEALTH:
        return
    required = rules.get(entry.path)
    if required is None:
        message = "there is no such method at the edge"
        raise CallerError(Kind.UNIMPLEMENTED, "METHOD_UNKNOWN", message, metadata={"method": entry.path[:256]})
    if not required & entry.roles:
        raise CallerError(
            Kind.DENIED,
            "ROLE_NOT_ALLOWED",
            f"none of the caller's roles may call {entry.path}",
            metadata={
                "method": entry.path,
                "roles": " ".join(sorted(entry.roles)),
                "required": " ".join(sorted(required)),
            },
        )
