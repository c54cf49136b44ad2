"""Bearer tokens of a development mesh: one signing key, and the public key set that the edge checks against."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.utils import base64url_encode

from tools.certs.authority import key_pem
from tools.certs.publish import private_folder, write_private

ISSUER = "https://magistrate.local/tokens"
"""The ``iss`` that the edge accepts."""
AUDIENCE = "magistrate"
"""The ``aud`` that the edge accepts."""
ALGORITHM = "ES256"
TOKEN_LIFETIME_S = 1800
"""Thirty minutes (spec row EDG-02)."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Tokens:
    """The signing key and key set below ``<root>/jwt``: ``signing.key`` (private) and ``jwks.json`` (public)."""

    def __init__(self, root: Path, *, now: Callable[[], datetime] = _utc_now) -> None:
        self._key_file = root / "jwt" / "signing.key"
        self.jwks_file = root / "jwt" / "jwks.json"
        self._now = now

    def create(self) -> None:
        """Make the signing key and its public key set unless they exist."""
        private_folder(self._key_file.parent)
        if not self._key_file.exists():
            write_private(self._key_file, key_pem(ec.generate_private_key(ec.SECP256R1())))
        write_private(self.jwks_file, json.dumps({"keys": [self._public()]}, indent=2).encode())

    def mint(self, subject: str, tenant: str, roles: Iterable[str], ttl_s: int = TOKEN_LIFETIME_S) -> str:
        """Return a token for ``subject`` of ``tenant``; ``roles`` travel as one string separated by spaces.

        ``ttl_s`` is in seconds; below zero it mints a token that has expired.
        """
        issued = int(self._now().timestamp())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "tenant": tenant,
            "roles": " ".join(roles),
            "iat": issued,
            "exp": issued + ttl_s,
        }
        return jwt.encode(claims, self._key_file.read_bytes(), ALGORITHM, headers={"kid": self._public()["kid"]})

    def _public(self) -> dict[str, str]:
        key = serialization.load_pem_private_key(self._key_file.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{self._key_file} must hold an EC key, not {type(key).__name__}")
        point = key.public_key().public_numbers()
        required = {"crv": "P-256", "kty": "EC", "x": _coordinate(point.x), "y": _coordinate(point.y)}
        return {**required, "alg": ALGORITHM, "use": "sig", "kid": _thumbprint(required)}


def _coordinate(number: int) -> str:
    return base64url_encode(number.to_bytes(32, "big")).decode()


def _thumbprint(required: dict[str, str]) -> str:
    """Name a key by the digest of its required members (RFC 7638)."""
    canonical = json.dumps(required, sort_keys=True, separators=(",", ":")).encode()
    return base64url_encode(sha256(canonical).digest()).decode()
