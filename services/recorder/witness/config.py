"""What a witness must be told."""

from pathlib import Path

from pydantic import Field, field_validator

from services.chassis.config import SecretFile, Settings
from services.recorder.adapters.keys import CosigningKey
from services.recorder.core.policy import read_policy


class Config(Settings, env_prefix="MAGISTRATE_WITNESS_"):
    """A witness's name, its key, and the logs that it watches."""

    name: str = Field(pattern=r"^[^\s+]{1,200}$")
    """Its name in every cosignature, by custom a URL without a scheme, such as witness.example.org/w1."""
    signing_key_file: SecretFile
    """Ed25519 or ML-DSA-44 key in PKCS 8 PEM that has no other use; `magistrate keys witness FOLDER` makes one."""
    logs_file: SecretFile
    """The logs that it cosigns, as a C2SP tlog-policy: a line `log VERIFIER_KEY` for each key, and `quorum none`."""
    state_file: Path
    """File that remembers the last checkpoint of each log; a witness that loses it may cosign a second past."""
    host: str = "127.0.0.1"
    """Address to listen at."""
    port: int = Field(default=7080, ge=1, le=65535)
    """Port to listen at."""

    @field_validator("signing_key_file")
    @classmethod
    def _must_sign(cls, file: SecretFile) -> SecretFile:
        CosigningKey(file.read())
        return file

    @field_validator("logs_file")
    @classmethod
    def _must_name_logs(cls, file: SecretFile) -> SecretFile:
        if not read_policy(file.read()).logs:
            raise ValueError("it names no log")
        return file
