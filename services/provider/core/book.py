"""What became of every try: kept for a while, because only this process knows what a cancelled one had cost."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from services.provider.core import tokens
from services.provider.core.completion import Delta, End, Event, Message, Opened, Usage


class Outcome(StrEnum):
    """How a try ended."""

    WON = "won"
    """The vendor answered whole."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    """The caller took it back, for one because another provider was faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is known of a try before it begins."""

    call_id: str
    model: str
    messages: tuple[Message, ...]
    key_fingerprint: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class Try:
    """One try at the vendor: filled while it runs, never changed after its end."""

    call_id: str
    model: str
    key_fingerprint: str
    started_at: datetime
    started: float
    """The same moment on a clock that only grows."""
    first_token_after_s: float | None = None
    duration_s: float = 0.0
    outcome: Outcome | None = None
    """None while it runs."""
    reason: str = ""
    usage: Usage
    pieces: int = 0
    characters: int = 0

    def take(self, event: Event, now: float) -> None:
        """Note the next event of the answer."""
        match event:
            case Opened():
                self.usage = Usage(prompt_tokens=event.prompt_tokens, completion_tokens=0, estimated=True)
            case Delta():
                if self.first_token_after_s is None:
                    self.first_token_after_s = now - self.started
                self.pieces += 1
                self.characters += len(event.text)
            case End():
                self.usage = event.usage
                self.end(Outcome.WON, now)

    def unfit(self, reason: str) -> None:
        """Note that the whole answer, which is paid, is none that can be used."""
        self.outcome, self.reason = Outcome.FAILED, reason

    def end(self, outcome: Outcome, now: float, *, reason: str = "", unpaid: bool = False) -> None:
        """Note how it ended, once: what comes after the whole answer changes nothing.

        A broken or cancelled one is counted by what had come; ``unpaid`` says that the vendor did no work for it.
        """
        if self.outcome is not None:
            return
        self.outcome, self.reason, self.duration_s = outcome, reason, now - self.started
        if unpaid:
            self.usage = Usage(prompt_tokens=0, completion_tokens=0, estimated=False)
        elif outcome is not Outcome.WON:
            written = tokens.estimate_written(self.characters, self.pieces)
            self.usage = Usage(prompt_tokens=self.usage.prompt_tokens, completion_tokens=written, estimated=True)


@dataclass(slots=True, kw_only=True)
class Memory:
    """What the book tells of one call."""

    ended: tuple[Try, ...]
    """Oldest first."""
    running: int
    since: datetime
    """What ended before this may have been forgotten."""


@dataclass(slots=True, kw_only=True)
class Book:
    """The tries of this process: all that run, and those that ended lately."""

    opened_at: datetime
    most: int = 20_000
    """Ended tries that are kept at most."""
    age: timedelta = timedelta(minutes=15)
    """How long an ended try is kept; the longest call lives for a minute."""
    _running: dict[str, list[Try]] = field(default_factory=dict)
    _ended: dict[str, list[Try]] = field(default_factory=dict)
    _order: deque[Try] = field(default_factory=deque)
    _forgotten_until: datetime | None = None

    def begin(self, plan: Plan, now: datetime, monotonic: float) -> Try:
        """Open a try that starts now."""
        usage = tokens.estimate_usage(plan.messages, "")
        attempt = Try(
            call_id=plan.call_id,
            model=plan.model,
            key_fingerprint=plan.key_fingerprint,
            started_at=now,
            started=monotonic,
            usage=usage,
        )
        self._running.setdefault(plan.call_id, []).append(attempt)
        return attempt

    def close(self, attempt: Try) -> None:
        """Move a try that has ended to those that are kept for a while."""
        _take(self._running, attempt)
        self._ended.setdefault(attempt.call_id, []).append(attempt)
        self._order.append(attempt)
        self._forget(attempt.started_at + timedelta(seconds=attempt.duration_s))

    def running(self, call_id: str) -> tuple[Try, ...]:
        """Return the tries of the call ``call_id`` that have not ended."""
        return tuple(self._running.get(call_id, ()))

    def recall(self, call_id: str, now: datetime) -> Memory:
        """Return the tries of the call ``call_id``."""
        self._forget(now)
        ended = sorted(self._ended.get(call_id, ()), key=_start)
        running = len(self.running(call_id))
        return Memory(ended=tuple(ended), running=running, since=self._forgotten_until or self.opened_at)

    def _forget(self, now: datetime) -> None:
        while self._order and (len(self._order) > self.most or now - self._order[0].started_at > self.age):
            oldest = self._order.popleft()
            _take(self._ended, oldest)
            self._forgotten_until = max(self._forgotten_until or self.opened_at, oldest.started_at)


def _start(attempt: Try) -> float:
    return attempt.started


def _take(shelf: dict[str, list[Try]], attempt: Try) -> None:
    tries = shelf[attempt.call_id]
    tries.remove(attempt)
    if not tries:
        del shelf[attempt.call_id]
