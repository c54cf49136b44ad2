"""The recorder's signing key, and its public half in the two forms that verifiers read."""

import base64
import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tools.certs.publish import write_private
from tools.up.folder import Folder

ORIGIN = "magistrate.local/evidence"
"""The name of the log in its checkpoints."""
_ED25519 = b"\x01"
"""The signature type of Ed25519 in a C2SP signed note."""
_KEY_ID_BYTES = 4


def signing_key(folder: Folder) -> None:
    """Make the key on first start; write the public forms at every start.

    ``secrets/recorder.pem`` is the private key (PKCS8), ``recorder.pub.pem`` the public one, and ``recorder.vkey`` the
    C2SP verifier key.
    """
    private = folder.secrets / "recorder.pem"
    if not private.exists():
        write_private(private, _private_pem(Ed25519PrivateKey.generate()))
    key = serialization.load_pem_private_key(private.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(f"{private} must hold an Ed25519 key, not {type(key).__name__}")
    write_private(folder.root / "recorder.pub.pem", _public_pem(key.public_key()))
    write_private(folder.root / "recorder.vkey", f"{verifier_key(ORIGIN, key.public_key())}\n".encode())


def verifier_key(name: str, key: Ed25519PublicKey) -> str:
    """Return the one-line verifier key of a log, C2SP signed-note: name, key id, type and key."""
    raw = _ED25519 + key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    key_id = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:_KEY_ID_BYTES]
    return f"{name}+{key_id.hex()}+{base64.b64encode(raw).decode()}"


def _private_pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
