"""From the wire to a request."""

from collections.abc import Mapping
from typing import TypeVar

from magistrate.common.v1 import task_pb2
from magistrate.router.v1 import router_pb2 as pb
from services.chassis.errors import invalid
from services.router.core.caching.epoch import Scope
from services.router.core.request import CacheUse, Domain, Recovery, Request, Task, VotingRule

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
_VOTING_RULES: Mapping[int, VotingRule | None] = {
    pb.VOTING_RULE_UNSPECIFIED: None,
    pb.VOTING_RULE_UNANIMOUS: VotingRule.UNANIMOUS,
    pb.VOTING_RULE_MAJORITY: VotingRule.MAJORITY,
    pb.VOTING_RULE_WEIGHTED: VotingRule.WEIGHTED,
    pb.VOTING_RULE_CONFIDENCE: VotingRule.CONFIDENCE,
}
_CACHE_USES: Mapping[int, CacheUse] = {
    pb.CACHE_USE_EXACT: CacheUse.EXACT,
    pb.CACHE_USE_SEMANTIC: CacheUse.SEMANTIC,
    pb.CACHE_USE_REFRESH: CacheUse.REFRESH,
    pb.CACHE_USE_BYPASS: CacheUse.BYPASS,
}
_Word = TypeVar("_Word")
_LONGEST_ID = 200
_LONGEST_PERSON = 256


def person(subject_id: str) -> str:
    """Return the id of a person. Raises CallerError FIELD_REQUIRED, FIELD_TOO_LONG."""
    if not subject_id:
        raise invalid("subject_id", "must be given", reason="FIELD_REQUIRED")
    if len(subject_id) > _LONGEST_PERSON:
        problem = f"must have at most {_LONGEST_PERSON} characters"
        raise invalid("subject_id", problem, reason="FIELD_TOO_LONG", value=len(subject_id))
    return subject_id


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
        json_schema=routing.json_schema,
        voting_rule=_word(_VOTING_RULES, routing.voting_rule, "routing.voting_rule"),
        tool_count=routing.tool_count,
        streamed=streamed,
        recovery=_word(_RECOVERIES, routing.stream_recovery, "routing.stream_recovery"),
        cache_use=_cache_use(routing.cache_use),
        roles=roles,
        intent_key=_intent_key(routing.intent_key),
    )


def check_decision_id(decision_id: str) -> None:
    """Refuse what the ledger could not keep. Raises CallerError FIELD_MALFORMED."""
    if len(decision_id) > _LONGEST_ID or not decision_id.isprintable():
        problem = f"must be at most {_LONGEST_ID} printable characters"
        raise invalid("routing.decision_id", problem, reason="FIELD_MALFORMED")


def _intent_key(key: str) -> str:
    if len(key) > _LONGEST_ID or not key.isascii() or not key.isprintable():
        problem = f"must be at most {_LONGEST_ID} printable ASCII characters"
        raise invalid("routing.intent_key", problem, reason="FIELD_MALFORMED")
    return key


def field_of_work(domain: int, task: int) -> tuple[Domain, Task]:
    """Return the domain and task of a request about champions. Raises CallerError ENUM_UNKNOWN."""
    return _word(_DOMAINS, domain, "domain"), _word(_TASKS, task, "task_type")


def _cache_use(value: int) -> CacheUse | None:
    return _word(_CACHE_USES, value, "routing.cache_use") if value else None


def scope(domain: int, task: int) -> Scope:
    """Return which answers of a tenant are meant; what is unset means all. Raises CallerError ENUM_UNKNOWN."""
    return Scope(
        domain=_word(_DOMAINS, domain, "domain") if domain else None,
        task=_word(_TASKS, task, "task_type") if task else None,
    )


def _word(words: Mapping[int, _Word], value: int, field: str) -> _Word:
    if value not in words:
        known = ", ".join(str(word) for word in words.values() if word)
        raise invalid(field, f"must be one of {known}", reason="ENUM_UNKNOWN", value=value)
    return words[value]
