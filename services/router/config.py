"""What the router is told: who may be asked, in which order, how long, and at what price."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field, field_validator

from services.chassis.config import Settings
from services.router.adapters.budgets import BUDGETS
from services.router.adapters.files import CATALOGUE
from services.router.core.request import Limits, Recovery
from services.topology import VENDORS


class Config(Settings, env_prefix="MAGISTRATE_ROUTER_"):
    """Routing policy of this mesh."""

    providers: str = "local"
    """Enabled providers by comma, in the order in which they are tried, such as local,openai."""
    models: str = ""
    """Model of a provider where not the first of the catalogue, by comma, such as local=qwen2.5-coder-1.5b."""
    catalogue_file: Path = CATALOGUE
    """YAML file with the models and their prices."""
    hedge_delay_s: float = Field(default=10.0, ge=0.001, le=60)
    """Seconds after which the next provider joins a call that has no answer yet."""
    min_hedge_delay_s: float = Field(default=0.05, ge=0.001, le=60)
    """Least seconds of a measured hedge delay."""
    max_hedge_delay_s: float = Field(default=30.0, ge=0.001, le=60)
    """Most seconds of a measured hedge delay."""
    hedge_samples: int = Field(default=20, ge=1, le=200)
    """Answers of a model after which its own 95th percentile replaces hedge_delay_s."""
    hedge_share: float = Field(default=0.07, ge=0, le=1)
    """Part of the calls that may be hedged; where it is used up, the next provider follows failures alone."""
    hedge_burst: float = Field(default=5.0, ge=0, le=1000)
    """Hedges that a quiet time saves up at most."""
    stream_recovery: Recovery = Recovery.RESTART
    """What happens where a provider breaks off in a streamed answer: restart, continue or fail."""
    stream_idle_s: float = Field(default=10.0, ge=0.01, le=60)
    """Seconds of silence between two pieces of a streamed answer after which its provider counts as broken off."""
    breaker_failures: int = Field(default=5, ge=1, le=100)
    """Faults of a provider in a row after which it is no longer asked."""
    breaker_recovery_s: float = Field(default=60.0, ge=0.1, le=3600)
    """Seconds after which it is asked again, once at a time."""
    route_timeout_s: float = Field(default=60.0, gt=0, le=60)
    """Seconds for a call with all its tries; a shorter deadline wins."""
    max_prompt_tokens: int = Field(default=4_000, ge=1, le=200_000)
    """Tokens that a prompt may have, context included."""
    max_output_tokens: int = Field(default=4_000, ge=1, le=4_000)
    """Tokens that an answer may have."""
    default_output_tokens: int = Field(default=256, ge=1, le=4_000)
    """Tokens that an answer may have where the request does not say."""
    max_request_micro_usd: int = Field(default=500_000, ge=0)
    """Millionths of a US dollar that one request may cost with all its tries."""
    budgets_file: Path = BUDGETS
    """YAML file with what tenants and users may spend in a UTC day."""
    hold_grace_s: float = Field(default=15.0, ge=0.1, le=600)
    """Seconds beyond route_timeout_s after which what a call had set aside is settled without its router."""
    reconcile_interval_s: float = Field(default=5.0, ge=0.05, le=600)
    """Seconds between two looks for such calls."""
    health_interval_s: float = Field(default=15.0, ge=0.1, le=3600)
    """Seconds between two looks at each provider."""

    @field_validator("providers")
    @classmethod
    def _known_and_once(cls, value: str) -> str:
        """Refuse a name that no service carries, and one that is there twice."""
        names = _split(value)
        if not names or len(set(names)) < len(names) or not set(names) <= set(VENDORS):
            raise ValueError(f"must name some of {', '.join(VENDORS)}, each once")
        return value

    @field_validator("models")
    @classmethod
    def _pairs(cls, value: str) -> str:
        """Refuse what is no provider=model."""
        for pair in _split(value):
            provider, _, model = pair.partition("=")
            if provider not in VENDORS or not model:
                raise ValueError(f"must be provider=model pairs, with a provider of {', '.join(VENDORS)}")
        return value

    @property
    def order(self) -> tuple[str, ...]:
        """Return the enabled providers in their order."""
        return _split(self.providers)

    @property
    def preferred_models(self) -> dict[str, str]:
        """Return the configured model of each provider that has one."""
        return dict(pair.split("=", 1) for pair in _split(self.models))

    @property
    def hold(self) -> timedelta:
        """Return how long a call may keep what it has set aside."""
        return timedelta(seconds=self.route_timeout_s + self.hold_grace_s)

    @property
    def limits(self) -> Limits:
        """Return what one request may have at most."""
        return Limits(
            prompt_tokens=self.max_prompt_tokens,
            output_tokens=self.max_output_tokens,
            default_output_tokens=min(self.default_output_tokens, self.max_output_tokens),
            micro_usd=self.max_request_micro_usd,
        )


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for piece in text.split(",") if (part := piece.strip()))
