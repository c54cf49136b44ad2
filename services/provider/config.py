"""What one provider process is told: which vendor it serves, and where that is."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from services.chassis.config import SecretFile, Settings

DEFAULT_BASE_URLS = {"local": "http://127.0.0.1:8080/v1", "openai": "https://api.openai.com/v1"}
VENDORS = tuple(DEFAULT_BASE_URLS)
"""Vendors that have an adapter."""
DEFAULT_MODELS = {"local": "smollm2-135m", "openai": "gpt-4o-mini"}


class Config(Settings, env_prefix="MAGISTRATE_PROVIDER_"):
    """One vendor. A process that is told to serve a vendor without an adapter stops at once."""

    vendor: Literal["local", "openai"] = "local"
    """Vendor whose wire format this process speaks."""
    base_url: str = ""
    """Root of the vendor's API with its version, such as http://127.0.0.1:8080/v1; empty takes the vendor's own."""
    api_key_file: SecretFile | None = None
    """File with the vendor's key, read at each call; none where the vendor asks for none."""
    model: str = Field(default="", max_length=200)
    """Model where a request names none; empty takes the vendor's usual one."""
    connect_timeout_s: float = Field(default=2.0, gt=0, le=60)
    """Seconds to wait for a connection."""
    attempt_timeout_s: float = Field(default=30.0, gt=0, le=600)
    """Seconds to wait for a whole answer, or for the next piece of a streamed one; a shorter deadline wins."""
    max_connections: int = Field(default=100, ge=1, le=10_000)
    """Connections to the vendor at most."""
    proxy: str = ""
    """HTTP proxy on the way to the vendor; the usual proxy variables are not read."""

    @field_validator("base_url")
    @classmethod
    def _a_plain_root(cls, value: str) -> str:
        """Refuse what would put a secret into logs, or be no address; add the version where the path is empty."""
        if not value:
            return value
        scheme, _, rest = value.rstrip("/").partition("://")
        if scheme not in {"http", "https"} or not rest or "@" in rest or "?" in rest:
            raise ValueError("must be an http or https address without user, password or query")
        return f"{scheme}://{rest}" if "/" in rest else f"{scheme}://{rest}/v1"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.vendor == "openai" and not self.base_url and self.api_key_file is None:
            raise ValueError("openai answers nobody without a key; set MAGISTRATE_PROVIDER_API_KEY_FILE to its file")
        return self

    @property
    def root(self) -> str:
        """Return the API root in force."""
        return self.base_url or DEFAULT_BASE_URLS[self.vendor]

    @property
    def default_model(self) -> str:
        """Return the model in force where a request names none."""
        return self.model or DEFAULT_MODELS[self.vendor]
