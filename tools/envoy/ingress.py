"""The way into a service: mutual TLS and the caller lists, then its unix socket."""

from pathlib import Path

from tools.envoy.cluster import app_cluster_name
from tools.envoy.connection import listener, manager
from tools.envoy.model import Ingress
from tools.envoy.rbac import rbac
from tools.envoy.retry import unsent
from tools.envoy.tls import ingress_tls
from tools.envoy.typed import Config


def ingress_listener(ingress: Ingress, certs: Path) -> Config:
    """Return the listener that lets the identities of the mesh reach one service."""
    name = f"{ingress.service}-ingress"
    # The caller's proxy keeps the time; a second clock here would end streams that the first one lets live.
    route = {"cluster": app_cluster_name(ingress.service), "timeout": "0s", "retry_policy": unsent()}
    http = manager(
        name,
        host={"routes": [{"match": {"prefix": "/"}, "route": route}]},
        filters=[rbac(ingress.methods)],
        codec_type="HTTP2",
        stream_idle_timeout="0s",
        # The service may trust the header: only this proxy writes it, from the certificate that it verified.
        forward_client_cert_details="SANITIZE_SET",
        set_current_client_cert_details={"uri": True},
        server_name="magistrate",
    )
    return listener(name, ingress.listen, http, tls=ingress_tls(certs, ingress.service))
