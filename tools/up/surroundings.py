"""The environment that child processes get: what a program needs to run, and never a secret of the caller."""

import os
import sys
from collections.abc import Mapping

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_KEPT_PREFIXES = ("OTEL_", "MAGISTRATE_")
"""The user's own wishes for telemetry and for single services."""
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
_NEVER_PROXIED = "127.0.0.1,localhost"


def surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the part of the caller's environment that every child gets, and where it finds our packages."""
    kept = {
        name: value
        for name, value in environment.items()
        if name in _KEPT or name in _PROXIES or name.startswith(_KEPT_PREFIXES)
    }
    never = ",".join(filter(None, (environment.get("NO_PROXY"), _NEVER_PROXIED)))
    found = os.pathsep.join(dict.fromkeys(path for path in sys.path if path))
    return kept | {"NO_PROXY": never, "no_proxy": never, "PYTHONPATH": found, "PYTHONUNBUFFERED": "1"}
