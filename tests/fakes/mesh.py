"""A whole mesh for tests: the real Envoy with its rendered configuration, a real PKI, and services without logic.

``async with running_mesh(folder) as mesh`` gives one in about a second. All but the services is real, so that what
holds here about identity, time, order and refusal holds in production.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import grpc
import httpx
from google.rpc import error_details_pb2
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from services import topology
from tests.fakes.backend import Backend
from tests.fakes.twin import add_twin, twin_name
from tools.certs import Pki, Tokens
from tools.certs.identity import DNS_SUFFIX, OPERATOR
from tools.envoy import Door, Settings, local_mesh, render, write
from tools.envoy.model import CALL_HEADER, PROVIDERS_HEADER
from tools.envoy.process import command

Metadata: TypeAlias = tuple[tuple[str, str], ...]

ALL_VENDORS = topology.VENDORS
GENERATE = "/magistrate.provider.v1.ProviderService/Generate"
CALL_LIMIT_S = 20.0
"""No test waits longer for one call."""


@dataclass(slots=True, kw_only=True)
class FakeMesh:
    """One Envoy, the services behind it, and what tests need to enter."""

    pki: Pki
    tokens: Tokens
    run_dir: Path
    edge_port: int
    ports: dict[str, int]
    backends: dict[str, Backend]
    config: Path
    process: asyncio.subprocess.Process

    def egress(self, service: str) -> aio.Channel:
        """Return a channel out of ``service``, as the service itself has it."""
        return aio.insecure_channel(f"unix:{self.run_dir}/{service}-egress.sock", options=_options(service))

    def edge(self, identity: str | None = OPERATOR, *, pki: Pki | None = None) -> aio.Channel:
        """Return a channel to the edge that shows the certificate of ``identity`` (of another PKI: ``pki``)."""
        return self._tls(self.edge_port, topology.EDGE, identity, pki or self.pki)

    def ingress(self, service: str, identity: str | None, *, pki: Pki | None = None) -> aio.Channel:
        """Return a channel to the ingress of ``service`` past every egress, as an intruder would open it."""
        return self._tls(self.ports[service], service, identity, pki or self.pki)

    def provider(self, vendor: str) -> Backend:
        """Return the adapter of ``vendor``."""
        return self.backends[f"provider-{vendor}"]

    def bearer(self, *, subject: str = "ada", tenant: str = "acme", roles: tuple[str, ...] = ("user",)) -> Metadata:
        """Return the metadata of a caller with a valid token."""
        return (("authorization", f"Bearer {self.tokens.mint(subject, tenant, roles)}"),)

    async def statistic(self, name: str) -> int:
        """Return one counter or gauge of Envoy."""
        async with self.admin() as admin:
            text = (await admin.get("/stats", params={"filter": f"^{name}$"})).text
        return int(text.rpartition(":")[2]) if text.strip() else 0

    async def reloads(self, service: str) -> int:
        """Return how often the ingress of ``service`` has read its certificates."""
        listener = f"listener.127.0.0.1_{self.ports[service]}"
        return await self.statistic(f"{listener}.server_ssl_socket_factory.ssl_context_update_by_sds")

    async def reloaded(self, service: str, *, since: int) -> None:
        """Wait until the ingress of ``service`` has read its certificates more than ``since`` times."""

        async def read_again() -> bool:
            return await self.reloads(service) > since

        await until(read_again)

    def admin(self) -> httpx.AsyncClient:
        """Return a client of Envoy's admin interface."""
        transport = httpx.AsyncHTTPTransport(uds=str(self.run_dir / "envoy-admin.sock"))
        return httpx.AsyncClient(transport=transport, base_url="http://envoy", timeout=5.0)

    def _tls(self, port: int, server: str, identity: str | None, pki: Pki) -> aio.Channel:
        root = (self.pki.certs / "edge" / "ca.crt").read_bytes()
        key = certificate = None
        if identity is not None:
            key = (pki.certs / identity / "tls.key").read_bytes()
            certificate = (pki.certs / identity / "tls.crt").read_bytes()
        credentials = grpc.ssl_channel_credentials(root, key, certificate)
        return aio.secure_channel(f"127.0.0.1:{port}", credentials, options=_options(server))


@contextlib.asynccontextmanager
async def running_mesh(
    folder: Path,
    *,
    providers: tuple[str, ...] = ("local",),
    require_client_certificate: bool = True,
    twin: str = "",
    **settings: Any,  # fields of tools.envoy.Settings
) -> AsyncIterator[FakeMesh]:
    """Start a mesh below ``folder`` (keep its path short: unix sockets) and stop all of it at the end.

    The service ``twin`` gets a second replica, the backend ``{twin}-twin``.
    """
    pki, tokens = Pki(folder), Tokens(folder)
    pki.create()
    tokens.create()
    run_dir = folder / "run"
    run_dir.mkdir(mode=0o700)
    planned = Settings(run_dir=run_dir, certs_dir=pki.certs, providers=providers, **settings)
    names = [s.name for s in topology.SERVICES if not s.vendor or s.vendor in providers]
    edge_port, twin_port, *free = free_ports(len(names) + 2)
    ports = dict(zip(names, free, strict=True))
    door = Door(jwks_file=tokens.jwks_file, port=edge_port, require_client_certificate=require_client_certificate)
    config = folder / "envoy.yaml"
    rendered = render(local_mesh(planned, door, ports))
    if twin:
        add_twin(rendered, twin, ports[twin], twin_port)
        names.append(twin_name(twin))
    write(rendered, config)
    backends = {name: Backend(socket=run_dir / f"{name}.sock") for name in names}
    async with contextlib.AsyncExitStack() as stack:
        for backend in backends.values():
            await backend.start()
            stack.push_async_callback(backend.stop)
        process = await stack.enter_async_context(_envoy(config, folder / "envoy.log"))
        mesh = FakeMesh(
            pki=pki,
            tokens=tokens,
            run_dir=run_dir,
            edge_port=edge_port,
            ports=ports,
            backends=backends,
            config=config,
            process=process,
        )
        await _ready(mesh)
        yield mesh


def free_ports(count: int) -> list[int]:
    """Return ``count`` loopback ports that nobody uses at this moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for bound in sockets:
            bound.bind(("127.0.0.1", 0))
        return [bound.getsockname()[1] for bound in sockets]


def unary(channel: aio.Channel, path: str) -> aio.UnaryUnaryMultiCallable[bytes, bytes]:
    """Return what calls a method with raw bytes."""
    return channel.unary_unary(path)


def stream(channel: aio.Channel, path: str) -> aio.UnaryStreamMultiCallable[bytes, bytes]:
    """Return what begins a stream of raw bytes."""
    return channel.unary_stream(path)


async def ask(
    channel: aio.Channel,
    path: str,
    request: bytes = b"hello",
    *,
    timeout: float | None = CALL_LIMIT_S,  # noqa: ASYNC109 - that of the call, which goes with it
    metadata: Metadata = (),
) -> bytes:
    """Make one unary call of raw bytes."""
    return await unary(channel, path)(request, timeout=timeout, metadata=metadata)


async def until(condition: Callable[[], Awaitable[bool]], limit_s: float = CALL_LIMIT_S) -> None:
    """Wait until ``condition`` holds; for what another process does, which gives no event to wait for."""
    async with asyncio.timeout(limit_s):
        while not await condition():  # noqa: ASYNC110  see the docstring
            await asyncio.sleep(0.01)


async def serves(path: Path) -> bool:
    """Watch until the service at the socket ``path`` serves; False where that is one which a killed process left."""
    async with aio.insecure_channel(f"unix:{path}") as channel:
        watching = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), wait_for_ready=True)
        try:
            async for answer in watching:
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return True
        except aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
    return False


def order(*vendors: str, hedge_ms: int | None = None, call: str | None = None) -> Metadata:
    """Return the router's metadata that asks for ``vendors`` in this order, as a part of ``call`` (None: a new one)."""
    metadata: Metadata = ((PROVIDERS_HEADER, ",".join(vendors)), (CALL_HEADER, call or uuid4().hex))
    if hedge_ms is not None:
        metadata += (("x-envoy-upstream-rq-per-try-timeout-ms", str(hedge_ms)),)
    return metadata


def reason(error: aio.AioRpcError) -> str:
    """Return the ErrorInfo reason of ``error``, or an empty text where it has none."""
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            assert info.domain == "magistrate.dev"
            return str(info.reason)
    return ""


@contextlib.asynccontextmanager
async def _envoy(config: Path, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command(config), stdout=output, stderr=output)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.wait()


async def _ready(mesh: FakeMesh) -> None:
    """Wait until Envoy listens with its certificates loaded."""

    async def live() -> bool:
        if mesh.process.returncode is not None:
            raise AssertionError((mesh.config.parent / "envoy.log").read_text()[:2000])
        with contextlib.suppress(httpx.TransportError):
            return (await admin.get("/ready")).text.strip() == "LIVE"
        return False

    async with mesh.admin() as admin:
        await until(live)


def _options(server: str) -> list[tuple[str, Any]]:
    return [
        ("grpc.ssl_target_name_override", f"{server}.{DNS_SUFFIX}"),
        ("grpc.default_authority", f"{server}.{DNS_SUFFIX}"),
        # One connection per channel: what a test says about a certificate is about the one that it chose.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_send_message_length", 32 * 1024 * 1024),
    ]
