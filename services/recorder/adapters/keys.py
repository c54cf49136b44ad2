"""The two keys of the recorder: Ed25519 for checkpoints, AES-256-GCM for bodies, each read from a file at the start."""

import base64
import binascii
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.chassis.errors import Kind, WorldError

BODY_KEY_BYTES = 32
NONCE_BYTES = 12


class KeyFileError(ValueError):
    """A key file does not hold the kind of key it must; the recorder does not start without (trap T10)."""


class Ed25519Signer:
    """Signs with a private key in PKCS #8 PEM."""

    def __init__(self, pem: str) -> None:
        try:
            key = load_pem_private_key(pem.encode(), password=None)
        except (ValueError, TypeError) as error:
            raise KeyFileError("the signing key must be an unencrypted Ed25519 private key in PEM") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyFileError("the signing key must be an Ed25519 key")
        self._key = key
        self.public_key = key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of ``message``."""
        return self._key.sign(message)


class AesSeal:
    """Seals bodies with AES-256-GCM under one key: nonce || ciphertext || tag."""

    def __init__(self, key_base64: str) -> None:
        try:
            key = base64.b64decode(key_base64, validate=True)
        except binascii.Error as error:
            raise KeyFileError("the body key must be base64") from error
        if len(key) != BODY_KEY_BYTES:
            raise KeyFileError(f"the body key must be {BODY_KEY_BYTES} bytes in base64")
        self._cipher = AESGCM(key)

    def close(self, plaintext: bytes, context: bytes) -> bytes:
        """Return the sealed form of ``plaintext``."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plaintext, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Return the plaintext.

        Raises:
            WorldError: INTERNAL RECORD_DAMAGED, it was altered, belongs elsewhere or is sealed with another key.
        """
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
        except (InvalidTag, ValueError) as error:
            raise WorldError(
                Kind.INTERNAL, "RECORD_DAMAGED", "a stored body does not open with the body key"
            ) from error
