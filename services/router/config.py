"""What the router is told: who may be asked, in which order, how long, and at what price."""

import re
from datetime import timedelta
from pathlib import Path

from pydantic import Field, field_validator

from services.chassis.config import Settings
from services.router.adapters.budgets import BUDGETS
from services.router.adapters.files import CATALOGUE
from services.router.caching.rules import Rules
from services.router.core.request import CacheUse, Limits, Recovery
from services.router.core.strategy import STRATEGIES
from services.topology import VENDORS

_VERSION = re.compile(r"[a-z]+/[a-z]+=[1-9][0-9]{0,5}")


class Config(Settings, env_prefix="MAGISTRATE_ROUTER_"):
    """Routing policy of this mesh."""

    providers: str = "local"
    """Enabled providers by comma, in the order in which they are tried, such as local,openai."""
    models: str = ""
    """Model of a provider where not the first of the catalogue, by comma, such as local=qwen2.5-coder-1.5b."""
    catalogue_file: Path = CATALOGUE
    """YAML file with the models and their prices."""
    strategy: str = "configured"
    """Strategy of a request that names none: configured, domain, cost, speed, quality or adaptive."""
    explore_share: float = Field(default=0.05, ge=0, le=0.5)
    """Share of the calls by domain whose first model is a challenger, so that its scores become known."""
    near_cap_requests: int = Field(default=10, ge=1, le=100_000)
    """A model steps back behind cheaper ones where a budget could not pay so many requests of it."""
    voters: int = Field(default=3, ge=2, le=9)
    """Models that vote where a vote is asked for, if there are as many."""
    vote_timeout_s: float = Field(default=30.0, gt=0, le=60)
    """Seconds after which a vote is counted without who has not answered."""
    vote_similarity: float = Field(default=0.8, gt=0, le=1)
    """Cosine similarity from which two free answers with the same numbers say the same."""
    embed_timeout_s: float = Field(default=2.0, gt=0, le=10)
    """Seconds to wait for the meaning of answers; without it only equal ones count as alike."""
    ask_when_all_away: bool = False
    """Whether providers are asked all the same where every one is away, instead of a refusal at once."""
    templates: str = ""
    """Version of a prompt template where not the newest, by comma, such as general/analysis=1."""
    hedge_delay_s: float = Field(default=10.0, ge=0.001, le=60)
    """Seconds after which the next provider joins a call that has no answer yet."""
    min_hedge_delay_s: float = Field(default=0.05, ge=0.001, le=60)
    """Least seconds of a measured hedge delay."""
    max_hedge_delay_s: float = Field(default=30.0, ge=0.001, le=60)
    """Most seconds of a measured hedge delay."""
    hedge_samples: int = Field(default=20, ge=1, le=200)
    """Answers of a model after which its own 95th percentile replaces hedge_delay_s."""
    hedge_share: float = Field(default=0.08, ge=0, le=1)
    """Part of the calls that may be hedged; where it is used up, the next provider follows failures alone."""
    hedge_burst: float = Field(default=10.0, ge=0, le=1000)
    """Hedges that a quiet time saves up at most."""
    stream_recovery: Recovery = Recovery.RESTART
    """What happens where a provider breaks off in a streamed answer: restart, continue or fail."""
    stream_idle_s: float = Field(default=10.0, ge=0.01, le=60)
    """Seconds of silence between two pieces of a streamed answer after which its provider counts as broken off."""
    breaker_failures: int = Field(default=5, ge=1, le=100)
    """Faults of a provider in a row after which it is no longer asked."""
    breaker_stall_s: float = Field(default=10.0, ge=0.1, le=60)
    """Seconds of silence up to a call's deadline that count as such a fault; a shorter deadline says nothing."""
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
    auto_promote: bool = True
    """Whether champions change by the rules; where not, the rules only propose."""
    champion_difference: float = Field(default=0.2, gt=0, le=10)
    """By which part a challenger's average must be above the champion's."""
    champion_min_scores: int = Field(default=30, ge=1, le=1_000_000)
    """Scores that champion and challenger must have before the rules compare them."""
    champion_risk: float = Field(default=0.05, gt=0, le=0.5)
    """Probability, over all time, that the rules swap models of equal quality."""
    champion_refresh_s: float = Field(default=0.5, ge=0.05, le=1)
    """Seconds after which routing knows what another replica changed."""
    health_interval_s: float = Field(default=15.0, ge=0.1, le=3600)
    """Seconds between two looks at each provider."""

    cache_use: CacheUse = CacheUse.EXACT
    """Whether an answer of before will do where a request does not say: exact, semantic, refresh or bypass."""
    cache_entries: int = Field(default=1_000, ge=0, le=1_000_000)
    """Answers that each replica keeps in its own memory."""
    cache_bytes: int = Field(default=16_777_216, ge=0)
    """Bytes that these answers may take."""
    cache_ttl_s: float = Field(default=1_800.0, gt=0, le=86_400)
    """Seconds for which a replica keeps an answer; the replicas together keep it twice as long."""
    cache_warmed: int = Field(default=100, ge=0, le=10_000)
    """Answers that a replica takes into its memory when it starts: those that all replicas used last."""
    share_window_s: float = Field(default=0.5, ge=0, le=60)
    """Seconds from the start of a call within which an identical one shares it."""
    cache_epoch_bound_s: float = Field(default=5.0, gt=0, le=300)
    """Seconds within which an invalidation is noticed even if word of it is lost."""
    semantic_threshold: float = Field(default=0.95, ge=0.5, le=1)
    """Cosine from which on two questions may mean the same; they must also name the same numbers, names and so on."""
    semantic_entries: int = Field(default=1_000, ge=1, le=100_000)
    """Questions of one tenant that are kept by their meaning."""
    semantic_timeout_s: float = Field(default=0.25, gt=0, le=10)
    """Seconds that looking for a question of the same meaning may take."""

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

    @field_validator("strategy")
    @classmethod
    def _known(cls, value: str) -> str:
        """Refuse a strategy that does not exist."""
        if value not in STRATEGIES:
            raise ValueError(f"must be one of {', '.join(STRATEGIES)}")
        return value

    @field_validator("templates")
    @classmethod
    def _versions(cls, value: str) -> str:
        """Refuse what is no domain/task=version."""
        for pair in _split(value):
            if not _VERSION.fullmatch(pair):
                raise ValueError("must be domain/task=version pairs, such as general/analysis=1")
        return value

    @property
    def template_versions(self) -> dict[str, int]:
        """Return the pinned version of each domain/task that has one."""
        pairs = (pair.split("=", 1) for pair in _split(self.templates))
        return {name: int(version) for name, version in pairs}

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
    def cache_rules(self) -> Rules:
        """Return what is said about caches."""
        return Rules(
            use=self.cache_use,
            entries=self.cache_entries,
            size=self.cache_bytes,
            ttl_s=self.cache_ttl_s,
            warmed=self.cache_warmed,
            window_s=self.share_window_s,
            epoch_bound_s=self.cache_epoch_bound_s,
            threshold=self.semantic_threshold,
            questions=self.semantic_entries,
            patience_s=self.semantic_timeout_s,
            embed_s=self.embed_timeout_s,
        )

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
