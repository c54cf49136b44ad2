"""The recorder's keys, and the public half where every verifier looks for it."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tools.certs.publish import write_private
from tools.up.folder import Folder
from tools.verify.keys import BODY_KEY, SIGNING_KEY, VERIFIER_KEY, generate
from tools.verify.note import read_verifier_key

__all__ = ["BODY_KEY", "SIGNING_KEY", "recorder_keys"]


def recorder_keys(folder: Folder) -> None:
    """Make the recorder's keys on first start; put the public one at the top of the state folder.

    ``recorder.vkey`` is the C2SP verifier key, ``recorder.pub.pem`` the same key for other tools.
    """
    generate(folder.secrets)
    line = (folder.secrets / VERIFIER_KEY).read_bytes()
    key = Ed25519PublicKey.from_public_bytes(read_verifier_key(line.decode()).public_key)
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    write_private(folder.verifier_key, line)
    write_private(folder.root / "recorder.pub.pem", pem)
