"""A real witness in this process: its own key, its own state, over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from services.chassis.clock import SystemClock
from services.recorder.adapters.keys import holds
from services.recorder.adapters.sightings import open_sightings
from services.recorder.core.cosignature import Cosigner
from services.recorder.core.policy import read_policy
from services.recorder.witness.cosigner import Witness
from services.recorder.witness.web import serve_witness
from tests.fakes.mesh import free_ports


@dataclass(slots=True, kw_only=True)
class WitnessAt:
    """Where a witness is, and how a policy names it."""

    cosigner: Cosigner
    key: Ed25519PrivateKey | MLDSA44PrivateKey
    port: int
    state: Path
    logs: str = ""

    def watch(self, log_keys: str) -> None:
        """Cosign for logs of these keys from its next start on; each verifier key has a line."""
        self.logs = "".join(f"log {line}\n" for line in log_keys.split()) + "quorum none\n"

    @property
    def url(self) -> str:
        """Return the submission prefix."""
        return f"http://127.0.0.1:{self.port}"

    def line(self, name: str) -> str:
        """Return its line in a policy."""
        return f"witness {name} {self.cosigner.verifier_key()} {self.url}\n"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Let it answer."""
        async with open_sightings(self.state) as sightings:
            logs = read_policy(self.logs).logs
            witness = Witness(self.cosigner, self.key.sign, sightings, SystemClock(), logs=lambda: logs, holds=holds)
            async with serve_witness(witness, "127.0.0.1", self.port):
                yield


def new_witness(folder: Path, name: str, log_keys: str, *, post_quantum: bool = False) -> WitnessAt:
    """Return a witness of these logs that does not answer yet; each verifier key has a line."""
    key = MLDSA44PrivateKey.generate() if post_quantum else Ed25519PrivateKey.generate()
    cosigner = Cosigner(name=f"witness.example/{name}", public_key=key.public_key().public_bytes_raw())
    (port,) = free_ports(1)
    witness = WitnessAt(cosigner=cosigner, key=key, port=port, state=folder / f"{name}.sqlite")
    witness.watch(log_keys)
    return witness
