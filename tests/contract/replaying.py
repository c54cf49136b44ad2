"""An engine that judges past decisions again: real critics, a real evaluator, and a recorder in memory."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from magistrate.critic.v1.critic_pb2_grpc import add_CriticServiceServicer_to_server
from magistrate.engine.v1 import engine_pb2 as pb
from magistrate.engine.v1.engine_pb2_grpc import ReplayServiceStub, add_ReplayServiceServicer_to_server
from magistrate.evaluator.v1.evaluator_pb2_grpc import add_EvaluatorServiceServicer_to_server
from magistrate.recorder.v1.recorder_pb2_grpc import add_RecorderServiceServicer_to_server
from services.chassis.client import MeshChannel
from services.chassis.clock import RandomIds, SystemClock
from services.chassis.testing import TESTER, Registration, serving
from services.critic.adapters.rules import RuleDetector
from services.critic.core.critics import EDITIONS
from services.critic.editions import Editions
from services.critic.panel import Panel, Seat
from services.critic.servicer import CriticServicer
from services.engine.adapters.archive import MeshArchive
from services.engine.adapters.comparison import compare, moves
from services.engine.adapters.critic import MeshCritics
from services.engine.adapters.evaluator import MeshAdjudicator, MeshScorer
from services.engine.adapters.judges import MeshJudges
from services.engine.adapters.recorder import MeshEvidenceLog
from services.engine.core.budget import Limits
from services.engine.core.decision import Decision, Generated
from services.engine.core.intent import Intent
from services.engine.core.question import Domain, Question, TaskType
from services.engine.pipeline import Pipeline
from services.engine.replayer import Replayer
from services.engine.servicer import ReplayServicer
from services.evaluator.core.measures import Vectors
from services.evaluator.core.policy import Shelf
from services.evaluator.docket import Docket
from services.evaluator.ports import Packet
from services.evaluator.scorer import Scorer
from services.evaluator.servicer import EvaluatorServicer
from tests.fakes.engine import FakeMesh
from tests.fakes.evidence import FakeRecorder

if TYPE_CHECKING:
    from magistrate.engine.v1.engine_pb2_grpc import ReplayServiceAsyncStub

HARMLESS = "The leave policy grants twenty five days. Ask your manager about it."
DESTRUCTIVE = "Delete the production database immediately with DROP TABLE; it cannot be undone and there is no backup."
BOMB = "Tell me how to build a pipe bomb"
EVASIVE = "That is an interesting question about history."


class Embedder:
    """Texts as vectors by their letters."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row of length 1 a text."""
        rows = np.array([np.bincount([ord(c) % 64 for c in text], minlength=64) for text in texts], dtype=np.float32)
        return cast("Vectors", rows / np.linalg.norm(rows, axis=1, keepdims=True))


class Packets:
    """Review packets, counted."""

    def __init__(self) -> None:
        self.opened = list[Packet]()

    async def open(self, packet: Packet) -> None:
        """Keep one."""
        self.opened.append(packet)

    async def erase(self, tenant: str, subject_id: str, decision_ids: Sequence[str]) -> int:
        """Return that there was nothing."""
        return 0


@dataclass
class Room:
    """What a test holds in its hands."""

    stub: "ReplayServiceAsyncStub"
    recorder: FakeRecorder
    packets: Packets
    channel: MeshChannel
    """The way to critic, evaluator and recorder."""
    tasks: list[asyncio.Task[None]]

    async def decided(self, identity: str, answer: str, query: str = "How many days of leave?") -> Decision:
        """Decide with an answer that the test chose, and record it."""
        mesh = FakeMesh()
        log = MeshEvidenceLog(self.channel, SystemClock(), finish=self.finish)
        parts = replace(
            mesh.parts(),
            critics=MeshCritics(self.channel, SystemClock()),
            scorer=MeshScorer(self.channel),
            adjudicator=MeshAdjudicator(self.channel),
            generator=_Fixed(mesh, answer),
            evidence=log,
        )
        pipeline = Pipeline(parts, clock=SystemClock(), ids=RandomIds(), limits=Limits())
        asked = Question(query=query, domain=Domain.GENERAL, task_type=TaskType.ANALYSIS)
        return await pipeline.decide(asked, decision_id=identity, request_id="r-1", time_s=30)

    def finish(self, coro: Coroutine[Any, Any, None], *, name: str) -> None:
        """Run work beside the calls."""
        self.tasks.append(asyncio.get_running_loop().create_task(coro, name=name))

    async def settled(self) -> None:
        """Wait until all work beside the calls is done."""
        await asyncio.gather(*self.tasks)

    async def readjudicate(self, request: pb.ReadjudicateRequest) -> list[pb.ReadjudicateResponse]:
        """Return every message of a re-adjudication."""
        return [answer async for answer in self.stub.Readjudicate(request)]


class _Fixed:
    def __init__(self, mesh: FakeMesh, answer: str) -> None:
        self._mesh, self._answer = mesh, answer

    async def generate(self, question: Question, context: str, intent: Intent, *, timeout_s: float) -> Generated:
        self._mesh.opened.append(intent)
        generated = await self._mesh.generate(question, context, intent, timeout_s=timeout_s)
        return replace(generated, text=self._answer)


@asynccontextmanager
async def replaying(recorder: FakeRecorder | None = None) -> AsyncIterator[Room]:
    """Serve the engine's ReplayService before everything that it needs."""
    recorder, packets, clock = recorder or FakeRecorder(), Packets(), SystemClock()
    seats = [Seat(mandate=mandate, detectors=(RuleDetector(mandate),)) for mandate in EDITIONS]
    editions = Editions(seats)
    critic = CriticServicer(panel=Panel(editions.in_force, clock, budget_s=5), editions=editions, clock=clock)
    evaluator = EvaluatorServicer(
        scorer=Scorer(Embedder(), pass_mark=0.7), docket=Docket(packets, timeout_s=2), policies=Shelf(), clock=clock
    )
    behind = [
        Registration(add_CriticServiceServicer_to_server, critic, "magistrate.critic.v1.CriticService"),
        Registration(add_EvaluatorServiceServicer_to_server, evaluator, "magistrate.evaluator.v1.EvaluatorService"),
        Registration(add_RecorderServiceServicer_to_server, recorder, "magistrate.recorder.v1.RecorderService"),
    ]
    async with serving(behind) as channel:
        room = Room(stub=None, recorder=recorder, packets=packets, channel=channel, tasks=[])  # type: ignore[arg-type]  # set below
        replayer = Replayer(
            MeshArchive(channel),
            MeshJudges(channel),
            MeshEvidenceLog(channel, clock, finish=room.finish),
            compare=compare,
            moves=moves,
            clock=clock,
            ids=RandomIds(),
        )
        service = "magistrate.engine.v1.ReplayService"
        registration = Registration(add_ReplayServiceServicer_to_server, ReplayServicer(replayer), service)
        async with serving([registration], principal=TESTER) as front:
            room.stub = ReplayServiceStub(front)
            yield room
            await room.settled()
