"""Mutual TLS 1.3 with SPIFFE identities; certificates come from files that may change at any time."""

from services import topology
from tools.certs.identity import DNS_SUFFIX
from tools.envoy.model import Peer, Secrets
from tools.envoy.typed import Config, extension

_PACKAGE = "envoy.extensions.transport_sockets.tls.v3"
_ANY_IDENTITY = {"prefix": f"spiffe://{topology.TRUST_DOMAIN}/ns/{topology.NAMESPACE}/sa/"}


def ingress_tls(secrets: Secrets, identity: str) -> Config:
    """Accept any identity of the trust domain; which method it may call is decided by ``rbac``."""
    return _downstream(secrets, identity, alpn=("h2",), require_client_certificate=True)


def edge_tls(secrets: Secrets, *, require_client_certificate: bool) -> Config:
    """Show the edge's certificate; HTTP/1.1 is spoken beside HTTP/2 for clients that are not gRPC."""
    tls = _downstream(
        secrets, topology.EDGE, alpn=("h2", "http/1.1"), require_client_certificate=require_client_certificate
    )
    if not require_client_certificate:
        # A rule about names makes Envoy insist on a certificate; one that is shown must still be of our authority.
        context = tls["typed_config"]["common_tls_context"]
        context["validation_context_sds_secret_config"] = context.pop("combined_validation_context")[
            "validation_context_sds_secret_config"
        ]
    return tls


def peer_tls(secrets: Secrets, peer: Peer) -> Config:
    """Show the caller's certificate and talk only to the exact identity of the callee."""
    return extension(
        "envoy.transport_sockets.tls",
        f"{_PACKAGE}.UpstreamTlsContext",
        sni=f"{peer.callee}.{DNS_SUFFIX}",
        common_tls_context=_context(secrets, peer.caller, ("h2",), {"exact": topology.spiffe_id(peer.callee)}),
    )


def _downstream(secrets: Secrets, identity: str, *, alpn: tuple[str, ...], require_client_certificate: bool) -> Config:
    return extension(
        "envoy.transport_sockets.tls",
        f"{_PACKAGE}.DownstreamTlsContext",
        require_client_certificate=require_client_certificate,
        # A resumed session would carry an identity past the change of its certificate.
        disable_stateless_session_resumption=True,
        disable_stateful_session_resumption=True,
        common_tls_context=_context(secrets, identity, alpn, _ANY_IDENTITY),
    )


def _context(secrets: Secrets, identity: str, alpn: tuple[str, ...], peer_name: dict[str, str]) -> Config:
    return {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "alpn_protocols": list(alpn),
        "tls_certificate_sds_secret_configs": [_secret(secrets, identity, "leaf")],
        "combined_validation_context": {
            "default_validation_context": {
                "match_typed_subject_alt_names": [{"san_type": "URI", "matcher": dict(peer_name)}]
            },
            "validation_context_sds_secret_config": _secret(secrets, secrets.trust, "ca"),
        },
    }


def _secret(secrets: Secrets, identity: str, name: str) -> Config:
    path = (secrets.folder / "sds" / f"{identity}_{name}.yaml").absolute()
    return {
        "name": name,
        "sds_config": {"resource_api_version": "V3", "path_config_source": {"path": str(path)}},
    }
