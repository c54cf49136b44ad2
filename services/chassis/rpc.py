"""What the chain of steps knows about one call on the server, and about its method."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc

from services.chassis.call import Call
from services.chassis.errors import MeshError
from services.chassis.telemetry import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One RPC method."""

    path: str
    """Full path as on the wire, ``/package.Service/Method``."""

    @property
    def service(self) -> str:
        """Return the full name of its gRPC service."""
        return self.path[1:].rpartition("/")[0]

    @property
    def name(self) -> str:
        """Return its name within the service."""
        return self.path.rpartition("/")[2]


@dataclass(slots=True, eq=False)
class Rpc:
    """One call from its arrival to its end; steps write what they learn."""

    method: Method
    context: "grpc.aio.ServicerContext[Any, Any]"  # Any: the chain is the same for every message type
    metadata: Mapping[str, str | bytes]
    started: float = field(default_factory=time.monotonic)
    call: Call = field(default_factory=Call)
    span: Span | None = None
    error: BaseException | None = None
    """What ended the call, if it failed."""
    answer: MeshError | None = None
    """What the caller learns of it."""
    code: grpc.StatusCode = grpc.StatusCode.OK
    reason: str = ""
    """Name of the ErrorReason that the caller gets."""
    trailers: tuple[tuple[str, str], ...] = ()
    """Metadata that goes with a refusal, for proxies."""
    requests: int = 0
    replies: int = 0
    bytes_in: int = 0


class Step(Protocol):
    """One concern of every call: ``begin`` in the order of the chain, ``end`` in the reverse order."""

    def begin(self, rpc: Rpc) -> None:
        """Prepare the call; a MeshError raised here is its answer."""
        ...

    def end(self, rpc: Rpc) -> None:
        """Conclude the call; it may not fail. It runs even where a ``begin`` before it failed."""
        ...
