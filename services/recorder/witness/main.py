"""Read the key and the logs, open the state, answer."""

from services.chassis.clock import SystemClock
from services.chassis.config import load
from services.chassis.runtime import open_runtime
from services.recorder.adapters.keys import CosigningKey, Reread, holds
from services.recorder.adapters.sightings import open_sightings
from services.recorder.core.cosignature import Cosigner
from services.recorder.core.policy import read_policy
from services.recorder.witness.config import Config
from services.recorder.witness.cosigner import Witness
from services.recorder.witness.web import serve_witness


async def main(name: str) -> None:
    """Run the witness until SIGTERM."""
    config = load(Config)
    signer = CosigningKey(config.signing_key_file.read())
    logs = Reread(config.logs_file, lambda text: read_policy(text).logs).now
    async with open_runtime(name) as mesh:
        sightings = await mesh.enter(open_sightings(config.state_file))
        cosigner = Cosigner(name=config.name, public_key=signer.public_key)
        witness = Witness(cosigner, signer.sign, sightings, SystemClock(), logs=logs, holds=holds)
        await mesh.enter(serve_witness(witness, config.host, config.port))
        await mesh.serve([])
