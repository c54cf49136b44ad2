"""The recorder's keys, and the public half where every verifier looks for it."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tools.certs.publish import write_private
from tools.up.folder import Folder
from tools.verify.keys import BODY_KEY, SIGNING_KEY, VERIFIER_KEY, generate
from tools.verify.note import read_keys

__all__ = ["BODY_KEY", "SIGNING_KEY", "recorder_keys", "show_keys"]


def recorder_keys(folder: Folder) -> None:
    """Make the recorder's keys on first start; put the public one at the top of the state folder.

    ``recorder.vkey`` has the C2SP verifier keys, ``recorder.pub.pem`` the newest one for other tools.
    """
    generate(folder.secrets)
    show_keys(folder)


def show_keys(folder: Folder) -> None:
    """Put what everybody may know of the signing keys at the top of the state folder."""
    lines = (folder.secrets / VERIFIER_KEY).read_bytes()
    key = Ed25519PublicKey.from_public_bytes(read_keys(lines.decode())[0].public_key)
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    write_private(folder.verifier_key, lines)
    write_private(folder.root / "recorder.pub.pem", pem)
