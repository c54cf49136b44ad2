"""A witness over HTTP: every answer of the C2SP tlog-witness protocol."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.recorder.adapters.keys import holds
from services.recorder.core import note
from services.recorder.core.cosignature import cosigned
from services.recorder.core.merkle import Frontier, hash_leaf
from services.recorder.core.note import Checkpoint
from services.recorder.core.proof import consistency_spans
from services.recorder.core.witnessing import Submission
from tests.fakes.witness import WitnessAt, new_witness

ORIGIN = "evidence/local"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = KEY.public_key().public_bytes_raw()
LEAVES = [hash_leaf(bytes([n])) for n in range(40)]


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over some leaves."""
    return Frontier().extend(leaves).frontier.root()


def submission(old: int, size: int, *, origin: str = ORIGIN, key: Ed25519PrivateKey = KEY) -> Submission:
    """Return an honest submission."""
    proof = [root(LEAVES[span.start : span.stop]) for span in (consistency_spans(old, size) if old else ())]
    text = Checkpoint(origin=origin, size=size, root=root(LEAVES[:size])).text()
    public = key.public_key().public_bytes_raw()
    return Submission(old=old, proof=proof, note=note.sign(text, name=origin, public_key=public, signer=key.sign))


@pytest.fixture
def witness(tmp_path: Path) -> WitnessAt:
    """Return a witness of one log."""
    return new_witness(tmp_path, "w1", note.verifier_key(ORIGIN, PUBLIC))


@pytest.fixture
async def client(witness: WitnessAt) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the running witness."""
    async with witness.serving(), httpx.AsyncClient(base_url=witness.url, trust_env=False) as client:
        yield client


async def submit(client: httpx.AsyncClient, made: Submission) -> httpx.Response:
    """Submit."""
    return await client.post("/add-checkpoint", content=made.text().encode())


@pytest.mark.spec("REC-07")
async def test_what_only_grew_is_cosigned(client: httpx.AsyncClient, witness: WitnessAt) -> None:
    """From nothing, on, and once more the same: each answer is a cosignature on the submitted text."""
    for old, size in ((0, 5), (5, 9), (9, 9), (9, 33)):
        made = submission(old, size)
        reply = await submit(client, made)
        assert reply.status_code == 200
        assert len(list(cosigned(reply.text, note.text_of(made.note), witness.cosigner, holds))) == 1


@pytest.mark.spec("REC-07")
async def test_every_refusal(client: httpx.AsyncClient) -> None:
    """Each has the status of the protocol; a conflict tells the size, in its own media type."""
    await submit(client, submission(0, 9))
    stranger = Ed25519PrivateKey.generate()
    good = submission(9, 12)
    answers = [
        await submit(client, submission(9, 12, origin="evidence/other")),
        await submit(client, submission(9, 12, key=stranger)),
        await submit(client, submission(5, 12)),
        await submit(client, replace(good, proof=[*good.proof[:-1], bytes(32)])),
        await submit(client, replace(good, old=13)),
        await client.post("/add-checkpoint", content=b"nonsense"),
        await client.post("/add-checkpoint", content=b"x" * 70_000),
    ]

    assert [answer.status_code for answer in answers] == [404, 403, 409, 422, 400, 400, 413]
    assert (answers[2].text, answers[2].headers["content-type"]) == ("9\n", "text/x.tlog.size")


async def test_other_paths_and_methods(client: httpx.AsyncClient) -> None:
    """There is one path and one method."""
    assert (await client.get("/add-checkpoint")).status_code == 405
    assert (await client.post("/")).status_code == 404


@pytest.mark.spec("REC-07")
async def test_a_second_past_of_one_size_is_a_conflict(client: httpx.AsyncClient) -> None:
    """A log that shows another root at a size that was cosigned is found out."""
    await submit(client, submission(0, 9))
    text = Checkpoint(origin=ORIGIN, size=9, root=bytes(32)).text()
    forged = Submission(old=9, proof=[], note=note.sign(text, name=ORIGIN, public_key=PUBLIC, signer=KEY.sign))

    assert (await submit(client, forged)).status_code == 409


@pytest.mark.spec("REC-07")
async def test_it_remembers_over_a_restart(witness: WitnessAt) -> None:
    """What was cosigned is on the disk before the answer goes out."""
    async with httpx.AsyncClient(base_url=witness.url, trust_env=False) as client:
        async with witness.serving():
            await submit(client, submission(0, 9))
        async with witness.serving():
            late, next_one = await submit(client, submission(0, 4)), await submit(client, submission(9, 12))

    assert (late.status_code, late.text, next_one.status_code) == (409, "9\n", 200)


@pytest.mark.spec("REC-07")
async def test_of_two_at_once_one_goes_first(witness: WitnessAt, tmp_path: Path) -> None:
    """Many submissions from the same size to two processes on one state: exactly one is cosigned."""
    twin = replace(witness, port=new_witness(tmp_path, "twin", note.verifier_key(ORIGIN, PUBLIC)).port)
    async with witness.serving(), twin.serving(), httpx.AsyncClient(trust_env=False) as client:
        first = await client.post(f"{twin.url}/add-checkpoint", content=submission(0, 3).text().encode())
        asked = [
            client.post(f"{(witness, twin)[n % 2].url}/add-checkpoint", content=submission(3, 4 + n).text().encode())
            for n in range(12)
        ]
        answers = await asyncio.gather(*asked)

    assert first.status_code == 200
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 11]


async def test_a_checkpoint_with_extension_lines_is_cosigned_whole(
    client: httpx.AsyncClient, witness: WitnessAt
) -> None:
    """A log of somebody else may add lines; the cosignature is over all of them."""
    text = Checkpoint(origin=ORIGIN, size=2, root=root(LEAVES[:2])).text() + "an extension\n"
    made = Submission(old=0, proof=[], note=note.sign(text, name=ORIGIN, public_key=PUBLIC, signer=KEY.sign))

    reply = await submit(client, made)

    assert list(cosigned(reply.text, text, witness.cosigner, holds))
