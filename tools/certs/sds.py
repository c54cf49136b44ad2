"""The files that tell Envoy where a certificate lies and that it may change (file-based secret discovery)."""

from pathlib import Path
from typing import Any

import yaml

from tools.certs.publish import private_folder, write_private

_SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105  a type, not a secret


def write_sds(certs: Path, identity: str) -> None:
    """Write ``<certs>/sds/<identity>_{leaf,ca}.yaml`` for the files of ``<certs>/<identity>``.

    The two files never change: ``watched_directory`` makes Envoy read the named files again after each publish.
    """
    home = (certs / identity).absolute()
    watched = {"path": str(home)}
    leaf = {
        "tls_certificate": {
            "certificate_chain": {"filename": str(home / "tls.crt")},
            "private_key": {"filename": str(home / "tls.key")},
            "watched_directory": watched,
        },
    }
    ca = {"validation_context": {"trusted_ca": {"filename": str(home / "ca.crt")}, "watched_directory": dict(watched)}}
    folder = certs / "sds"
    private_folder(folder)
    write_private(folder / f"{identity}_leaf.yaml", _resource("leaf", leaf))
    write_private(folder / f"{identity}_ca.yaml", _resource("ca", ca))


def _resource(name: str, secret: dict[str, Any]) -> bytes:
    return yaml.safe_dump({"resources": [{"@type": _SECRET, "name": name, **secret}]}, sort_keys=False).encode()
