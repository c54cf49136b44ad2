"""Search in memory: by words, by hashed words, and both over a whole pack."""

import numpy as np
import pytest

from services.context.core import hashing, lexical
from services.context.core.pack_index import PackIndex
from tests.unit.context.samples import chunk

_TEXTS = ("The print queue reports error XK-4471.", "Parental leave is 26 weeks.", "Print both sides of the page.")


def _index() -> PackIndex:
    vectors = hashing.embed(_TEXTS)
    return PackIndex.of(
        [(chunk(t, ordinal=i), hashing.MODEL_ID, v) for i, (t, v) in enumerate(zip(_TEXTS, vectors, strict=True))]
    )


def test_rare_words_outweigh_common_ones() -> None:
    """A word that one text has counts for more than one that two have."""
    matches = lexical.Index.of(_TEXTS).search("print error", limit=5)

    assert [m.index for m in matches] == [0, 2]
    assert matches[0].coverage == pytest.approx(1.0)
    assert matches[1].coverage < 0.5


def test_words_that_no_text_has_lower_the_coverage() -> None:
    """A question about something else is not covered by one shared word."""
    (match,) = lexical.Index.of(_TEXTS).search("parental control of televisions", limit=1)

    assert match.coverage < 0.5


def test_codes_stay_whole() -> None:
    """A number in a code is part of it."""
    assert lexical.words("What is XK-4471 in v1.2?") == ["xk-4471", "v1.2"]


@pytest.mark.spec("CTX-29")
def test_hashed_embeddings_are_unit_rows_and_see_shared_words() -> None:
    """Equal texts are equal, texts that share words are nearer than others, and none is empty."""
    rows = hashing.embed(["print error", "print error", "an error in print", "leave for parents", "?!"])

    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(5))
    assert rows[0] @ rows[1] == pytest.approx(1.0)
    assert rows[0] @ rows[2] > 0.9
    assert rows[0] @ rows[3] < 0.3


def test_both_searches_are_united() -> None:
    """Each candidate carries the rank of each search that found it, and its cosine."""
    (vector,) = hashing.embed(["weeks of parental leave"])

    found = {c.chunk.ordinal: c for c in _index().search("xk-4471", vector, model=hashing.MODEL_ID, limit=1)}

    assert {0, 1} == found.keys()
    assert (found[0].dense_rank, found[0].sparse_rank) == (0, 1)
    assert (found[1].dense_rank, found[1].sparse_rank) == (1, 0)
    assert found[1].similarity is not None
    assert found[1].similarity > 0.5


def test_vectors_of_another_model_are_not_compared() -> None:
    """Words still find the chunk; it has no similarity."""
    (vector,) = hashing.embed(["parental leave"])

    (found,) = _index().search("parental leave", vector, model="another", limit=5)

    assert (found.similarity, found.dense_rank, found.sparse_rank) == (None, 0, 1)
