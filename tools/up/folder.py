"""The state folder: where one stack keeps its secrets, certificates, data and logs, readable by its owner only."""

import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from tools.certs.publish import private_folder, write_private

OWN = (
    *(
        "certs",
        "context",
        "engine",
        "envoy",
        "jwt",
        "logs",
        "models",
        "postgres",
        "publisher",
        "run",
        "secrets",
        "valkey",
        "witness",
    ),
    *("lock", "postgres.location", "recorder.pub.pem", "recorder.vkey", "stack.json", "witness.policy"),
)
"""Everything that a stack puts into its state folder."""
SECRET_BYTES = 32
"""Entropy of every generated password and key, in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """The paths below one state folder."""

    root: Path

    def create(self) -> None:
        """Make the folder and its private rooms; keep what is there, and a way through for PostgreSQL's account."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.root.chmod(stat.S_IMODE(self.root.stat().st_mode) & 0o710)
        for path in (self.secrets, self.logs):
            private_folder(path)

    @property
    def secrets(self) -> Path:
        """Return the folder of generated passwords, keys and the operator's token."""
        return self.root / "secrets"

    @property
    def logs(self) -> Path:
        """Return the folder with one log file a part."""
        return self.root / "logs"

    @property
    def record(self) -> Path:
        """Return the file that describes the running stack."""
        return self.root / "stack.json"

    @property
    def lock(self) -> Path:
        """Return the file whose lock says that a supervisor lives."""
        return self.root / "lock"

    @property
    def verifier_key(self) -> Path:
        """Return the file with the public key of the evidence log."""
        return self.root / "recorder.vkey"

    @property
    def policy(self) -> Path:
        """Return the file that says which witnesses must have seen evidence; only where one is asked for."""
        return self.root / "witness.policy"

    @property
    def token(self) -> Path:
        """Return the file with the operator's bearer token, renewed while the stack runs."""
        return self.secrets / "token"

    def log(self, part: str) -> Path:
        """Return the log file of ``part``."""
        return self.logs / f"{part}.log"

    def data(self, part: str) -> Path:
        """Return the folder in which ``part`` keeps its data."""
        return self.root / part

    def secret(self, name: str) -> Path:
        """Return the file of the generated secret ``name``; make it up on first use."""
        path = self.secrets / name
        if not path.exists():
            write_private(path, secrets.token_urlsafe(SECRET_BYTES).encode())
        return path
