"""What is asked of the router, and the limits that every request meets before anything is spent."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from services.chassis.errors import CallerError, Kind, Violation, invalid

MODEL_CHOOSERS = frozenset({"admin", "operator"})
"""Roles that may name a model themselves (spec row RTR-22)."""
MAX_TEMPERATURE = 2.0
MAX_TOOLS = 1_000


class Domain(StrEnum):
    """The field of work a question belongs to."""

    LITERARY = "literary"
    MARKET = "market"
    GENERAL = "general"


class Task(StrEnum):
    """What is to be done with the question."""

    ANALYSIS = "analysis"
    GENERATION = "generation"
    REASONING = "reasoning"


class Recovery(StrEnum):
    """What happens where a provider breaks off after a streamed answer has begun."""

    RESTART = "restart"
    """Another provider begins anew; a discard tells the reader."""
    CONTINUE = "continue"
    """One that can goes on from the partial answer; where none can, as restart."""
    FAIL = "fail"
    """The stream ends; the reader keeps the partial answer."""


class VotingRule(StrEnum):
    """How several models vote on one answer (spec row RTR-19)."""

    UNANIMOUS = "unanimous"
    """All must agree."""
    MAJORITY = "majority"
    """More than half must agree."""
    WEIGHTED = "weighted"
    """More than half of the weight must agree; a model weighs what its scores say."""
    CONFIDENCE = "confidence"
    """Those that agree must be good enough on average."""


class CacheUse(StrEnum):
    """Whether an answer that was given before will do."""

    EXACT = "exact"
    """To the identical question."""
    SEMANTIC = "semantic"
    """Also to a question that means the same."""
    REFRESH = "refresh"
    """No; and the new one replaces what was kept."""
    BYPASS = "bypass"
    """No; and the new one is not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One question on its way to a model."""

    query: str
    domain: Domain
    task: Task
    context: str = ""
    additional_context: str = ""
    max_output_tokens: int = 0
    """0 takes the default."""
    temperature: float | None = None
    """None takes the template's own."""
    strategy: str = ""
    """Empty takes the configured default."""
    model: str = ""
    """Empty leaves the choice to the strategy."""
    json_schema: str = ""
    """JSON schema of the answer; empty means free text."""
    voting_rule: VotingRule | None = None
    """None asks one model."""
    tool_count: int = 0
    """Tools that the answer may call for."""
    streamed: bool = False
    """Whether the answer is wanted token by token."""
    recovery: Recovery | None = None
    """None takes the configured one; only for a streamed answer."""
    cache_use: CacheUse | None = None
    """None takes the configured default."""
    roles: tuple[str, ...] = ()
    """Roles of whoever asks."""
    intent_key: str = ""
    """The evidence that this call was about to be made; empty where nobody recorded it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may have at most."""

    query_characters: int = 5_000
    additional_context_characters: int = 10_000
    schema_characters: int = 10_000
    prompt_tokens: int = 4_000
    """Spec row PRV-11."""
    output_tokens: int = 4_000
    default_output_tokens: int = 256
    micro_usd: int = 500_000
    """All its tries together (spec row PRV-08, ruling C15)."""


def check(request: Request, limits: Limits, strategies: Collection[str]) -> None:
    """Refuse what no provider should ever see.

    Raises:
        CallerError: FIELD_REQUIRED, FIELD_TOO_LONG, FIELD_OUT_OF_RANGE, FIELD_MALFORMED or MODEL_OVERRIDE_NOT_ALLOWED.
    """
    _check_texts(request, limits)
    _check_numbers(request, limits)
    if request.streamed and request.voting_rule:
        raise invalid("routing.voting_rule", "must be unset for a stream: an answer is known only after the vote")
    if request.strategy and request.strategy not in strategies:
        raise invalid("routing.strategy", f"must be one of {', '.join(sorted(strategies))}", value=request.strategy)
    if request.model and MODEL_CHOOSERS.isdisjoint(request.roles):
        raise CallerError(
            Kind.DENIED,
            "MODEL_OVERRIDE_NOT_ALLOWED",
            "only an admin or operator may name a model",
            metadata={"field": "routing.model"},
        )


def _check_texts(request: Request, limits: Limits) -> None:
    if not request.query.strip():
        raise invalid("routing.query", "is empty; ask a question", reason="FIELD_REQUIRED")
    _check_length("routing.query", request.query, limits.query_characters)
    _check_length("routing.additional_context", request.additional_context, limits.additional_context_characters)
    if request.json_schema:
        _check_schema(request.json_schema, limits.schema_characters)


def _check_numbers(request: Request, limits: Limits) -> None:
    if not 0 <= request.max_output_tokens <= limits.output_tokens:
        raise invalid(
            "routing.max_output_tokens", f"must be 0 to {limits.output_tokens}", value=request.max_output_tokens
        )
    # A comparison with NaN is always false, so NaN is refused as well.
    if request.temperature is not None and not 0 <= request.temperature <= MAX_TEMPERATURE:
        raise invalid("routing.temperature", f"must be 0 to {MAX_TEMPERATURE:g}", value=request.temperature)
    if not 0 <= request.tool_count <= MAX_TOOLS:
        raise invalid("routing.tool_count", f"must be 0 to {MAX_TOOLS}", value=request.tool_count)


def _check_schema(text: str, limit: int) -> None:
    field = "routing.json_schema"
    _check_length(field, text, limit)
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError):
        raise invalid(field, "is no JSON; send a JSON schema as text", reason="FIELD_MALFORMED") from None
    if not isinstance(schema, dict):
        raise invalid(field, 'must be a JSON object, such as {"type": "object"}', reason="FIELD_MALFORMED")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        problem = f"is no JSON schema: {error.json_path} breaks the rules of draft 2020-12"
        raise invalid(field, problem, reason="FIELD_MALFORMED") from None


def _check_length(field: str, text: str, limit: int) -> None:
    if len(text) <= limit:
        return
    problem = f"has {len(text)} characters; at most {limit} are allowed"
    raise CallerError(
        Kind.INVALID,
        "FIELD_TOO_LONG",
        f"{field} {problem}",
        metadata={"field": field, "limit": str(limit), "actual": str(len(text))},
        violations=(Violation(field=field, problem=problem),),
    )
