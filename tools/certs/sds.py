"""The files from which Envoy takes a certificate and the authorities it trusts (file-based secret discovery)."""

from pathlib import Path
from typing import Any

import yaml

from tools.certs.publish import private_folder, write_private

_SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105  a type, not a secret


def write_sds(certs: Path, identity: str, *, certificate: bytes, key: bytes, trusted: bytes) -> None:
    """Write ``<certs>/sds/<identity>_{ca,leaf}.yaml``, each in one step; Envoy reads a file again when it is replaced.

    The PEM texts stand in the files themselves. Naming other files would need a second watch for each secret, and
    Envoy spends one inotify instance per watch, of which a user usually has 128.
    """
    folder = certs / "sds"
    private_folder(folder)
    ca = {"validation_context": {"trusted_ca": _inline(trusted)}}
    leaf = {"tls_certificate": {"certificate_chain": _inline(certificate), "private_key": _inline(key)}}
    # Trust first: a leaf must never be shown before the authority that signed it is known.
    write_private(folder / f"{identity}_ca.yaml", _resource("ca", ca))
    write_private(folder / f"{identity}_leaf.yaml", _resource("leaf", leaf))


def _inline(pem: bytes) -> dict[str, str]:
    return {"inline_string": pem.decode("ascii")}


def _resource(name: str, secret: dict[str, Any]) -> bytes:
    return yaml.safe_dump({"resources": [{"@type": _SECRET, "name": name, **secret}]}, sort_keys=False).encode()
