"""What a call may come to while parts of the mesh are killed: a declared answer or a clear error, nothing else."""

import grpc

from magistrate.engine.v1.engine_pb2 import STAGE_OUTCOME_DONE
from magistrate.recorder.v1.recorder_pb2 import ListRecordsRequest
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from tests.e2e.mesh.load import Outcomes
from tests.e2e.mesh.mesh import CALL_LIMIT_S, Client

CLEAR = frozenset(
    {
        (grpc.StatusCode.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE"),
        (grpc.StatusCode.UNAVAILABLE, "EVIDENCE_UNAVAILABLE"),
        (grpc.StatusCode.UNAVAILABLE, "GATE_UNAVAILABLE"),
        (grpc.StatusCode.UNAVAILABLE, "PROVIDERS_UNAVAILABLE"),
        (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXPIRED"),
    }
)
"""Errors that tell a caller what is missing and that trying again may help."""


def assert_clear(outcomes: Outcomes) -> None:
    """Check that each call ended in one of the ways that are promised: no answer is silently less than a whole one."""
    assert {(failure.code, failure.reason) for failure in outcomes.failures} - CLEAR == set()
    for decision in outcomes.decisions:
        whole = all(stage.outcome == STAGE_OUTCOME_DONE for stage in decision.stages)
        assert whole == (not decision.degraded_components), decision


async def assert_kept(client: Client, outcomes: Outcomes) -> None:
    """Check that the evidence of every released decision stands unaltered at its place, in a log without a gap."""
    assert outcomes.decisions
    for decision in outcomes.decisions:
        assert (await client.verified(decision)).verified, decision.decision_id
    indexes = await _indexes(client)
    assert indexes == list(range(len(indexes))), "no gap, no index twice"
    acknowledged = [decision.evidence.index for decision in outcomes.decisions]
    assert len(set(acknowledged)) == len(acknowledged), "no place given to two decisions"


async def _indexes(client: Client) -> list[int]:
    """Return the index of every record of the tenant's log, in the order of the listing turned upwards."""
    recorder = RecorderServiceStub(client.channel)
    found: list[int] = []
    token = ""
    while True:
        request = ListRecordsRequest(page_size=1000, page_token=token)
        reply = await recorder.ListRecords(request, timeout=CALL_LIMIT_S, metadata=client.metadata)
        found.extend(record.position.index for record in reply.records)
        token = reply.next_page_token
        if not token:
            return sorted(found)
