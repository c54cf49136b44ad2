"""Which identity may call which method: the topology's caller lists as Envoy rules."""

from collections import defaultdict
from collections.abc import Iterable

from services import topology
from tools.envoy.model import Method
from tools.envoy.typed import Config, extension

HEALTH_PATHS = ("/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch")


def rbac(methods: Iterable[Method]) -> Config:
    """Allow each method to its callers and health checks to every identity of the mesh; all else is refused."""
    paths_of: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for method in methods:
        if method.callers:
            paths_of[method.callers].append(method.path)
    policies = {f"from-{'-'.join(callers)}": _policy(paths, callers) for callers, paths in paths_of.items()}
    policies["health"] = {"permissions": [_any_of(HEALTH_PATHS)], "principals": [{"any": True}]}
    return extension(
        "envoy.filters.http.rbac",
        "envoy.extensions.filters.http.rbac.v3.RBAC",
        rules={"action": "ALLOW", "policies": policies},
    )


def _policy(paths: list[str], callers: tuple[str, ...]) -> Config:
    return {
        "permissions": [_any_of(paths)],
        "principals": [
            {"authenticated": {"principal_name": {"exact": topology.spiffe_id(caller)}}} for caller in callers
        ],
    }


def _any_of(paths: Iterable[str]) -> Config:
    return {"or_rules": {"rules": [{"url_path": {"path": {"exact": path}}} for path in paths]}}
