"""Who asks: the bearer token's claims become headers that no caller can forge."""

from tools.envoy.model import Edge
from tools.envoy.typed import Config, extension

CLAIM_HEADERS = {"sub": "x-magistrate-subject", "tenant": "x-magistrate-tenant", "roles": "x-magistrate-roles"}
PRIVATE_PREFIXES = ("x-magistrate-", "x-envoy-", "x-mesh-")
"""Headers that mean something inside; nobody outside may send them."""


def strip_private_headers() -> Config:
    """Remove what only the mesh may say, before anything reads it."""
    return extension(
        "envoy.http.early_header_mutation.header_mutation",
        "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        mutations=[{"remove_on_match": {"key_matcher": {"prefix": prefix}}} for prefix in PRIVATE_PREFIXES],
    )


def token_filter(edge: Edge) -> Config:
    """Refuse a call without a valid token, and put its claims into headers; the token itself goes no further."""
    provider = {
        "issuer": edge.issuer,
        "audiences": [edge.audience],
        "require_expiration": True,
        "local_jwks": {"filename": str(edge.jwks.absolute())},
        "forward": False,
        "claim_to_headers": [{"header_name": header, "claim_name": claim} for claim, header in CLAIM_HEADERS.items()],
    }
    return extension(
        "envoy.filters.http.jwt_authn",
        "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        providers={"magistrate": provider},
        rules=[{"match": {"prefix": "/"}, "requires": {"provider_name": "magistrate"}}],
    )
