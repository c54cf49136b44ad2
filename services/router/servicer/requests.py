"""From the wire to a request."""

from collections.abc import Mapping
from typing import TypeVar

from magistrate.common.v1 import task_pb2
from magistrate.router.v1 import router_pb2 as pb
from services.chassis.errors import invalid
from services.router.core.request import Domain, Recovery, Request, Task

_DOMAINS: Mapping[int, Domain] = {
    task_pb2.DOMAIN_LITERARY: Domain.LITERARY,
    task_pb2.DOMAIN_MARKET: Domain.MARKET,
    task_pb2.DOMAIN_GENERAL: Domain.GENERAL,
}
_TASKS: Mapping[int, Task] = {
    task_pb2.TASK_TYPE_ANALYSIS: Task.ANALYSIS,
    task_pb2.TASK_TYPE_GENERATION: Task.GENERATION,
    task_pb2.TASK_TYPE_REASONING: Task.REASONING,
}
_RECOVERIES: Mapping[int, Recovery | None] = {
    pb.STREAM_RECOVERY_UNSPECIFIED: None,
    pb.STREAM_RECOVERY_RESTART: Recovery.RESTART,
    pb.STREAM_RECOVERY_CONTINUE: Recovery.CONTINUE,
    pb.STREAM_RECOVERY_FAIL: Recovery.FAIL,
}
_Word = TypeVar("_Word")
_LONGEST_ID = 200


def read(routing: pb.RoutingRequest, roles: tuple[str, ...], *, streamed: bool = False) -> Request:
    """Return what is asked, by somebody with ``roles``. Raises CallerError ENUM_UNKNOWN."""
    return Request(
        query=routing.query,
        domain=_word(_DOMAINS, routing.domain, "routing.domain"),
        task=_word(_TASKS, routing.task_type, "routing.task_type"),
        context=routing.context,
        additional_context=routing.additional_context,
        max_output_tokens=routing.max_output_tokens,
        temperature=routing.temperature if routing.HasField("temperature") else None,
        strategy=routing.strategy,
        model=routing.model,
        roles=roles,
        streamed=streamed,
        recovery=_word(_RECOVERIES, routing.stream_recovery, "routing.stream_recovery"),
    )


def check_decision_id(decision_id: str) -> None:
    """Refuse what the ledger could not keep. Raises CallerError FIELD_MALFORMED."""
    if len(decision_id) > _LONGEST_ID or not decision_id.isprintable():
        problem = f"must be at most {_LONGEST_ID} printable characters"
        raise invalid("routing.decision_id", problem, reason="FIELD_MALFORMED")


def _word(words: Mapping[int, _Word], value: int, field: str) -> _Word:
    if value not in words:
        known = ", ".join(str(word) for word in words.values() if word is not None)
        raise invalid(field, f"must be one of {known}", reason="ENUM_UNKNOWN", value=value)
    return words[value]
