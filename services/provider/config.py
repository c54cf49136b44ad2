"""What one provider process is told: which vendor it serves, and where that is."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from services.chassis.breaker import Rules
from services.chassis.config import SecretFile, Settings

DEFAULT_BASE_URLS = {
    "local": "http://127.0.0.1:8080/v1",
    "ollama": "http://127.0.0.1:11434",
    "anthropic": "https://api.anthropic.com/v1",
    "openai": "https://api.openai.com/v1",
}
VENDORS = tuple(DEFAULT_BASE_URLS)
"""Vendors that have an adapter."""
DEFAULT_MODELS = {
    "local": "smollm2-135m",
    "ollama": "llama3.2",
    "anthropic": "claude-haiku-4-5",
    "openai": "gpt-4o-mini",
}
PAID = frozenset({"anthropic", "openai"})
"""Vendors that answer nobody without a key, and whose keys are left alone for a while when they fail."""
_VERSIONED = frozenset(VENDORS) - {"ollama"}


class Config(Settings, env_prefix="MAGISTRATE_PROVIDER_"):
    """One vendor. A process that is told to serve a vendor without an adapter stops at once."""

    vendor: Literal["local", "ollama", "anthropic", "openai"] = "local"
    """Vendor whose wire format this process speaks."""
    base_url: str = ""
    """Root of the vendor's API with its version, such as http://127.0.0.1:8080/v1; empty takes the vendor's own."""
    api_key_file: SecretFile | None = None
    """File with the vendor's keys, one a line, read again when it changes; none where the vendor asks for none."""
    model: str = Field(default="", max_length=200)
    """Model where a request names none; empty takes the vendor's usual one."""
    connect_timeout_s: float = Field(default=2.0, gt=0, le=60)
    """Seconds to wait for a connection."""
    attempt_timeout_s: float = Field(default=30.0, gt=0, le=600)
    """Seconds to wait for a whole answer, or for the next piece of a streamed one; a shorter deadline wins."""
    key_failures: int = Field(default=5, ge=1, le=1000)
    """Failures in a row after which a key of a paid vendor is left alone for a while."""
    key_recovery_s: float = Field(default=60.0, gt=0, le=3600)
    """Seconds for which it is left alone before one call tries it again."""
    key_window_s: float = Field(default=60.0, gt=0, le=86_400)
    """Seconds whose use of a key is compared with earlier ones, to notice that somebody else uses it."""
    batch_concurrency: int = Field(default=4, ge=1, le=20)
    """Prompts of one batch that are answered side by side."""
    max_connections: int = Field(default=100, ge=1, le=10_000)
    """Connections to the vendor at most."""
    proxy: str = ""
    """HTTP proxy on the way to the vendor; the usual proxy variables are not read."""

    @field_validator("base_url")
    @classmethod
    def _a_plain_root(cls, value: str) -> str:
        """Refuse what would put a secret into logs, or be no address."""
        if not value:
            return value
        scheme, _, rest = value.rstrip("/").partition("://")
        if scheme not in {"http", "https"} or not rest or "@" in rest or "?" in rest:
            raise ValueError("must be an http or https address without user, password or query")
        return f"{scheme}://{rest}"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.vendor in PAID and not self.base_url and self.api_key_file is None:
            problem = f"{self.vendor} answers nobody without a key; set MAGISTRATE_PROVIDER_API_KEY_FILE to its file"
            raise ValueError(problem)
        return self

    @property
    def root(self) -> str:
        """Return the API root in force; an address without a path gets the vendor's version."""
        if not self.base_url:
            return DEFAULT_BASE_URLS[self.vendor]
        bare = "/" not in self.base_url.partition("://")[2]
        return f"{self.base_url}/v1" if bare and self.vendor in _VERSIONED else self.base_url

    @property
    def key_rules(self) -> Rules | None:
        """Return when a key is left alone; None for a machine of our own, whose failures the proxy counts."""
        if self.vendor not in PAID:
            return None
        return Rules(failures=self.key_failures, recovery_s=self.key_recovery_s)

    @property
    def default_model(self) -> str:
        """Return the model in force where a request names none."""
        return self.model or DEFAULT_MODELS[self.vendor]
