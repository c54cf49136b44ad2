"""What a fake vendor is told to do, step by step."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType

from tests.fakes import anthropic_wire, http_wire, ollama_wire, openai_wire
from tests.fakes.http_wire import Call

WORDS = ("The", " leave", " policy", " grants", " twenty", " five", " days", ".")
CONTEXT_TOO_LONG = "context_length_exceeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A good answer, or one that goes wrong after some tokens. Streams when the request asks for a stream."""

    words: tuple[str, ...] = WORDS
    delay_s: float = 0.0
    """Wait before the headers."""
    gap_s: float = 0.0
    """Wait before each token: a slow drip."""
    usage: bool = True
    """Whether the vendor counts the tokens for us."""
    finish: str = "stop"
    stall_after: int | None = None
    """Send so many tokens, then nothing more and keep the connection open."""
    cut_after: int | None = None
    """Send so many tokens, then drop the connection."""
    junk_after: int | None = None
    """Send so many tokens, then a chunk that is not JSON."""
    error_after: int | None = None
    """Send so many tokens, then an error object inside the stream."""
    fragment: int | None = None
    """Send the stream in pieces of so many bytes, wherever that cuts an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An HTTP error with the vendor's error body."""

    status: int
    retry_after: str | None = None
    code: str = ""
    message: str = "the fake vendor refuses"
    cut: bool = False
    """Drop the connection within the body."""

    def reply(self, call: Call) -> bytes:
        """Return it as it goes over the wire in reply to ``call``."""
        headers = {"Retry-After": self.retry_after} if self.retry_after else {}
        body = wire_of(call).error(self.status, self.message, self.code)
        whole = http_wire.reply_json(body, self.status, headers)
        return whole[:-1] if self.cut else whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Take the request and never send headers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Junk:
    """Status 200 with this body, whatever was asked."""

    body: bytes = b'{"choices": [{"mess'


def wire_of(call: Call) -> ModuleType:
    """Return the wire format that ``call`` speaks; OpenAI and Anthropic have some paths in common."""
    if call.path.startswith("/api/"):
        return ollama_wire
    return anthropic_wire if "anthropic-version" in call.headers else openai_wire


Step = Answer | Refusal | Silence | Junk

SCRIPTS: Mapping[str, Step] = {
    "instant": Answer(),
    "slow": Answer(delay_s=2.0),
    "drip": Answer(gap_s=0.2),
    "silent": Silence(),
    "stall": Answer(stall_after=3),
    "cut": Answer(cut_after=3),
    "junk": Junk(),
    "junk-chunk": Answer(junk_after=3),
    "error-chunk": Answer(error_after=3),
    "busy": Refusal(status=429, retry_after="2", code="rate_limit_exceeded"),
    "overloaded": Refusal(status=529, retry_after="1"),
    "down": Refusal(status=503),
    "unauthorised": Refusal(status=401, code="invalid_api_key"),
    "too-long": Refusal(status=400, code=CONTEXT_TOO_LONG),
}
"""Steps by name, for the command line and ``POST /script``."""


def named(script: str) -> list[Step]:
    """Return the steps of a comma-separated list of names, ``busy,instant``. Raises KeyError on an unknown name."""
    return [SCRIPTS[name.strip()] for name in script.split(",")]
