"""The way into a service: mutual TLS and the caller lists, then its unix socket."""

from tools.envoy.cluster import app_cluster_name
from tools.envoy.connection import listener, manager
from tools.envoy.model import Ingress, Secrets
from tools.envoy.rbac import rbac
from tools.envoy.tls import ingress_tls
from tools.envoy.typed import Config


def ingress_listener(ingress: Ingress, secrets: Secrets) -> Config:
    """Return the listener that lets the identities of the mesh reach one service."""
    name = f"{ingress.service}-ingress"
    # The caller's proxy keeps the time and repeats what may be repeated, where it can also choose another host.
    route = {"cluster": app_cluster_name(ingress.service), "timeout": "0s"}
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
    return listener(name, ingress.listen, http, tls=ingress_tls(secrets, ingress.service))
