"""What the recorder must be told."""

from pathlib import Path

from pydantic import Field, field_validator

from services.chassis.config import SecretFile, Settings
from services.recorder.adapters.keys import AesSeal
from services.recorder.core.note import public_keys_of


class Config(Settings, env_prefix="MAGISTRATE_RECORDER_"):
    """Names, keys and limits of the evidence log."""

    deployment: str = Field(default="local", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """Name of this deployment, part of every log's origin; it must never change."""
    verifier_key_file: SecretFile
    """C2SP verifier keys of the checkpoints, the newest first; `python -m tools.verify.keys FOLDER` makes the first one
    with its private half, which the publisher has. A key that follows is announced in every open log."""
    body_key_file: SecretFile
    """Key that wraps the tenants' keys, 32 bytes in base64; `python -m tools.verify.keys FOLDER` makes one. A new key
    goes on the first line, the former ones stay below it until every tenant's key was rotated."""
    batch_records: int = Field(default=200, ge=1, le=1000)
    """Records in one transaction at most."""
    linger_s: float = Field(default=0.005, ge=0, le=0.1)
    """Longest time that a record waits for company before its transaction begins, in seconds."""
    queue_records: int = Field(default=4000, ge=1, le=1_000_000)
    """Records that may wait for their commit; one more is refused with QUEUE_FULL."""
    queue_bytes: int = Field(default=64 << 20, ge=1 << 20)
    """Bytes of records that may wait for their commit."""
    patience_s: float = Field(default=4.0, gt=0, le=60)
    """Longest time that an append waits for an unreachable database, within its own deadline, in seconds."""
    commit_timeout_s: float = Field(default=5.0, gt=0, le=60)
    """Seconds after which a transaction without an answer is broken off and tried again."""
    outcome_patience_s: float = Field(default=900.0, gt=0)
    """Seconds that an intent may be open before it gets the outcome "unknown"."""
    reconcile_interval_s: float = Field(default=15.0, gt=0, le=3600)
    """Seconds between two looks for such intents."""
    retention_days: int = Field(default=0, ge=0, le=36_500)
    """Days after the end of a log's half-year for which its bodies are kept; 0 is for ever. The log always stays."""
    tile_cache_mib: int = Field(default=320, ge=1, le=65_536)
    """Most memory for the tree of the logs, in MiB: every 64 hold what the proofs of a million records are made from,
    and are taken only where proofs all over so many are asked for."""
    volume_dir: Path | None = None
    """Folder on the volume of the database, where the recorder can see it; none where it cannot."""
    volume_limit_percent: float = Field(default=85.0, gt=0, le=100)
    """How full that volume may be; above it reads go on and nothing new is accepted."""
    erase_timeout_s: float = Field(default=25.0, gt=0, le=600)
    """Seconds after which an erasure without an answer is broken off; nothing is erased then."""
    announce_interval_s: float = Field(default=1.0, gt=0, le=3600)
    """Seconds between two looks for open logs in which the newest signing key is not announced yet."""
    alarm_interval_s: float = Field(default=5.0, gt=0, le=3600)
    """Seconds between two looks for logs that the publisher found altered; the tenant's security log tells of each."""
    sample_interval_s: float = Field(default=60.0, gt=0, le=86_400)
    """Seconds between two draws of records whose bodies are opened to see that they can be."""
    witnessed: bool = False
    """Whether a checkpoint counts only once witnesses have cosigned it, as the publisher's policy asks for."""
    checkpoint_patience_s: float = Field(default=4.0, gt=0, le=60)
    """Longest time that a proof waits for the publisher to sign a checkpoint that covers it, in seconds."""

    @field_validator("verifier_key_file")
    @classmethod
    def _must_verify(cls, file: SecretFile) -> SecretFile:
        public_keys_of(file.read())
        return file

    @field_validator("body_key_file")
    @classmethod
    def _must_seal(cls, file: SecretFile) -> SecretFile:
        AesSeal(file.read())
        return file
