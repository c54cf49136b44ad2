"""What may be asked (spec 2.18, ENG-45, conflict C10)."""

import hashlib
import re
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby

from services.chassis import errors

MAX_QUERY_CHARS = 5_000
MAX_ADDITIONAL_CHARS = 10_000
MAX_OUTPUT_TOKENS = 4_000
MAX_TEMPERATURE = 2.0
MAX_TOOLS = 1_000
NO_VOTE = "none"
VOTING_RULES = (NO_VOTE, "unanimous", "majority", "weighted", "confidence")
"""How several models may vote on an answer (spec row RTR-19)."""
MAX_CONTROL_CHARS = 1
MAX_RUN_SHARE = 0.3
RUN_CHECKED_FROM_CHARS = 64
"""Below this length a run of one character is a person's emphasis, not an attack."""

_PACK_ID = re.compile(r"[a-z0-9-]{1,63}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}")
_NAME = re.compile(r"[A-Za-z0-9._:/+-]{1,128}")
_LAYOUT = "\t\n\r"


class Domain(IntEnum):
    """Field of work; the numbers are those of the contract."""

    LITERARY = 1
    MARKET = 2
    GENERAL = 3


class TaskType(IntEnum):
    """Kind of task; the numbers are those of the contract."""

    ANALYSIS = 1
    GENERATION = 2
    REASONING = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question that has passed every rule of this page."""

    query: str
    domain: Domain
    task_type: TaskType
    pack_id: str = ""
    additional_context: str = ""
    temperature: float | None = None
    max_output_tokens: int = 0
    strategy: str = ""
    model: str = ""
    strict_context: bool = False
    high_impact: bool = False
    subject_id: str = ""
    voting_rule: str = ""
    tool_count: int = 0
    fresh: bool = False

    def __post_init__(self) -> None:
        """Refuse what breaks a rule.

        Raises:
            CallerError: INVALID with the field and what would be right.
        """
        _check_text("question.query", self.query, MAX_QUERY_CHARS, required=True)
        _check_text("question.additional_context", self.additional_context, MAX_ADDITIONAL_CHARS)
        _check_form(
            "question.context_pack_id", self.pack_id, _PACK_ID, "lowercase letters, digits and dashes, at most 63"
        )
        _check_form("question.strategy", self.strategy, _NAME, "a strategy's name")
        _check_form("question.model", self.model, _NAME, "a model's name")
        _check_form(
            "question.subject_id", self.subject_id, _TOKEN, "an opaque id of letters, digits, dashes and underscores"
        )
        _check_range("question.max_output_tokens", self.max_output_tokens, 0, MAX_OUTPUT_TOKENS)
        _check_range("question.tool_count", self.tool_count, 0, MAX_TOOLS)
        if self.voting_rule and self.voting_rule not in VOTING_RULES:
            problem = f"must be one of {', '.join(VOTING_RULES)}"
            raise errors.invalid("question.voting_rule", problem, value=self.voting_rule)
        if self.temperature is not None:
            _check_range("question.temperature", self.temperature, 0, MAX_TEMPERATURE)

    def rule(self, high_impact_rule: str) -> str:
        """Return the rule by which models shall vote, ``high_impact_rule`` where much depends on it; empty for none."""
        chosen = self.voting_rule or (high_impact_rule if self.high_impact else NO_VOTE)
        return "" if chosen == NO_VOTE else chosen

    def digest(self) -> bytes:
        """Return SHA-256 over every part, to tell a retry from another question under the same id."""
        parts = tuple(getattr(self, name) for name in Question.__slots__)
        return hashlib.sha256(repr(parts).encode()).digest()


def domain(number: int) -> Domain:
    """Return the domain with this number, or raise INVALID ENUM_UNKNOWN."""
    return Domain(_known("question.domain", number, Domain))


def task_type(number: int) -> TaskType:
    """Return the task type with this number, or raise INVALID ENUM_UNKNOWN."""
    return TaskType(_known("question.task_type", number, TaskType))


def check_id(field: str, value: str, *, required: bool = True) -> None:
    """Refuse an id that is not 1 to 128 letters, digits, dashes and underscores.

    Raises:
        CallerError: INVALID FIELD_REQUIRED or FIELD_MALFORMED.
    """
    if required and not value:
        raise errors.invalid(field, "must be given", reason="FIELD_REQUIRED")
    _check_form(field, value, _TOKEN, "1 to 128 letters, digits, dashes and underscores")


def _known(field: str, number: int, kind: type[IntEnum]) -> int:
    if number not in {member.value for member in kind}:
        names = ", ".join(member.name for member in kind)
        raise errors.invalid(field, f"must be one of {names}", reason="ENUM_UNKNOWN", value=number)
    return number


def _check_text(field: str, text: str, limit: int, *, required: bool = False) -> None:
    if required and not text.strip():
        raise errors.invalid(field, "must not be empty", reason="FIELD_REQUIRED")
    if len(text) > limit:
        problem = f"may have at most {limit} characters, it has {len(text)}"
        raise errors.invalid(field, problem, reason="FIELD_TOO_LONG", value=len(text))
    if sum(_is_control(character) for character in text) > MAX_CONTROL_CHARS:
        raise errors.invalid(field, "has control characters; send plain text", reason="TEXT_REJECTED")
    if len(text) >= RUN_CHECKED_FROM_CHARS and _longest_run(text) > MAX_RUN_SHARE * len(text):
        problem = "repeats one character over more than 30 % of its length"
        raise errors.invalid(field, problem, reason="TEXT_REJECTED")


def _is_control(character: str) -> bool:
    return (character < " " or "\x7f" <= character < "\xa0") and character not in _LAYOUT


def _longest_run(text: str) -> int:
    return max(sum(1 for _ in run) for _, run in groupby(text))


def _check_form(field: str, value: str, form: re.Pattern[str], right: str) -> None:
    if value and not form.fullmatch(value):
        raise errors.invalid(field, f"must be {right}", reason="FIELD_MALFORMED")


def _check_range(field: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also refuses NaN
        raise errors.invalid(field, f"must be from {low} to {high}", value=value)
