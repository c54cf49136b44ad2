"""Where a policy asks for witnesses, evidence counts once enough of them have seen it, and anybody can check that."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis.errors import MeshError
from services.recorder.core.policy import read_policy
from tests.contract.recorder.client import OTHER, Stub, append, at, audit, calling, recording
from tests.contract.recorder.exports import export
from tests.contract.recorder.test_audit import yesterday
from tests.fakes.bundles import bundle_of
from tests.fakes.postgres import Database, PostgresServer, fresh_database
from tests.fakes.witness import WitnessAt, new_witness
from tools.verify import Fault, verify
from tools.verify.archive import Damage, verify_archive
from tools.verify.follow import follow, sighting
from tools.verify.keys import VERIFIER_KEY, WITNESS_KEY, generate_witness, retire, succeed


@pytest.fixture
def witnesses(tmp_path: Path, keys: Path) -> list[WitnessAt]:
    """Return three witnesses of the deployment that do not answer yet; one of them has a post-quantum key."""
    log_keys = (keys / VERIFIER_KEY).read_text()
    return [new_witness(tmp_path, f"w{n}", log_keys, post_quantum=n == 1) for n in range(3)]


def two_of(witnesses: list[WitnessAt]) -> str:
    """Return the policy that two of three must have seen it."""
    lines = "".join(witness.line(f"w{n}") for n, witness in enumerate(witnesses))
    return f"{lines}group all-three 2 w0 w1 w2\nquorum all-three\n"


@asynccontextmanager
async def answering(*witnesses: WitnessAt) -> AsyncIterator[None]:
    """Let some witnesses answer."""
    async with AsyncExitStack() as stack:
        for witness in witnesses:
            await stack.enter_async_context(witness.serving())
        yield


@asynccontextmanager
async def watched(database: Database, keys: Path, policy: str, **settings: Any) -> AsyncIterator[Stub]:
    """Yield a client of a recorder whose checkpoints count with witnesses only."""
    async with recording(database, keys, policy=read_policy(policy), **settings) as recorder, calling(recorder) as stub:
        yield stub


async def proof(stub: Stub, index: int) -> dict[str, Any]:
    """Return the bundle of a record."""
    return bundle_of(await stub.GetInclusionProof(pb.GetInclusionProofRequest(at=at(index))))


@pytest.mark.spec("REC-07")
async def test_two_of_three_witnesses_are_enough(database: Database, keys: Path, witnesses: list[WitnessAt]) -> None:
    """With one witness down every proof comes with two cosignatures, and the offline check counts them."""
    policy, vkey = two_of(witnesses), (keys / VERIFIER_KEY).read_text()
    async with answering(*witnesses[:2]), watched(database, keys, policy) as stub:
        bundles = []
        for n in range(3):
            await append(stub, f"k{n}")
            bundles.append(await proof(stub, n))
        checkpoint = await stub.GetCheckpoint(pb.GetCheckpointRequest())

    assert all(verify(bundle, vkey, policy).verified for bundle in bundles)
    assert checkpoint.witnessed.checkpoint.startswith("evidence/local\n")
    assert checkpoint.witnessed.checkpoint.count("\N{EM DASH} witness.example/") == 2
    needs_all = policy.replace("group all-three 2", "group all-three all")
    assert verify(bundles[0], vkey, needs_all).fault is Fault.WITNESS


@pytest.mark.spec("REC-07")
async def test_nothing_counts_until_enough_have_seen_it(
    database: Database, keys: Path, witnesses: list[WitnessAt]
) -> None:
    """With one of three the record is durable but not proven; when a second one answers, it is."""
    policy = two_of(witnesses)
    async with answering(witnesses[0]), watched(database, keys, policy, checkpoint_patience_s=0.5) as stub:
        position = (await append(stub)).position
        with pytest.raises(MeshError) as raised:
            await proof(stub, 0)
        async with answering(witnesses[2]):
            bundle = await proof(stub, 0)

    assert raised.value.reason == "EVIDENCE_UNAVAILABLE"
    assert position.index == 0
    assert verify(bundle, (keys / VERIFIER_KEY).read_text(), policy).verified


@pytest.mark.spec("REC-07")
async def test_logs_of_all_tenants_are_seen_in_one(database: Database, keys: Path, witnesses: list[WitnessAt]) -> None:
    """Witnesses see one log; each tenant's proof leads into it, and shows nobody else's name."""
    policy, vkey = two_of(witnesses), (keys / VERIFIER_KEY).read_text()
    async with (
        answering(*witnesses),
        recording(database, keys, policy=read_policy(policy)) as recorder,
        calling(recorder) as acme,
        calling(recorder, OTHER) as other,
    ):
        for n in range(4):
            await append(acme, f"a{n}")
            await append(other, f"o{n}")
            bundles = [await proof(stub, n) for stub in (acme, other)]
        with pytest.raises(MeshError) as raised:
            await acme.GetCheckpoint(pb.GetCheckpointRequest(origin="evidence/local"))

    assert all(verify(bundle, vkey, policy).verified for bundle in bundles)
    assert "other" not in str(bundles[0])
    assert raised.value.reason == "LOG_NOT_FOUND"


WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "not said": lambda _: None,
    "another place": lambda seen: {**seen, "index": seen["index"] + 1},
    "another path": lambda seen: {**seen, "hashes": [*seen["hashes"][:-1], "AAAA"]},
    "a cosignature is missing": lambda seen: {**seen, "checkpoint": seen["checkpoint"].rpartition("\N{EM DASH}")[0]},
    "the size": lambda seen: {**seen, "checkpoint": seen["checkpoint"].replace("\n2\n", "\n3\n", 1)},
    "no number": lambda seen: {**seen, "index": "x"},
}


@pytest.mark.spec("REC-07")
@pytest.mark.parametrize("case", WRONG)
async def test_a_bundle_that_witnesses_did_not_see_is_not_verified(
    database: Database, keys: Path, witnesses: list[WitnessAt], case: str
) -> None:
    """Whatever is changed or left out of what they saw, the offline check says so."""
    policy, vkey = two_of(witnesses), (keys / VERIFIER_KEY).read_text()
    async with answering(*witnesses[:2]), watched(database, keys, policy) as stub:
        for n in range(2):
            await append(stub, f"k{n}")
            bundle = await proof(stub, n)
    bundle["witnessed"] = WRONG[case](bundle["witnessed"])

    assert verify(bundle, vkey, policy).fault is Fault.WITNESS
    assert verify(bundle, vkey).verified


def forget(keys: Path) -> None:
    """Lose what the publisher remembers."""
    for path in keys.glob("signed.sqlite*"):
        path.unlink()


@pytest.mark.spec("REC-07", "REC-16")
async def test_witnesses_know_a_store_that_was_turned_back(
    database: Database, keys: Path, witnesses: list[WitnessAt]
) -> None:
    """T2: yesterday's backup, and a publisher that lost its memory: the witnesses answer 409, and nothing is signed."""
    policy = two_of(witnesses)
    async with answering(*witnesses):
        async with watched(database, keys, policy) as stub:
            await append(stub, "k0")
            await proof(stub, 0)
        with yesterday(database) as restored:
            async with watched(database, keys, policy) as stub:
                for n in range(1, 5):
                    await append(stub, f"k{n}")
                    await proof(stub, n)
            forget(keys)
            async with watched(restored, keys, policy, checkpoint_patience_s=0.5) as stub:
                await append(stub, "another-past")
                with pytest.raises(MeshError) as raised:
                    await proof(stub, 1)
                await append(stub, "more-of-it")
                with pytest.raises(MeshError):
                    await proof(stub, 2)
            with psycopg.connect(restored.owner_dsn) as connection:
                signed = connection.execute("select max(size) from recorder.checkpoint").fetchone()

    assert raised.value.reason == "EVIDENCE_UNAVAILABLE"
    assert signed == (1,)


@pytest.mark.spec("REC-07")
async def test_one_witness_alone_stops_nothing_for_ever(
    database: Database, keys: Path, witnesses: list[WitnessAt], postgres: PostgresServer
) -> None:
    """A witness that saw another past is overruled by enough others; until they answer, nothing is signed."""
    policy = two_of(witnesses)
    async with answering(witnesses[0]):
        with fresh_database(postgres, migrations_of=["recorder"]) as elsewhere:
            alone = f"{witnesses[0].line('w0')}quorum w0\n"
            async with watched(elsewhere, keys, alone) as stub:
                for n in range(4):
                    await append(stub, f"other-{n}")
                    await proof(stub, n)
        forget(keys)
        async with watched(database, keys, policy, checkpoint_patience_s=0.5) as stub:
            await append(stub, "k0")
            with pytest.raises(MeshError):
                await proof(stub, 0)
            async with answering(*witnesses[1:]):
                bundle = await proof(stub, 0)

    assert verify(bundle, (keys / VERIFIER_KEY).read_text(), policy).verified


@pytest.mark.spec("REC-07", "REC-08")
async def test_witnesses_follow_a_new_key(database: Database, keys: Path, witnesses: list[WitnessAt]) -> None:
    """The meta-log announces a key to itself: while both keys sign, witnesses of the old one go on."""
    policy, old = two_of(witnesses), (keys / VERIFIER_KEY).read_text()
    async with (
        answering(*witnesses[:2]),
        recording(database, keys, policy=read_policy(policy)) as recorder,
        calling(recorder) as stub,
    ):
        await append(stub, "k0")
        before = await proof(stub, 0)
        succeed(keys)
        await recorder.herald.announce()
        during = await proof(stub, 1)
        followed = follow(old, [sighting(during, old)], [])
        for witness in witnesses[:2]:
            witness.watch((keys / VERIFIER_KEY).read_text())
    assert verify(during, old, policy).verified
    retire(keys)
    async with answering(*witnesses[:2]), watched(database, keys, policy) as stub:
        await append(stub, "k2")
        after = await proof(stub, 2)
    await audit(database, keys)

    assert verify(after, (keys / VERIFIER_KEY).read_text(), policy).verified
    assert verify(after, old, policy).fault is Fault.SIGNATURE
    assert all(verify(bundle, followed, policy).verified for bundle in (before, during, after))


@pytest.mark.spec("REC-07", "REC-15")
async def test_an_export_shows_what_witnesses_have_seen(
    database: Database, keys: Path, witnesses: list[WitnessAt], tmp_path: Path
) -> None:
    """A folder has the cosignatures with it: the policy is met offline, and by no other witnesses than its own."""
    policy, vkey, folder = two_of(witnesses), (keys / VERIFIER_KEY).read_text(), tmp_path / "out"
    async with answering(*witnesses[:2]), watched(database, keys, policy) as stub:
        await append(stub)
        await export(stub, folder)
    alone = "".join(witness.line(f"w{n}") for n, witness in enumerate(witnesses)) + "quorum w2\n"

    found = verify_archive(folder, vkey, policy=policy)
    assert (found.damage, found.witnesses) == (None, ["w0", "w1"]), found.explanation
    assert verify_archive(folder, vkey, policy=alone).damage is Damage.WITNESS
    assert verify_archive(folder, vkey, policy="quorum nobody\n").damage is Damage.KEY
    seen = folder / "checkpoint.tlog-proof"
    seen.write_text(seen.read_text().replace("index 0", "index 1"))
    assert verify_archive(folder, vkey, policy=policy).damage is Damage.WITNESS
    seen.unlink()
    assert verify_archive(folder, vkey, policy=policy).damage is Damage.WITNESS
    assert verify_archive(folder, vkey).damage is Damage.MISSING


@pytest.mark.spec("REC-07", "REC-08")
async def test_a_post_quantum_key_cosigns_every_checkpoint(database: Database, keys: Path) -> None:
    """An auditor who asks for it finds an ML-DSA-44 cosignature on each checkpoint; to all others nothing changes."""
    line = generate_witness(keys, "evidence/local", post_quantum=True)
    policy, vkey = f"witness own {line}\nquorum own\n", (keys / VERIFIER_KEY).read_text()
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await append(stub)
        bundle = await proof(stub, 0)
    (keys / WITNESS_KEY).unlink()
    other = generate_witness(keys, "evidence/local", post_quantum=True)

    assert verify(bundle, vkey, policy).verified
    assert verify(bundle, vkey).verified
    assert verify(bundle, vkey, f"witness own {other}\nquorum own\n").fault is Fault.WITNESS
