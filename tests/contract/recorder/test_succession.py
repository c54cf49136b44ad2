"""One signing key follows another: it is announced under the old one, and every proof goes on to verify."""

import base64
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis.config import SecretFile
from services.chassis.errors import MeshError
from services.recorder.core.note import key_id
from tests.contract.recorder.client import Stub, append, at, audit, calling, recording
from tests.fakes.bundles import bundle_of
from tests.fakes.postgres import Database
from tools.verify import Fault, verify
from tools.verify.follow import follow, sighting
from tools.verify.keys import SIGNING_KEY, VERIFIER_KEY, retire, succeed

MAIN, SECURITY = pb.RECORD_KIND_DECISION, pb.RECORD_KIND_SECURITY


async def proof(stub: Stub, index: int, origin: str = "") -> dict[str, object]:
    """Return the bundle of a record."""
    return bundle_of(await stub.GetInclusionProof(pb.GetInclusionProofRequest(at=at(index, origin))))


@pytest.mark.spec("REC-07", "REC-08")
async def test_one_key_follows_another(database: Database, keys: Path) -> None:
    """Before, during and after: old proofs verify on, who knows the old key learns the new one, the audit agrees."""
    old = (keys / VERIFIER_KEY).read_text()
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await append(stub, "k1")
        before = await proof(stub, 0)
        new = succeed(keys)
        assert await recorder.herald.announce() == 1
        during, told = await proof(stub, 1), await stub.ListRecords(pb.ListRecordsRequest(kind=pb.RECORD_KIND_KEY))
        assert await recorder.herald.announce() == 0
        assert retire(keys) == 1
        await append(stub, "k2")
        after = await proof(stub, 2)
        named = await stub.GetCheckpoint(pb.GetCheckpointRequest())
        await audit(database, keys)
        assert (await stub.GetCheckpoint(pb.GetCheckpointRequest())).tree_size == 3

    both = (keys / VERIFIER_KEY).read_text()
    assert [record.position.index for record in told.records] == [1]
    assert all(verify(bundle, both).verified for bundle in (before, during, after))
    assert [verify(bundle, old).fault for bundle in (before, during, after)] == [None, None, Fault.SIGNATURE]
    assert [verify(bundle, new).fault for bundle in (before, during, after)] == [Fault.SIGNATURE, None, None]
    assert named.verifier_key.rsplit("+", 1)[1] == new.rsplit("+", 1)[1]

    followed = follow(old, [sighting(during, old)], [])
    assert followed == f"{new}\n{old}until 1 {named.origin}\n"
    assert all(verify(bundle, followed).verified for bundle in (before, during, after))


@pytest.mark.spec("REC-07", "REC-08")
async def test_a_retired_key_signs_nothing_that_is_believed(database: Database, keys: Path) -> None:
    """Whoever steals a key after it was retired can sign no size that it did not sign then, in no log at all."""
    old, stolen = (keys / VERIFIER_KEY).read_text(), (keys / SIGNING_KEY).read_bytes()
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await append(stub, "k1")
        await proof(stub, 0)
        succeed(keys)
        await recorder.herald.announce()
        followed = follow(old, [sighting(await proof(stub, 1), old)], [])
        retire(keys)
        await append(stub, "k2")
        bundle = await proof(stub, 2)

    assert verify(bundle, followed).verified
    assert verify(_signed(bundle, stolen), old).verified
    assert verify(_signed(bundle, stolen), followed).fault is Fault.SIGNATURE
    elsewhere = str(bundle["checkpoint"]).replace("/acme/", "/another/")
    assert verify(_signed({**bundle, "origin": "", "checkpoint": elsewhere}, stolen), followed).fault is Fault.SIGNATURE


def _signed(bundle: dict[str, object], pem: bytes) -> dict[str, object]:
    """Sign the checkpoint of a bundle anew."""
    key = load_pem_private_key(pem, password=None)
    assert isinstance(key, Ed25519PrivateKey)
    text = str(bundle["checkpoint"]).partition("\n\n")[0] + "\n"
    origin = text.partition("\n")[0]
    made = key.sign(text.encode())
    name = key_id(origin, key.public_key().public_bytes_raw())
    line = base64.b64encode(name + made).decode()
    return {**bundle, "checkpoint": f"{text}\n\N{EM DASH} {origin} {line}\n"}


@pytest.mark.spec("REC-08", "REC-19")
async def test_every_open_log_announces_it_once(database: Database, keys: Path) -> None:
    """The security log of a tenant gets the announcement too, and a repeated look adds nothing."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        places = [(await append(stub, f"k{kind}", kind=kind)).position for kind in (MAIN, SECURITY)]
        for place in places:
            await proof(stub, 0, place.origin)
        succeed(keys)
        assert await recorder.herald.announce() == 2
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await recorder.herald.announce()
        for place in places:
            request = pb.ListRecordsRequest(origin=place.origin, kind=pb.RECORD_KIND_KEY)
            (record,) = (await stub.ListRecords(request)).records
            assert record.position.index == 1
            assert f'"verifier_key":"{place.origin}+' in record.envelope.decode()


@pytest.mark.spec("REC-08")
async def test_no_producer_announces_a_key(stub: Stub) -> None:
    """A record of this kind is the recorder's own: from anybody else it is refused."""
    with pytest.raises(MeshError) as raised:
        await append(stub, kind=pb.RECORD_KIND_KEY)

    assert raised.value.reason == "ENUM_UNKNOWN"


@pytest.mark.spec("REC-08")
async def test_a_publisher_that_hears_late_signs_nothing_meanwhile(
    database: Database, keys: Path, tmp_path: Path
) -> None:
    """A key that is announced, and that this publisher does not know yet, is waited for: no checkpoint lacks it."""
    ahead = tmp_path / "ahead"
    shutil.copytree(keys, ahead)
    told = SecretFile(ahead / VERIFIER_KEY)
    async with (
        recording(database, keys, checkpoint_patience_s=0.3, verifier_key_file=told) as recorder,
        calling(recorder) as stub,
    ):
        await append(stub, "k1")
        await proof(stub, 0)
        succeed(ahead)
        await recorder.herald.announce()
        with pytest.raises(MeshError) as raised:
            await proof(stub, 1)
        for name in (SIGNING_KEY, VERIFIER_KEY):
            shutil.copy(ahead / name, keys / name)
        bundle = await proof(stub, 1)
    await audit(database, keys)

    assert raised.value.reason == "EVIDENCE_UNAVAILABLE"
    assert verify(bundle, told.read().partition("\n")[0]).verified


@pytest.mark.spec("REC-08")
@pytest.mark.parametrize("missing", ["former", "newest"])
async def test_nothing_is_signed_while_a_key_is_missing(database: Database, keys: Path, missing: str) -> None:
    """Until both keys are at hand the publisher waits; it takes that for no damage, and signs once they are."""
    async with recording(database, keys, checkpoint_patience_s=0.3) as recorder, calling(recorder) as stub:
        await append(stub, "k1")
        await proof(stub, 0)
        former = (keys / SIGNING_KEY).read_text()
        succeed(keys)
        both = (keys / SIGNING_KEY).read_text()
        (keys / SIGNING_KEY).write_text(both.removesuffix(former) if missing == "former" else former)
        await recorder.herald.announce()
        with pytest.raises(MeshError) as raised:
            await proof(stub, 1)
        (keys / SIGNING_KEY).write_text(both)
        bundle = await proof(stub, 1)

    assert raised.value.reason == "EVIDENCE_UNAVAILABLE"
    assert verify(bundle, (keys / VERIFIER_KEY).read_text()).verified
