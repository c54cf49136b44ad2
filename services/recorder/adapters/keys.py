"""The two kinds of keys: Ed25519 for checkpoints, AES-256-GCM for bodies, each read from files."""

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.chassis.config import SecretFile
from services.chassis.errors import Kind, WorldError
from services.recorder.core.cosignature import ML_DSA_44_KEY_BYTES, Cosigner, cosign
from services.recorder.core.note import public_keys_of, signers
from services.recorder.ports import SignedCheckpoint

BODY_KEY_BYTES = 32
NONCE_BYTES = 12
_KEY_ID_BYTES = 8
_PEM = re.compile("-----BEGIN [^-]+-----[^-]+-----END [^-]+-----")
_Content = TypeVar("_Content")


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


def read_signers(pem: str) -> list[Ed25519Signer]:
    """Return the signing keys of a file, the newest first: a key that follows another is put above it.

    Raises:
        KeyFileError: it has none, or something else.
    """
    return [Ed25519Signer(part) for part in _PEM.findall(pem)] or [Ed25519Signer(pem)]


def holds(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether a key has made a signature of ``message``: an Ed25519 key, or an ML-DSA-44 key by its length."""
    form = MLDSA44PublicKey if len(public_key) == ML_DSA_44_KEY_BYTES else Ed25519PublicKey
    try:
        form.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


class CosigningKey:
    """A key of a witness: Ed25519 or ML-DSA-44, a private key in PKCS #8 PEM."""

    def __init__(self, pem: str) -> None:
        try:
            key = load_pem_private_key(pem.encode(), password=None)
        except (ValueError, TypeError) as error:
            raise KeyFileError("a cosigning key must be an unencrypted private key in PEM") from error
        if not isinstance(key, Ed25519PrivateKey | MLDSA44PrivateKey):
            raise KeyFileError("a cosigning key must be an Ed25519 or an ML-DSA-44 key")
        self._key = key
        self.public_key = key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return the signature of ``message``, of 64 or 2420 bytes."""
        return self._key.sign(message)


class KeyFiles:
    """The signing keys and the keys that verify, read again whenever their files were changed."""

    def __init__(self, signing: SecretFile, verifying: SecretFile, cosigning: SecretFile | None = None) -> None:
        self._signers, self._known = Reread(signing, read_signers), Reread(verifying, public_keys_of)
        self.name = verifying.read().lstrip().partition("+")[0]
        """The name under which the keys are published, which all logs' names begin with."""
        self._cosigning = Reread(cosigning, CosigningKey) if cosigning else None

    def signers(self) -> Sequence[Ed25519Signer]:
        """Return the keys that sign, the newest first."""
        return self._signers.now()

    def known(self) -> Sequence[bytes]:
        """Return every key that ever signed and still verifies, the newest first."""
        return self._known.now()

    def cosignature(self, text: str, timestamp: int) -> str:
        """Return the line that the deployment's cosigning key adds to a checkpoint; empty where it has none."""
        if self._cosigning is None:
            return ""
        key = self._cosigning.now()
        return cosign(text, Cosigner(name=self.name, public_key=key.public_key), key.sign, timestamp)

    def signed_by(self, signed: SignedCheckpoint) -> Sequence[bytes]:
        """Return which of the known keys have signed a stored note; none where it states another checkpoint."""
        return signers(signed.note, signed.checkpoint, self.known(), holds)


class Reread(Generic[_Content]):
    """What a file holds now; what it held before while its present text is none, as in the middle of a change."""

    def __init__(self, file: SecretFile, read: Callable[[str], _Content]) -> None:
        self._file, self._read = file, read
        self._text = file.read()
        self._content = read(self._text)

    def now(self) -> _Content:
        """Return the content."""
        with suppress(OSError, ValueError):
            if (text := self._file.read()) != self._text:
                self._content = self._read(text)
                self._text = text
        return self._content


class AesSeal:
    """The keys of the body key file, which wrap the tenants' keys: the first line's wraps, the others only unwrap."""

    def __init__(self, keys_base64: str) -> None:
        keys = [_read_key(line) for line in keys_base64.split()]
        if not keys:
            raise KeyFileError("the body key file must have a key of 32 bytes in base64 on each line")
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._index_keys = {_key_id(key): hmac.digest(key, b"index of subjects", "sha256") for key in keys}
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

    @property
    def index_keys(self) -> Mapping[str, bytes]:
        """Return the keys that people are found by, by the id of the body key that each was derived from."""
        return dict(self._index_keys)

    def remember(self, key_id: str, index_key: bytes) -> None:
        """Find people by this index key too: that of a body key which the file has no more."""
        self._index_keys.setdefault(key_id, index_key)

    def tags(self, tenant: str, person: str) -> list[bytes]:
        """Return the tags of a person, the newest key's first: nobody without the key can guess whose they are."""
        name = f"{tenant} {person}".encode()
        return [hmac.digest(key, name, "sha256") for key in self._index_keys.values()]


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
