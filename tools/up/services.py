"""The mesh's own processes: `python -m services <name>`, each with exactly the settings that it needs."""

from collections.abc import Mapping
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.topology import COMPANIONS, SERVICES, Companion, Service, callees, companions
from tools.certs import Tokens
from tools.up.database import DATABASE
from tools.up.database import NAME as DATABASE_PART
from tools.up.folder import Folder
from tools.up.part import PROBE_LIMIT_S, Part
from tools.up.ports import LOOPBACK
from tools.up.processes import Command, python
from tools.up.signing import BODY_KEY, LOGS, SIGNING_KEY, WITNESS, WITNESS_KEY, WITNESS_NAME
from tools.up.valkey import NAME as VALKEY
from tools.up.vendors import Vendor

USES_REDIS = ("router", "gate", "context")
TILES = "tiles"
"""The companion that serves the evidence log's tiles over HTTP; its port has the same name."""
_DRAIN_DELAY_S = "0.1"
"""Callers stop before callees, so nobody needs long to look for another replica."""
_DRAIN_LIMIT_S = 35.0
"""A little longer than the services give their running calls."""


class MeshService(Part):
    """One service process; it is ready when its gRPC health says SERVING."""

    start_limit_s = 60.0

    def __init__(
        self,
        name: str,
        run_dir: Path,
        env: Mapping[str, str],
        *,
        after: tuple[str, ...],
        stops_after: tuple[str, ...],
    ) -> None:
        self.name = name
        self.after, self.stops_after = after, stops_after
        self.hint = f"`magistrate logs {name}` shows all that it wrote"
        self._socket = run_dir / f"{name}.sock"
        self.address = f"unix:{self._socket}"
        self._env = env

    def command(self) -> Command:
        """Return the command line of the service."""
        return Command(argv=python("services", self.name), env=self._env, stop_patience_s=_DRAIN_LIMIT_S)

    async def prepare(self) -> None:
        """Remove the socket of a killed predecessor."""
        self._socket.unlink(missing_ok=True)

    async def ready(self) -> bool:
        """Ask its health service."""
        if not self._socket.exists():
            return False
        async with grpc.aio.insecure_channel(self.address) as channel:
            try:
                answer = await health_pb2_grpc.HealthStub(channel).Check(
                    health_pb2.HealthCheckRequest(), timeout=PROBE_LIMIT_S
                )
            except grpc.aio.AioRpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


class Surroundings:
    """Where the stores and files of one stack are, turned into the settings of each service."""

    def __init__(
        self,
        *,
        folder: Folder,
        run_dir: Path,
        ports: Mapping[str, int],
        vendors: tuple[Vendor, ...],
        base: Mapping[str, str],
    ) -> None:
        self._folder = folder
        self._ports = ports
        self._vendors = {vendor.name: vendor for vendor in vendors}
        self._base = {"MAGISTRATE_DRAIN_DELAY_S": _DRAIN_DELAY_S} | dict(base) | {"MAGISTRATE_RUN_DIR": str(run_dir)}

    @property
    def witnessed(self) -> bool:
        """Return whether a witness must have seen evidence before it counts."""
        return self._folder.policy.exists()

    def of(self, service: Service) -> dict[str, str]:
        """Return the environment of ``service``; secrets appear as paths of files."""
        env = dict(self._base)
        if service.has_schema:
            env |= self._postgres(service.name, schema=service.name)
        if service.room in USES_REDIS:
            env |= self._redis()
        if service.vendor:
            env |= self._provider(self._vendors[service.vendor])
        return env | self._own(service.room)

    def beside(self, companion: Companion) -> dict[str, str]:
        """Return the environment of ``companion``."""
        role = self._postgres(companion.name, schema=companion.beside) if companion.has_role else {}
        return self._base | role | self._own(companion.name)

    def _postgres(self, role: str, *, schema: str) -> dict[str, str]:
        return {
            "MAGISTRATE_POSTGRES_HOST": LOOPBACK,
            "MAGISTRATE_POSTGRES_PORT": str(self._ports["postgres"]),
            "MAGISTRATE_POSTGRES_DATABASE": DATABASE,
            "MAGISTRATE_POSTGRES_USER": role,
            "MAGISTRATE_POSTGRES_PASSWORD_FILE": str(self._folder.secret(f"postgres-{role}")),
            "MAGISTRATE_POSTGRES_SCHEMA": schema,
        }

    def _redis(self) -> dict[str, str]:
        return {
            "MAGISTRATE_REDIS_HOST": LOOPBACK,
            "MAGISTRATE_REDIS_PORT": str(self._ports["valkey"]),
            "MAGISTRATE_REDIS_PASSWORD_FILE": str(self._folder.secret(VALKEY)),
        }

    @staticmethod
    def _provider(vendor: Vendor) -> dict[str, str]:
        settings = {
            "VENDOR": vendor.name,
            "BASE_URL": vendor.url,
            "API_KEY_FILE": vendor.key_file and str(vendor.key_file),
            "MODEL": vendor.model,
        }
        return {f"MAGISTRATE_PROVIDER_{name}": value for name, value in settings.items() if value}

    def _own(self, name: str) -> dict[str, str]:
        """Return what only the processes of one room, or only one companion, are told."""
        own = {
            "router": {
                "MAGISTRATE_ROUTER_PROVIDERS": ",".join(self._vendors),
                "MAGISTRATE_ROUTER_MODELS": ",".join(f"{v.name}={v.model}" for v in self._vendors.values() if v.model),
            },
            "recorder": {
                "MAGISTRATE_RECORDER_VERIFIER_KEY_FILE": str(self._folder.verifier_key),
                "MAGISTRATE_RECORDER_BODY_KEY_FILE": str(self._folder.secrets / BODY_KEY),
                "MAGISTRATE_RECORDER_VOLUME_DIR": str(self._folder.root),
                **({"MAGISTRATE_RECORDER_WITNESSED": "true"} if self.witnessed else {}),
            },
            "publisher": {
                "MAGISTRATE_PUBLISHER_SIGNING_KEY_FILE": str(self._folder.secrets / SIGNING_KEY),
                "MAGISTRATE_PUBLISHER_VERIFIER_KEY_FILE": str(self._folder.verifier_key),
                "MAGISTRATE_PUBLISHER_MEMORY_FILE": str(self._folder.data("publisher") / "signed.sqlite"),
                **({"MAGISTRATE_PUBLISHER_POLICY_FILE": str(self._folder.policy)} if self.witnessed else {}),
            },
            TILES: {
                "MAGISTRATE_TILES_PORT": str(self._ports[TILES]),
                "MAGISTRATE_TILES_JWKS_FILE": str(Tokens(self._folder.root).jwks_file),
            },
            WITNESS: {
                "MAGISTRATE_WITNESS_NAME": WITNESS_NAME,
                "MAGISTRATE_WITNESS_SIGNING_KEY_FILE": str(self._folder.secrets / WITNESS_KEY),
                "MAGISTRATE_WITNESS_LOGS_FILE": str(self._folder.data(WITNESS) / LOGS),
                "MAGISTRATE_WITNESS_STATE_FILE": str(self._folder.data(WITNESS) / "seen.sqlite"),
                "MAGISTRATE_WITNESS_PORT": str(self._ports.get(WITNESS, 0)),
            },
            "engine": {"MAGISTRATE_ENGINE_SPOOL_DIR": str(self._folder.data("engine") / "spool")},
            "context": {"MAGISTRATE_CONTEXT_COPY_FILE": str(self._folder.data("context") / "copies.sqlite")},
        }
        return own.get(name, {})


def mesh_services(surroundings: Surroundings, run_dir: Path, vendors: tuple[Vendor, ...]) -> tuple[MeshService, ...]:
    """Return the services of this stack, all but the adapters of vendors that are not enabled, and their companions."""
    enabled = {vendor.name for vendor in vendors}
    services = [service for service in SERVICES if not service.vendor or service.vendor in enabled]
    return (
        *(
            MeshService(s.name, run_dir, surroundings.of(s), after=_after(s), stops_after=_stops_after(s))
            for s in services
        ),
        *(
            MeshService(c.name, run_dir, surroundings.beside(c), after=(c.beside,), stops_after=_callers(c.beside))
            for c in COMPANIONS
            if not c.optional or (c.name == WITNESS and surroundings.witnessed)
        ),
    )


def _after(service: Service) -> tuple[str, ...]:
    stores = (DATABASE_PART,) if service.has_schema else ()
    return (*stores, VALKEY) if service.room in USES_REDIS else stores


def _stops_after(service: Service) -> tuple[str, ...]:
    """Return who relies on ``service``: its callers, and the processes beside it."""
    return (*_callers(service.name), *(companion.name for companion in companions(service.name)))


def _callers(name: str) -> tuple[str, ...]:
    return tuple(other.name for other in SERVICES if any(called.name == name for called in callees(other.name)))
