"""A serving mesh whose model vendors the test scripts, and the way in for callers."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypedDict, Unpack

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from magistrate.common.v1.task_pb2 import DOMAIN_GENERAL, TASK_TYPE_ANALYSIS, Domain, TaskType
from magistrate.engine.v1.engine_pb2 import DecideRequest, Decision, Question
from magistrate.engine.v1.engine_pb2_grpc import EngineServiceStub
from magistrate.recorder.v1 import recorder_pb2
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from tests.e2e.mesh.vendors import Vendor, vendor
from tests.fakes.bundles import bundle_of
from tests.fakes.stack import Stack, running
from tools.verify import verify
from tools.verify.bundle import Result

QUERY = "How many days of annual leave does a full-time employee get?"
HEDGE_DELAY_S = 0.3
CALL_LIMIT_S = 30.0
"""No call of a test may take longer."""

Metadata = tuple[tuple[str, str], ...]


class Options(TypedDict):
    """How a call is made."""

    timeout: float
    metadata: Metadata


class Fields(TypedDict, total=False):
    """Fields of a question that a test may set, but for the query."""

    context_pack_id: str
    domain: "Domain.ValueType"
    task_type: "TaskType.ValueType"
    additional_context: str
    temperature: float
    max_output_tokens: int
    strategy: str
    model: str
    strict_context: bool
    high_impact: bool
    subject_id: str
    voting_rule: str
    tool_count: int
    fresh: bool


class Changes(Fields, total=False):
    """All of them."""

    query: str


@dataclass(frozen=True, slots=True)
class Mesh:
    """A stack with two vendors: ``local`` is asked first, ``openai`` joins."""

    stack: Stack
    local: Vendor
    openai: Vendor

    def calm(self) -> None:
        """Let both vendors answer at once."""
        self.local.play()
        self.openai.play()

    @asynccontextmanager
    async def client(self, *roles: str, tenant: str = "default", subject: str = "tester") -> AsyncIterator["Client"]:
        """Yield a caller of one tenant with its own connection to the edge; an admin unless told."""
        token = self.stack.token(*roles, tenant=tenant, subject=subject)
        async with grpc.aio.secure_channel(
            self.stack.record.edge, self.stack.credentials(), options=[("grpc.use_local_subchannel_pool", 1)]
        ) as channel:
            yield Client(self, channel, (("authorization", f"Bearer {token}"),))


class Client:
    """One caller outside the mesh."""

    def __init__(self, mesh: Mesh, channel: grpc.aio.Channel, metadata: Metadata) -> None:
        self._mesh = mesh
        self.channel = channel
        self.metadata = metadata
        self.engine = EngineServiceStub(channel)
        self._recorder = RecorderServiceStub(channel)

    @property
    def options(self) -> Options:
        """Return how this caller makes a call."""
        return {"timeout": CALL_LIMIT_S, "metadata": self.metadata}

    async def decide(
        self,
        query: str = QUERY,
        *,
        request_id: str = "",
        limit_s: float | None = CALL_LIMIT_S,
        **fields: Unpack[Fields],
    ) -> Decision:
        """Ask for one decision; ``fields`` are further ones of the question."""
        request = DecideRequest(question=question(query, **fields), request_id=request_id)
        reply = await self.engine.Decide(request, timeout=limit_s, metadata=self.metadata)
        return reply.decision

    async def refused(
        self, request: DecideRequest, *, limit_s: float = CALL_LIMIT_S, metadata: Metadata | None = None
    ) -> "Failure":
        """Return how a call that must not succeed ended; with the caller's own metadata, unless there is another."""
        try:
            await self.engine.Decide(request, timeout=limit_s, metadata=self.metadata if metadata is None else metadata)
        except grpc.aio.AioRpcError as error:
            return Failure.of(error)
        raise AssertionError("the call succeeded")

    async def verified(self, decision: Decision) -> Result:
        """Check the evidence of a decision offline, against the leaf that was acknowledged with it."""
        reply = await self._recorder.GetInclusionProof(
            recorder_pb2.GetInclusionProofRequest(decision_id=decision.decision_id),
            timeout=CALL_LIMIT_S,
            metadata=self.metadata,
        )
        assert reply.position.index == decision.evidence.index
        assert reply.position.leaf_hash == decision.evidence.leaf_hash
        return verify(bundle_of(reply), self._mesh.stack.folder.verifier_key.read_text())


@dataclass(frozen=True, slots=True)
class Failure:
    """How a call ended that did not succeed."""

    code: grpc.StatusCode
    reason: str
    """Of ErrorInfo; empty where there is none."""
    fields: tuple[str, ...]
    """Fields that BadRequest names."""

    @classmethod
    def of(cls, error: grpc.aio.AioRpcError) -> "Failure":
        """Read the typed details of a failed call."""
        reason, fields = "", ()
        status = rpc_status.from_call(error)
        for detail in status.details if status else ():
            info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
            if detail.Unpack(info):
                reason = info.reason
            elif detail.Unpack(bad):
                fields = tuple(violation.field for violation in bad.field_violations)
        return cls(error.code(), reason, fields)


EXPIRED = frozenset(Failure(grpc.StatusCode.DEADLINE_EXCEEDED, reason, ()) for reason in ("DEADLINE_EXPIRED", ""))
"""A caller's time is over. Where its own clock strikes first, gRPC says so, and gRPC knows no reasons."""


def question(query: str = QUERY, **fields: Unpack[Fields]) -> Question:
    """Return a valid question, some of its fields changed."""
    asked: Fields = {"domain": DOMAIN_GENERAL, "task_type": TASK_TYPE_ANALYSIS, **fields}
    return Question(query=query, **asked)


@contextmanager
def serving_mesh(*providers: str, **settings: str) -> Iterator[Mesh]:
    """Yield a mesh of its own; ``providers`` are the enabled ones of local and openai, both unless told.

    ``settings`` are further ones of its services, as they are named in the environment. Unless one of them says what
    to cache, every question goes to a vendor, however often it is asked.
    """
    with vendor() as local, vendor() as openai:
        places = {"local": local.url, "openai": openai.url}
        arguments = [f"--provider={name}={places[name]}" for name in providers or places]
        usual = {
            "MAGISTRATE_ROUTER_HEDGE_DELAY_S": str(HEDGE_DELAY_S),
            # A delay that follows the measured calls of earlier tests would let the second vendor join at its own time.
            "MAGISTRATE_ROUTER_MIN_HEDGE_DELAY_S": str(HEDGE_DELAY_S),
            # Tests stall more calls than any budget of the field would let be hedged.
            "MAGISTRATE_ROUTER_HEDGE_BURST": "100",
            "MAGISTRATE_ROUTER_CACHE_USE": "bypass",
        }
        with running(*arguments, env=usual | settings) as stack:
            yield Mesh(stack, local, openai)
