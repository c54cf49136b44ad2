"""The values that every vendor's dialect is translated to and from."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Who speaks in a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Finish(StrEnum):
    """Why the model stopped."""

    STOP = "stop"
    LENGTH = "length"
    FILTERED = "content_filter"
    UNSPECIFIED = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of the conversation."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What is asked of the vendor."""

    model: str
    """The vendor's own name of the model."""
    messages: tuple[Message, ...]
    max_tokens: int
    """Cap of the answer, 1 to 4000."""
    temperature: float | None = None
    """0.0 to 2.0; None leaves the vendor's default."""
    json_schema: str = ""
    """JSON schema that the answer must follow; empty leaves it free."""
    seed: int | None = None
    partial: str = ""
    """What the answer already says; the vendor goes on from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call."""

    prompt_tokens: int
    completion_tokens: int
    estimated: bool
    """True when the vendor gave no count and characters / 4 was used (spec row PRV-05)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A whole answer."""

    text: str
    model: str
    """The model that the vendor says answered."""
    finish: Finish
    usage: Usage
    wrong: str = ""
    """As of ``End``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The vendor has read the prompt, and says how long it is."""

    prompt_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """The next piece of a streamed answer; never empty."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The last event of a streamed answer that is complete."""

    model: str
    finish: Finish
    usage: Usage
    wrong: str = ""
    """How the answer breaks the schema that was asked for; empty where it does not."""


Event = Opened | Delta | End
"""A stream is at most one Opened, any number of Delta and exactly one End; without an End it was cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCount:
    """How many tokens a text has."""

    tokens: int
    estimated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a light look at the vendor found."""

    healthy: bool
    models: tuple[str, ...]
    """The vendor's own model names, as far as it lists them."""
    reason: str = ""
    """The reason of the failure where not healthy."""
