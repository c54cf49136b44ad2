"""The body of a record: the salt of its commitments and its payload, sealed as one so that they perish as one."""

from services.recorder.core.envelope import SALT_BYTES


def join(salt: bytes, payload: bytes) -> bytes:
    """Return the plaintext of a body."""
    return salt + payload


def split(body: bytes) -> tuple[bytes, bytes]:
    """Return salt and payload."""
    return body[:SALT_BYTES], body[SALT_BYTES:]


def context(tenant: str, key: str) -> bytes:
    """Return what binds a sealed body to its record: neither part can hold the separator."""
    return f"{tenant} {key}".encode()
