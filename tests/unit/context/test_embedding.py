"""Embeddings off the loop: shared runs, a bounded cache, and failures that are told."""

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from services.chassis.errors import MeshError
from services.context.adapters import embedding, hashing
from services.context.adapters.embedding import VectorCache, open_embedder
from services.context.adapters.hashing import HashingModel, load_model
from services.context.adapters.minilm import MiniLm, ModelMissingError
from services.context.core.values import Matrix
from tests.unit.context.conftest import StillClock


class HeldModel(HashingModel):
    """The hashing model, whose runs wait until they are let go, and are written down."""

    def __init__(self) -> None:
        self.runs: list[list[str]] = []
        self.go = threading.Event()
        self.begun = threading.Event()

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Write down the run, wait, embed."""
        self.runs.append(list(texts))
        self.begun.set()
        assert self.go.wait(timeout=10)
        return super().embed(texts)


class BrokenModel(HashingModel):
    """A model that fails."""

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Fail."""
        raise ValueError(texts)


def _cache(clock: StillClock) -> VectorCache:
    return VectorCache(clock, entries=2, ttl_s=60)


async def _begun(model: HeldModel) -> None:
    assert await asyncio.to_thread(model.begun.wait, 10)


async def test_callers_share_a_run(clock: StillClock) -> None:
    """What arrives while the model runs is embedded together, in one run, and each caller gets its own rows."""
    model = HeldModel()
    async with open_embedder(model, _cache(clock)) as embedder:
        first = asyncio.create_task(embedder.embed(["one"]))
        await _begun(model)
        others = [asyncio.create_task(embedder.embed([text])) for text in ("two", "three", "four")]
        await asyncio.sleep(0)
        model.go.set()
        rows = np.concatenate(await asyncio.gather(first, *others))

    assert model.runs == [["one"], ["two", "three", "four"]]
    assert np.array_equal(rows, HashingModel().embed(["one", "two", "three", "four"]))


async def test_questions_go_before_bulk_work(clock: StillClock) -> None:
    """An ingest that waits with many texts does not hold up a question."""
    model = HeldModel()
    async with open_embedder(model, _cache(clock)) as embedder:
        bulk = asyncio.create_task(embedder.embed([f"bulk {n}" for n in range(64)], bulk=True))
        await _begun(model)
        question = asyncio.create_task(embedder.embed(["question"]))
        await asyncio.sleep(0)
        model.go.set()
        await asyncio.gather(bulk, question)

    assert model.runs[1] == ["question"]


async def test_long_texts_run_alone(clock: StillClock) -> None:
    """A run takes no more text, padding included, than a short question may wait for."""
    model = HeldModel()
    model.go.set()
    async with open_embedder(model, _cache(clock)) as embedder:
        await embedder.embed(["a" * 3000, "b" * 3000, "c", "d"])

    assert [len(run) for run in model.runs] == [1, 1, 2]


@pytest.mark.spec("CTX-28")
async def test_the_second_time_no_model_runs(clock: StillClock) -> None:
    """A text that is in the cache costs no run; the same text twice in one call costs one."""
    model = HeldModel()
    model.go.set()
    async with open_embedder(model, _cache(clock)) as embedder:
        once = await embedder.embed(["same", "same"])
        again = await embedder.embed(["same"])

    assert model.runs == [["same"]]
    assert np.array_equal(once, np.concatenate([again, again]))


@pytest.mark.spec("CTX-28")
def test_the_cache_is_bounded_in_size_and_time(clock: StillClock) -> None:
    """The vector used longest ago makes room, and an old one is not used."""
    cache = _cache(clock)
    for key in ("a", "b"):
        cache.put(key, np.zeros(1, dtype=np.float32))
    cache.get("a")
    cache.put("c", np.zeros(1, dtype=np.float32))

    assert cache.get("b") is None
    assert cache.get("a") is not None
    clock.advance(61)
    assert cache.get("a") is None


async def test_a_failing_model_is_told_to_every_caller(clock: StillClock) -> None:
    """Each waiting caller gets EMBEDDING_UNAVAILABLE, and the next call is tried again."""
    async with open_embedder(BrokenModel(), _cache(clock)) as embedder:
        failures = await asyncio.gather(*(embedder.embed([t]) for t in "ab"), return_exceptions=True)
        with pytest.raises(MeshError, match="EMBEDDING_UNAVAILABLE"):
            await embedder.embed(["c"])

    assert all(isinstance(f, MeshError) and f.reason == "EMBEDDING_UNAVAILABLE" for f in failures)


async def test_too_much_waiting_is_refused(clock: StillClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is bounded: beyond it callers are turned away at once."""
    monkeypatch.setattr(embedding, "MAX_WAITING", 2)
    async with open_embedder(HashingModel(), _cache(clock)) as embedder:
        with pytest.raises(MeshError, match="EMBEDDING_UNAVAILABLE"):
            await embedder.embed(["a", "b", "c"])


async def test_closing_tells_those_who_wait(clock: StillClock) -> None:
    """Nobody hangs when the service ends in mid-run."""
    model = HeldModel()
    async with open_embedder(model, _cache(clock)) as embedder:
        waiting = asyncio.create_task(embedder.embed(["text"]))
        await _begun(model)
    model.go.set()

    with pytest.raises(MeshError, match="EMBEDDING_UNAVAILABLE"):
        await waiting


@pytest.mark.spec("CTX-29")
def test_without_the_package_the_stand_in_serves_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the model is not installed hashed words take its place and say so."""

    def missing(**_: object) -> MiniLm:
        raise ModelMissingError("package is not installed")

    monkeypatch.setattr(hashing, "MiniLm", missing)

    model = load_model(threads=1)

    assert (model.is_fallback, model.model_id) == (True, "hashing-384")


def test_minilm_embeds_meaning(minilm: MiniLm) -> None:
    """Rows are unit vectors of 384 numbers; a paraphrase is near, another matter is far, company changes nothing."""
    texts = [
        "How long is maternity leave?",
        "Duration of time off after birth",
        "The printer is out of paper. " * 50,
    ]

    rows = minilm.embed(texts)

    assert rows.shape == (3, 384)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert rows[0] @ rows[1] > 0.5
    assert rows[0] @ rows[2] < 0.2
    assert minilm.embed(texts[:1])[0] @ rows[0] == pytest.approx(1.0, abs=1e-3)


def test_minilm_takes_nothing_and_very_long_texts(minilm: MiniLm) -> None:
    """No text gives no row; a text beyond the model's window is cut, not refused."""
    assert minilm.embed([]).shape == (0, 384)
    assert minilm.embed(["word " * 2000]).shape == (1, 384)
