"""RecorderService on the wire: proofs that verify offline, and tampering that does not stay hidden."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis.errors import Kind, MeshError
from tests.contract.promises import reasons
from tests.contract.recorder.client import (
    OTHER,
    Stub,
    append,
    at,
    calling,
    entry,
    recording,
    tamper,
)
from tests.fakes.bundles import bundle_of
from tests.fakes.postgres import Database
from tools.verify import Fault, verify
from tools.verify.keys import VERIFIER_KEY


@pytest.mark.spec("REC-07")
async def test_every_record_is_proven(stub: Stub, keys: Path) -> None:
    """Each record's proof verifies offline with the published key, in a log that spans several tiles."""
    requests = [pb.AppendStreamRequest(entry=entry(f"k{n}", decision_id=f"d{n}")) for n in range(600)]
    async for answer in stub.AppendStream(iter(requests)):
        assert not answer.reason
    vkey = (keys / VERIFIER_KEY).read_text()

    for index in (0, 1, 255, 256, 511, 512, 599):
        reply = await stub.GetInclusionProof(pb.GetInclusionProofRequest(at=at(index)))
        result = verify(bundle_of(reply), vkey)
        assert (result.fault, result.index, result.tree_size) == (None, index, 600)


@pytest.mark.spec("REC-07")
async def test_many_records_are_proven_at_once(stub: Stub) -> None:
    """Each proof of a batch is the one that the record has by itself, in the order of the request, twice if asked."""
    entries = [entry(f"k{n}", decision_id=f"d{n}") for n in range(257)]
    async for answer in stub.AppendStream(iter([pb.AppendStreamRequest(entries=entries)])):
        assert not any(each.reason for each in answer.acknowledgements)
    indexes = [256, 0, 255, 128, 0]

    batch = await stub.BatchGetInclusionProofs(pb.BatchGetInclusionProofsRequest(indexes=indexes))

    assert [proof.index for proof in batch.proofs] == indexes
    for proof in batch.proofs:
        alone = await stub.GetInclusionProof(pb.GetInclusionProofRequest(at=at(proof.index)))
        assert (alone.checkpoint, alone.tree_size) == (batch.checkpoint, batch.tree_size)
        assert (alone.position.origin, alone.position.leaf_hash) == (batch.origin, proof.leaf_hash)
        assert alone.hashes == proof.hashes


NOT_PROVEN: dict[str, tuple[list[int], Kind, str]] = {
    "none": ([], Kind.INVALID, "FIELD_REQUIRED"),
    "too many": ([0] * 1001, Kind.INVALID, "FIELD_TOO_LONG"),
    "beyond the end": ([0, 1], Kind.OUT_OF_RANGE, "INDEX_OUT_OF_RANGE"),
    "before the start": ([-1], Kind.OUT_OF_RANGE, "INDEX_OUT_OF_RANGE"),
}


@pytest.mark.parametrize("case", NOT_PROVEN)
async def test_refused_batches(stub: Stub, case: str) -> None:
    """A batch of none, of too many, or with an index that the log has not is refused with its reason."""
    indexes, kind, reason = NOT_PROVEN[case]
    await append(stub)
    with pytest.raises(MeshError) as raised:
        await stub.BatchGetInclusionProofs(pb.BatchGetInclusionProofsRequest(indexes=indexes))

    assert (raised.value.kind, raised.value.reason) == (kind, reason)
    assert reason in reasons("recorder")["BatchGetInclusionProofs"]


async def test_proof_by_decision_and_by_the_log_s_own_key(stub: Stub, keys: Path) -> None:
    """A decision is proven by its id, and the key that GetCheckpoint names verifies it too."""
    await append(stub)
    checkpoint = await stub.GetCheckpoint(pb.GetCheckpointRequest())

    reply = await stub.GetInclusionProof(pb.GetInclusionProofRequest(decision_id="decision-1"))

    assert verify(bundle_of(reply), checkpoint.verifier_key).verified
    assert verify(bundle_of(reply), (keys / VERIFIER_KEY).read_text()).verified
    assert (checkpoint.tree_size, checkpoint.origin) == (1, reply.position.origin)
    assert reply.checkpoint == checkpoint.checkpoint


async def test_consistency(stub: Stub) -> None:
    """The log of three records is shown to be the beginning of the log of five."""
    for n in range(5):
        await append(stub, f"k{n}")

    reply = await stub.GetConsistencyProof(pb.GetConsistencyProofRequest(from_size=3))
    checkpoint = await stub.GetCheckpoint(pb.GetCheckpointRequest())

    assert (reply.from_size, reply.to_size) == (3, 5)
    assert reply.to_root == checkpoint.root
    assert reply.checkpoint == checkpoint.checkpoint
    # RFC 6962 section 2.1.3: from 3 to 5 leaves by the third leaf, the fourth, the first two, the fifth.
    third, fourth, first_two, fifth = reply.hashes
    pair = _node(third, fourth)
    assert reply.from_root == _node(first_two, third)
    assert reply.to_root == _node(_node(first_two, pair), fifth)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


TAMPERING: dict[str, tuple[str, Fault]] = {
    "envelope": ("update recorder.ev set envelope = set_byte(envelope, 9, 1) where seq = 1", Fault.LEAF),
    "leaf": ("update recorder.ev set leaf = set_byte(leaf, 0, get_byte(leaf, 0) # 1) where seq = 0", Fault.ROOT),
}


@pytest.mark.spec("REC-07")
@pytest.mark.parametrize("case", TAMPERING)
async def test_tampering_is_named(acme: Stub, database: Database, keys: Path, case: str) -> None:
    """One byte changed behind the recorder's back, by a superuser around every fence, is named by the verifier."""
    statement, fault = TAMPERING[case]
    for n in range(3):
        await append(acme, f"k{n}")
    await acme.GetCheckpoint(pb.GetCheckpointRequest())
    tamper(database, statement)

    reply = await acme.GetInclusionProof(pb.GetInclusionProofRequest(at=at(1)))

    assert verify(bundle_of(reply), (keys / VERIFIER_KEY).read_text()).fault is fault


@pytest.mark.spec("REC-07")
async def test_tampered_checkpoint_is_named(database: Database, keys: Path) -> None:
    """A stored note that was changed after it was signed verifies no more."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await append(stub)
        await stub.GetCheckpoint(pb.GetCheckpointRequest())
    tamper(database, "update recorder.checkpoint set note = replace(note, E'\\n1\\n', E'\\n2\\n')")
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        reply = await stub.GetInclusionProof(pb.GetInclusionProofRequest(at=at(0)))

    assert verify(bundle_of(reply), (keys / VERIFIER_KEY).read_text()).fault is Fault.SIGNATURE


async def test_damaged_head_stops_its_tenant_alone(database: Database, keys: Path) -> None:
    """A head that contradicts itself is built upon no more; other tenants do not notice."""
    async with recording(database, keys) as recorder, calling(recorder) as acme, calling(recorder, OTHER) as other:
        await append(acme)
        tamper(database, "update recorder.head set frontier = ''")

        with pytest.raises(MeshError) as raised:
            await append(acme, "key-2")
        await append(other)

        assert raised.value.kind is Kind.INTERNAL
        assert (await other.GetCheckpoint(pb.GetCheckpointRequest())).tree_size == 1


@pytest.mark.spec("T10")
async def test_restart_keeps_old_proofs(database: Database, keys: Path) -> None:
    """A checkpoint from before a restart verifies, and is consistent with one from after it."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await append(stub, "k0")
        before = await stub.GetCheckpoint(pb.GetCheckpointRequest())
        proof = await stub.GetInclusionProof(pb.GetInclusionProofRequest(at=at(0)))
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        assert (await stub.GetCheckpoint(pb.GetCheckpointRequest())).checkpoint == before.checkpoint
        await append(stub, "k1")
        reply = await stub.GetConsistencyProof(pb.GetConsistencyProofRequest(from_size=1))

    assert reply.from_root == before.root
    assert verify(bundle_of(proof), (keys / VERIFIER_KEY).read_text()).verified


@pytest.mark.spec("REC-02")
async def test_two_recorders_do_not_fork(database: Database, keys: Path) -> None:
    """Two recorders that write to one log at the same time take turns: no index twice, no gap, one tree."""
    async with (
        recording(database, keys) as one,
        recording(database, keys) as two,
        calling(one) as first,
        calling(two) as second,
    ):
        calls = [append((first, second)[n % 2], f"k{n // 2}", decision_id=f"d{n // 2}") for n in range(400)]
        answers = await asyncio.gather(*calls)
        checkpoints = [await stub.GetCheckpoint(pb.GetCheckpointRequest()) for stub in (first, second)]

    assert [a.position for a in answers[::2]] == [a.position for a in answers[1::2]]
    assert sorted(a.position.index for a in answers[::2]) == list(range(200))
    assert checkpoints[0] == checkpoints[1]


@pytest.mark.spec("REC-07")
async def test_an_altered_body_is_named_and_not_shown(database: Database, keys: Path) -> None:
    """A body that was changed in the database is refused as damaged, and the reason says so."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await append(stub)
        tamper(database, "update recorder.ev_body set sealed = set_byte(sealed, 20, 1 - get_byte(sealed, 20) % 2)")
        with pytest.raises(MeshError) as raised:
            await stub.GetRecord(pb.GetRecordRequest(at=at(0)))

    assert (raised.value.kind, raised.value.reason) == (Kind.INTERNAL, "RECORD_DAMAGED")
