"""Bearer tokens, checked against the key set that the edge checks them against."""

import json
from pathlib import Path

import jwt

from services.chassis.log import get_logger

ALGORITHMS = ("ES256", "RS256", "EdDSA")
_CLAIMS = ("exp", "iss", "aud", "sub", "tenant")

_log = get_logger("recorder.tokens")


class JwksDoor:
    """Lets in whoever has a valid token. The key set is read when its file changes, so that keys can be rotated."""

    def __init__(self, jwks_file: Path, *, issuer: str, audience: str) -> None:
        self._file, self._issuer, self._audience = jwks_file, issuer, audience
        self._read_at, self._keys = 0, dict[str | None, jwt.PyJWK]()

    def tenant_of(self, token: str) -> str | None:
        """Return the tenant that a token names; None where it is not valid now."""
        try:
            key = self._known().get(jwt.get_unverified_header(token).get("kid"))
            if key is None or key.algorithm_name not in ALGORITHMS:
                return None
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                issuer=self._issuer,
                audience=self._audience,
                options={"require": list(_CLAIMS)},
            )
        except jwt.PyJWTError:
            return None
        tenant = claims["tenant"]
        return tenant if isinstance(tenant, str) and tenant else None

    def _known(self) -> dict[str | None, jwt.PyJWK]:
        try:
            changed_at = self._file.stat().st_mtime_ns
            if changed_at != self._read_at:
                keys = jwt.PyJWKSet.from_dict(json.loads(self._file.read_text(encoding="utf-8"))).keys
                self._keys, self._read_at = {key.key_id: key for key in keys}, changed_at
        except (OSError, ValueError, jwt.PyJWTError):
            _log.warning("key_set_unreadable")  # the keys that were read last stay
        return self._keys
