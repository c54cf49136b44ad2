"""Measure retrieval: quality on the CACM collection, speed of search and ingest on a real PostgreSQL.

Run ``python -m tools.bench.retrieval FOLDER`` where FOLDER holds cacm.tar.gz, topics.cacm.txt and qrels.cacm.txt as the
Anserini project distributes them. Nothing of the collection is kept.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from services.chassis.clock import SystemClock
from services.context.adapters.embedding import VectorCache, open_embedder
from services.context.adapters.hashing import load_model
from services.context.adapters.local_copy import open_copies
from services.context.adapters.postgres import PostgresStore
from services.context.core.inputs import MAX_DOCUMENTS
from services.context.core.relevance import MIN_SIMILARITY
from services.context.core.values import Document, SearchMode
from services.context.ingestor import Ingestor
from services.context.retriever import Retriever, Search
from tools.bench.cacm import Collection, read_collection
from tools.bench.database import scratch_pool
from tools.bench.ranking import mean_scores

TENANT, PACK = "bench", "cacm"
DEPTH = 10
"""Rank at which quality is measured."""
CHUNKS = 5000
"""Size of the pack in which search is timed."""
ROUNDS = 5
_OFF_TOPIC = (
    "How many weeks of parental leave do I get?",
    "What is the best recipe for chicken soup?",
    "Who won the world cup in 1998?",
    "Is it going to rain in Oslo tomorrow?",
    "What are the side effects of ibuprofen?",
    "How do I change a bicycle tyre?",
    "What is the capital of Australia?",
    "Which visa do I need for Japan?",
    "How do I prune an apple tree?",
    "Who painted the Mona Lisa?",
)
"""Questions that a collection about computing cannot answer."""
_MODES = {"dense": SearchMode.DENSE, "sparse": SearchMode.SPARSE, "hybrid": SearchMode.HYBRID}


class Bench:
    """One run against one store."""

    def __init__(self, retriever: Retriever, ingestor: Ingestor, collection: Collection) -> None:
        self._retriever = retriever
        self._ingestor = ingestor
        self._collection = collection

    async def ingest(self) -> None:
        """Ingest the collection and print the rate."""
        began = time.perf_counter()
        chunks = await self._ingest(self._collection.documents)
        seconds = time.perf_counter() - began
        print(f"ingest   {len(self._collection.documents)} documents, {chunks} chunks: {chunks / seconds:.0f} chunks/s")

    async def quality(self) -> None:
        """Print nDCG and recall of each way to search, without and with the relevance floor and diversity."""
        for name, mode in _MODES.items():
            await self._score(f"{name}, ranking alone", mode, floor=0.0, balance=1.0)
        for balance in (1.0, 0.7, 0.5):
            await self._score(
                f"hybrid, as served, lambda {balance}", SearchMode.HYBRID, floor=MIN_SIMILARITY, balance=balance
            )

    async def relevance(self) -> None:
        """Print for several floors how many questions get an answer: those of the collection should, others not."""
        for floor in (0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.7):
            own = [await self._answered(topic, floor) for topic in self._collection.topics.values()]
            other = [await self._answered(question, floor) for question in _OFF_TOPIC]
            print(f"floor {floor:.2f}  answered: on topic {sum(own)}/{len(own)}, off topic {sum(other)}/{len(other)}")

    async def speed(self) -> None:
        """Fill the pack to 5,000 chunks and print the time of a search, with its embedding computed and cached."""
        await self._fill()
        for label, suffix in (("new question", " ?"), ("repeated question", "")):
            times: list[float] = []
            for n in range(ROUNDS):
                for topic in self._collection.topics.values():
                    query = topic + suffix * (n + 1) if suffix else topic
                    times.append(await self._timed(query))
            print(f"search   {label}: p50 {_ms(times, 50)}, p95 {_ms(times, 95)} over {CHUNKS} chunks")

    async def _ingest(self, documents: Sequence[Document]) -> int:
        total = 0
        for start in range(0, len(documents), MAX_DOCUMENTS):
            part = documents[start : start + MAX_DOCUMENTS]
            done = await self._ingestor.ingest(TENANT, PACK, part, replace=False)
            total = done.pack.chunk_count
        return total

    async def _fill(self) -> None:
        copies = [replace(d, document_id=f"copy-{d.document_id}") for d in self._collection.documents]
        total, start = 0, 0
        while total < CHUNKS and start < len(copies):
            total = await self._ingest(copies[start : start + MAX_DOCUMENTS])
            start += MAX_DOCUMENTS

    async def _score(self, label: str, mode: SearchMode, *, floor: float, balance: float) -> None:
        rankings = {}
        for topic, query in self._collection.topics.items():
            search = Search(
                tenant=TENANT, pack_id=PACK, query=query, k=50, mode=mode, min_similarity=floor, mmr_lambda=balance
            )
            hits = (await self._retriever.live(search)).hits
            rankings[topic] = tuple(dict.fromkeys(hit.chunk.document_id for hit in hits))
        gain, recall = mean_scores(rankings, self._collection.relevant, depth=DEPTH)
        print(f"quality  {label}: nDCG@{DEPTH} {gain:.3f}, recall@{DEPTH} {recall:.3f}")

    async def _answered(self, query: str, floor: float) -> bool:
        search = Search(tenant=TENANT, pack_id=PACK, query=query, k=4, min_similarity=floor)
        return bool((await self._retriever.live(search)).hits)

    async def _timed(self, query: str) -> float:
        began = time.perf_counter()
        await self._retriever.live(Search(tenant=TENANT, pack_id=PACK, query=query, k=4))
        return time.perf_counter() - began


def _ms(seconds: Sequence[float], percent: int) -> str:
    return f"{statistics.quantiles(seconds, n=100)[percent - 1] * 1000:.1f} ms"


async def run(data: Path) -> None:
    """Measure everything and print it."""
    clock = SystemClock()
    cache = VectorCache(clock, entries=2000, ttl_s=7200)
    with tempfile.TemporaryDirectory(prefix="magistrate-bench-") as folder:
        async with (
            scratch_pool(Path(folder), "context") as pool,
            open_embedder(load_model(threads=1), cache) as embedder,
            open_copies(None, clock) as copies,
        ):
            store = PostgresStore(pool)
            retriever = Retriever(store, copies, embedder, clock, store_timeout_s=10)
            bench = Bench(retriever, Ingestor(store, embedder), read_collection(data))
            await bench.ingest()
            await bench.quality()
            await bench.relevance()
            await bench.speed()


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.retrieval", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder with the CACM collection")
    asyncio.run(run(parser.parse_args().folder))


if __name__ == "__main__":
    main()
