"""From the contract's requests to the values of the core, refusing what breaks a rule of the contract."""

from magistrate.common.v1 import task_pb2
from magistrate.critic.v1 import critic_pb2 as pb
from services.chassis.errors import invalid
from services.critic.core.material import Material

MAX_TEXT_CHARS = 100_000
"""Longest text that is screened or reviewed (spec row EDG-15, conflict C10)."""
MAX_CONTEXT_CHARS = 1_000_000

_DOMAINS = {
    task_pb2.DOMAIN_LITERARY: "literary",
    task_pb2.DOMAIN_MARKET: "market",
    task_pb2.DOMAIN_GENERAL: "general",
    task_pb2.DOMAIN_UNSPECIFIED: "",
}
_KINDS = (pb.TEXT_KIND_INPUT, pb.TEXT_KIND_OUTPUT, pb.TEXT_KIND_DOCUMENT)


def text_of(request: pb.ScreenRequest) -> str:
    """Return the text to screen.

    Raises:
        CallerError: FIELD_REQUIRED, FIELD_TOO_LONG, or ENUM_UNKNOWN for the kind.
    """
    if request.kind not in _KINDS:
        raise invalid("kind", "must be INPUT, OUTPUT or DOCUMENT", reason="ENUM_UNKNOWN", value=request.kind)
    _required("text", request.text)
    _at_most("text", request.text, MAX_TEXT_CHARS)
    return request.text


def material_of(request: pb.ReviewRequest) -> Material:
    """Return the case to review.

    Raises:
        CallerError: FIELD_REQUIRED for the output, FIELD_TOO_LONG, or ENUM_UNKNOWN for the domain.
    """
    if request.domain not in _DOMAINS:
        raise invalid("domain", "is not a known field of work", reason="ENUM_UNKNOWN", value=request.domain)
    _required("output", request.output)
    _at_most("input", request.input, MAX_TEXT_CHARS)
    _at_most("output", request.output, MAX_TEXT_CHARS)
    _at_most("context", request.context, MAX_CONTEXT_CHARS)
    return Material(
        input=request.input, output=request.output, context=request.context, domain=_DOMAINS[request.domain]
    )


def _required(field: str, text: str) -> None:
    if not text.strip():
        raise invalid(field, "must not be empty", reason="FIELD_REQUIRED")


def _at_most(field: str, text: str, limit: int) -> None:
    if len(text) > limit:
        problem = f"must have at most {limit} characters"
        raise invalid(field, problem, reason="FIELD_TOO_LONG", value=len(text))
