"""The room's metrics: tries, tokens by key, and what is unusual about a key."""

from collections.abc import Callable
from dataclasses import dataclass, field

from services.chassis import log, metrics
from services.provider.core.book import Outcome, Try
from services.provider.core.keys import KeyRing
from services.provider.core.usage import Watch

ROTATION_DAYS = 90
"""After so many days keys should be others (spec row PRV-12)."""
_DAY_S = 86_400.0

_TRIES = metrics.counter(
    "magistrate_provider_tries_total", "Tries at a vendor, by how they ended.", ("provider", "outcome", "reason")
)
_KEY_TRIES = metrics.counter(
    "magistrate_provider_key_tries_total", "Tries by key, named by its fingerprint.", ("provider", "key", "outcome")
)
_KEY_TOKENS = metrics.counter(
    "magistrate_provider_key_tokens_total", "Tokens by key and direction.", ("provider", "key", "direction")
)
_UNUSUAL = metrics.counter(
    "magistrate_provider_key_unusual_use_total",
    "Windows in which a key was used more than 3 standard deviations above its mean: somebody else may have it.",
    ("provider", "key"),
)
_ASIDE = metrics.gauge(
    "magistrate_provider_keys_set_aside", "Keys that are not used now: rejected, limited or failing.", ("provider",)
)
_AGE = metrics.gauge("magistrate_provider_key_age_days", "Days since the keys were last changed.", ("provider",))
_DUE = metrics.gauge(
    "magistrate_provider_key_rotation_due", f"1 where the keys are older than {ROTATION_DAYS} days.", ("provider",)
)
_log = log.get_logger("provider", fields=("key_fingerprint",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Counts the tries of one vendor."""

    provider: str
    window_s: float = 60.0
    """Length of the windows in which the use of a key is compared."""
    _watches: dict[str, Watch] = field(default_factory=dict)

    def count(self, attempt: Try, now: float) -> None:
        """Count one try that has ended."""
        outcome = attempt.outcome or Outcome.FAILED
        _TRIES.labels(self.provider, outcome, attempt.reason).inc()
        key = attempt.key_fingerprint
        if not key:
            return
        _KEY_TRIES.labels(self.provider, key, outcome).inc()
        _KEY_TOKENS.labels(self.provider, key, "input").inc(attempt.usage.prompt_tokens)
        _KEY_TOKENS.labels(self.provider, key, "output").inc(attempt.usage.completion_tokens)
        self._watch(key, attempt.usage.prompt_tokens + attempt.usage.completion_tokens, now)

    def show_keys(self, ring: KeyRing, age_s: Callable[[], float], now: Callable[[], float]) -> None:
        """Let every scrape read how the keys are at that moment."""
        aside = _ASIDE.labels(self.provider)
        aside.set_function(lambda: sum(holder.wait_s(now()) > 0 for holder in ring.holders))
        _AGE.labels(self.provider).set_function(lambda: age_s() / _DAY_S)
        _DUE.labels(self.provider).set_function(lambda: float(age_s() > ROTATION_DAYS * _DAY_S))

    def _watch(self, key: str, tokens: int, now: float) -> None:
        watch = self._watches.get(key)
        if watch is None:
            watch = self._watches[key] = Watch(window_s=self.window_s)
        if watch.add(tokens, now):
            _UNUSUAL.labels(self.provider, key).inc()
            _log.warning("unusual use of a key", provider=self.provider, key_fingerprint=key)
