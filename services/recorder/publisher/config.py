"""What the publisher must be told."""

from pathlib import Path

from pydantic import Field, field_validator

from services.chassis.config import SecretFile, Settings
from services.recorder.adapters.keys import CosigningKey, read_signers
from services.recorder.core.note import public_keys_of
from services.recorder.core.policy import Policy, answerable, read_policy


class Config(Settings, env_prefix="MAGISTRATE_PUBLISHER_"):
    """The signing key of the evidence log, and how it is used."""

    signing_key_file: SecretFile
    """Ed25519 private key in PKCS 8 PEM that signs checkpoints; `python -m tools.verify.keys FOLDER` makes one. A key
    that follows it is put above it; both sign until the former one is taken out. Read again whenever it changes."""
    verifier_key_file: SecretFile
    """C2SP verifier keys of all keys that ever signed, the newest first. Read again whenever it changes."""
    cosigning_key_file: SecretFile | None = None
    """ML-DSA-44 private key in PKCS 8 PEM that cosigns every checkpoint too, for who wants a signature that holds
    against quantum computers; `magistrate keys witness FOLDER --post-quantum` makes one. None adds none."""
    memory_file: Path
    """File that remembers what was signed, on a disk that no restore of the database turns back."""
    interval_s: float = Field(default=1.0, gt=0, le=60)
    """Seconds between checkpoints of a growing log; a proof that needs one sooner gets it at once."""
    meta_interval_s: float = Field(default=10.0, gt=0, le=3600)
    """Seconds between two updates of the meta-log; it is updated at once where witnesses are waited for."""
    policy_file: SecretFile | None = None
    """Which witnesses must cosign the meta-log, as a C2SP tlog-policy with their addresses; none asks nobody."""
    witness_timeout_s: float = Field(default=5.0, gt=0, le=60)
    """Seconds that a witness may take to answer."""
    audit_records_per_s: int = Field(default=5_000, ge=1, le=10_000_000)
    """Records that the auditor reads anew in a second; it walks through all logs again and again."""
    audit_pause_s: float = Field(default=5.0, ge=0, le=86_400)
    """Seconds that the auditor rests between two walks through all logs."""

    @field_validator("signing_key_file")
    @classmethod
    def _must_sign(cls, file: SecretFile) -> SecretFile:
        read_signers(file.read())
        return file

    @field_validator("cosigning_key_file")
    @classmethod
    def _must_cosign(cls, file: SecretFile | None) -> SecretFile | None:
        if file:
            CosigningKey(file.read())
        return file

    @field_validator("policy_file")
    @classmethod
    def _must_be_met(cls, file: SecretFile | None) -> SecretFile | None:
        if file and not answerable(read_policy(file.read())):
            raise ValueError("too few of its witnesses have an address")
        return file

    @property
    def policy(self) -> Policy:
        """Return the policy; one that asks nobody where there is none."""
        return read_policy(self.policy_file.read()) if self.policy_file else Policy()

    @field_validator("verifier_key_file")
    @classmethod
    def _must_verify(cls, file: SecretFile) -> SecretFile:
        public_keys_of(file.read())
        return file
