"""Whoever names no tenant reads and writes nothing: rows of no tenant would be everybody's."""

from collections.abc import Callable
from typing import Any

import pytest

from magistrate.common.v1 import task_pb2
from magistrate.context.v1 import context_pb2, context_pb2_grpc
from magistrate.engine.v1 import engine_pb2, engine_pb2_grpc
from magistrate.evaluator.v1 import evaluator_pb2, evaluator_pb2_grpc
from magistrate.recorder.v1 import recorder_pb2, recorder_pb2_grpc
from magistrate.router.v1 import router_pb2, router_pb2_grpc
from services.chassis.call import Principal
from services.chassis.errors import CallerError, Kind
from services.chassis.testing import Registration, serving
from services.context.servicer.methods import ContextServicer
from services.engine.servicer import EngineServicer
from services.evaluator.servicer import EvaluatorServicer
from services.recorder.servicer import RecorderServicer
from services.router.caching.forgetting import Forgetting
from services.router.servicer import RouterServicer
from services.router.servicer.caches import CacheCalls
from services.router.servicer.champions import ChampionCalls


class Untouchable:
    """Stands for every part of a room: whoever uses it fails the call in a way that these tests do not expect."""

    def __getattr__(self, name: str) -> Callable[..., object]:
        """Return a method that fails."""

        def use(*_: object, **__: object) -> object:
            raise AssertionError(f"{name} was called for nobody")

        return use


NOTHING: Any = Untouchable()
DOMAIN, TASK = task_pb2.DOMAIN_GENERAL, task_pb2.TASK_TYPE_ANALYSIS
QUESTION = engine_pb2.Question(query="How many?", domain=DOMAIN, task_type=TASK)
ROUTING = router_pb2.RoutingRequest(query="How many?", domain=DOMAIN, task_type=TASK)
ENTRY = recorder_pb2.Entry(idempotency_key="k", kind=recorder_pb2.RECORD_KIND_DECISION)
DOCUMENT = context_pb2.Document(document_id="a", source="a.md", text="Leave is 25 days.")

Room = Callable[[], tuple[Registration, Callable[[Any], Any]]]


def engine() -> tuple[Registration, Callable[[Any], Any]]:
    """Return an engine without parts."""
    servicer = EngineServicer(NOTHING, NOTHING)
    add = engine_pb2_grpc.add_EngineServiceServicer_to_server
    return Registration(add, servicer, "magistrate.engine.v1.EngineService"), engine_pb2_grpc.EngineServiceStub


def context() -> tuple[Registration, Callable[[Any], Any]]:
    """Return a context service without parts."""
    servicer = ContextServicer(
        builder=NOTHING, retriever=NOTHING, ingestor=NOTHING, catalog=NOTHING, min_similarity=0.1
    )
    add = context_pb2_grpc.add_ContextServiceServicer_to_server
    return Registration(add, servicer, "magistrate.context.v1.ContextService"), context_pb2_grpc.ContextServiceStub


def router() -> tuple[Registration, Callable[[Any], Any]]:
    """Return a router without parts."""
    champions = ChampionCalls(championship=NOTHING, clock=NOTHING)
    servicer = RouterServicer(
        planner=NOTHING,
        generator=NOTHING,
        streamer=NOTHING,
        health=NOTHING,
        pace=NOTHING,
        costs=NOTHING,
        champions=champions,
        caches=CacheCalls(
            epochs=NOTHING, tally=NOTHING, forgetting=Forgetting(epochs=NOTHING, kept=(), history=NOTHING)
        ),
    )
    add = router_pb2_grpc.add_RouterServiceServicer_to_server
    return Registration(add, servicer, "magistrate.router.v1.RouterService"), router_pb2_grpc.RouterServiceStub


def evaluator() -> tuple[Registration, Callable[[Any], Any]]:
    """Return an evaluator without parts."""
    servicer = EvaluatorServicer(scorer=NOTHING, docket=NOTHING, policies=NOTHING, clock=NOTHING)
    add = evaluator_pb2_grpc.add_EvaluatorServiceServicer_to_server
    name = "magistrate.evaluator.v1.EvaluatorService"
    return Registration(add, servicer, name), evaluator_pb2_grpc.EvaluatorServiceStub


def recorder() -> tuple[Registration, Callable[[Any], Any]]:
    """Return a recorder without parts."""
    servicer = RecorderServicer(
        intake=NOTHING, archive=NOTHING, prover=NOTHING, exporter=NOTHING, desk=NOTHING, eraser=NOTHING, keyring=NOTHING
    )
    add = recorder_pb2_grpc.add_RecorderServiceServicer_to_server
    return Registration(add, servicer, "magistrate.recorder.v1.RecorderService"), recorder_pb2_grpc.RecorderServiceStub


@pytest.mark.spec("ENG-38")
@pytest.mark.parametrize(
    ("room", "method", "request_"),
    [
        (engine, "Decide", engine_pb2.DecideRequest(question=QUESTION)),
        (engine, "GetDecision", engine_pb2.GetDecisionRequest(decision_id="d-1")),
        (engine, "ListDecisions", engine_pb2.ListDecisionsRequest()),
        (context, "BuildContext", context_pb2.BuildContextRequest(query="How many?", domain=DOMAIN, task_type=TASK)),
        (context, "Search", context_pb2.SearchRequest(query="How many?")),
        (context, "IngestDocuments", context_pb2.IngestDocumentsRequest(documents=[DOCUMENT])),
        (context, "GetPack", context_pb2.GetPackRequest(pack_id="handbook")),
        (context, "ListPacks", context_pb2.ListPacksRequest()),
        (router, "Generate", router_pb2.GenerateRequest(routing=ROUTING)),
        (router, "ForgetSubject", router_pb2.ForgetSubjectRequest(subject_id="person-1")),
        (router, "GetChampion", router_pb2.GetChampionRequest(domain=DOMAIN, task_type=TASK)),
        (router, "PromoteModel", router_pb2.PromoteModelRequest(domain=DOMAIN, task_type=TASK)),
        (router, "DemoteModel", router_pb2.DemoteModelRequest(domain=DOMAIN, task_type=TASK)),
        (router, "ReportScore", router_pb2.ReportScoreRequest(domain=DOMAIN, task_type=TASK)),
        (evaluator, "Adjudicate", evaluator_pb2.AdjudicateRequest(decision_id="d-1", domain=DOMAIN)),
        (recorder, "Append", recorder_pb2.AppendRequest(entry=ENTRY)),
        (recorder, "GetRecord", recorder_pb2.GetRecordRequest(decision_id="d-1")),
        (recorder, "ListRecords", recorder_pb2.ListRecordsRequest()),
        (recorder, "GetInclusionProof", recorder_pb2.GetInclusionProofRequest(decision_id="d-1")),
        (recorder, "BatchGetInclusionProofs", recorder_pb2.BatchGetInclusionProofsRequest(indexes=[0])),
        (recorder, "GetConsistencyProof", recorder_pb2.GetConsistencyProofRequest()),
        (recorder, "GetCheckpoint", recorder_pb2.GetCheckpointRequest()),
    ],
)
async def test_a_call_without_a_tenant_is_refused(room: Room, method: str, request_: object) -> None:
    """No part of the room is touched, and the caller learns to come in through the edge."""
    registration, stub = room()
    async with serving([registration], principal=Principal(subject="nobody")) as channel:
        with pytest.raises(CallerError) as refused:
            await getattr(stub(channel), method)(request_)

    assert (refused.value.kind, refused.value.reason) == (Kind.UNAUTHENTICATED, "TOKEN_MISSING")
