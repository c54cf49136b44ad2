"""The stand-in for the embedding model, and the choice between the two."""

from collections.abc import Sequence

from services.chassis.log import get_logger
from services.context.adapters.minilm import MiniLm, ModelMissingError
from services.context.core import hashing
from services.context.core.values import Matrix
from services.context.ports import Model

_log = get_logger("context.embedding")


class HashingModel:
    """Hashed words as vectors: always there, blind to meaning, and flagged wherever it serves."""

    model_id = hashing.MODEL_ID
    is_fallback = True

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return one row of length 1 for each text."""
        return hashing.embed(texts)


def load_model(*, threads: int) -> Model:
    """Return MiniLM, or the stand-in with a warning where its packages are not installed."""
    try:
        return MiniLm(threads=threads)
    except ModelMissingError as error:
        _log.warning("embedding_model_missing", error=str(error), model=hashing.MODEL_ID)
        return HashingModel()
