"""The two keys of the recorder: Ed25519 for checkpoints, AES-256-GCM for bodies, each read from a file at the start."""

import base64
import binascii
import hmac
import secrets
from contextlib import suppress

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.chassis.errors import Kind, WorldError

BODY_KEY_BYTES = 32
NONCE_BYTES = 12
_KEY_ID_BYTES = 8


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

    def holds(self, signature: bytes, message: bytes) -> bool:
        """Return whether ``signature`` is one of ``message`` by this key."""
        try:
            self._key.public_key().verify(signature, message)
        except InvalidSignature:
            return False
        return True


class AesSeal:
    """The keys of the body key file, which wrap the tenants' keys: the first line's wraps, the others only unwrap."""

    def __init__(self, keys_base64: str) -> None:
        keys = [_read_key(line) for line in keys_base64.split()]
        if not keys:
            raise KeyFileError("the body key file must have a key of 32 bytes in base64 on each line")
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._index_keys = [hmac.digest(key, b"index of subjects", "sha256") for key in keys]
        self.newest = _key_id(keys[0])

    def wrap(self, secret: bytes, context: bytes) -> tuple[str, bytes]:
        """Return the id of the key that wraps, and ``secret`` wrapped."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return self.newest, nonce + self._ciphers[self.newest].encrypt(nonce, secret, context)

    def unwrap(self, key_id: str, wrapped: bytes, context: bytes) -> bytes:
        """Return the secret.

        Raises:
            WorldError: INTERNAL RECORD_DAMAGED, it was altered, belongs elsewhere, or its key is not in the file.
        """
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise _damaged("the body key file no longer has the key that wraps a tenant's key")
        return _opened(cipher, wrapped, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Return the plaintext of a body that is older than data keys.

        Raises:
            WorldError: INTERNAL RECORD_DAMAGED, it was altered, belongs elsewhere or is sealed with another key.
        """
        *former, last = self._ciphers.values()
        for cipher in former:
            with suppress(WorldError):
                return _opened(cipher, sealed, context)
        return _opened(last, sealed, context)

    def tags(self, tenant: str, subject: str) -> list[bytes]:
        """Return the tags of a person, the newest key's first: nobody without the key can guess whose they are."""
        name = f"{tenant} {subject}".encode()
        return [hmac.digest(key, name, "sha256") for key in self._index_keys]


def _read_key(line: str) -> bytes:
    try:
        key = base64.b64decode(line, validate=True)
    except binascii.Error as error:
        raise KeyFileError("the body key must be base64") from error
    if len(key) != BODY_KEY_BYTES:
        raise KeyFileError(f"the body key must be {BODY_KEY_BYTES} bytes in base64")
    return key


def _key_id(key: bytes) -> str:
    return hmac.digest(key, b"name of the key", "sha256")[:_KEY_ID_BYTES].hex()


def _opened(cipher: AESGCM, sealed: bytes, context: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
    except (InvalidTag, ValueError) as error:
        raise _damaged("a stored body does not open with the body key") from error


def _damaged(message: str) -> WorldError:
    return WorldError(Kind.INTERNAL, "RECORD_DAMAGED", message)
