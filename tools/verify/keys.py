"""Make the recorder's keys: `python -m tools.verify.keys FOLDER`."""

import argparse
import base64
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tools.verify.note import verifier_key

SIGNING_KEY = "recorder.pem"
"""Ed25519 private key, PKCS 8 PEM."""
BODY_KEY = "recorder.body"
"""AES-256 key, base64."""
VERIFIER_KEY = "recorder.vkey"
"""Public key as a C2SP verifier key; it may go to anybody."""
BODY_KEY_BYTES = 32
_OWNER_ONLY = 0o600


def generate(folder: Path, *, deployment: str = "local") -> None:
    """Write whichever of the three files is missing into ``folder``; existing keys are never replaced.

    The verifier key is named ``evidence/<deployment>`` and verifies every log below that name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    if _create(folder / SIGNING_KEY, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())):
        line = verifier_key(f"evidence/{deployment}", key.public_key().public_bytes_raw())
        (folder / VERIFIER_KEY).write_text(line + "\n", encoding="utf-8")
    _create(folder / BODY_KEY, base64.b64encode(secrets.token_bytes(BODY_KEY_BYTES)) + b"\n")


def _create(path: Path, content: bytes) -> bool:
    """Write a new file that only its owner may read; False if there is one already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the recorder's three key files.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--deployment", default="local", help="as MAGISTRATE_RECORDER_DEPLOYMENT (default: local)")
    arguments = parser.parse_args()
    generate(arguments.folder, deployment=arguments.deployment)
