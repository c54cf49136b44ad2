"""Embed without a model: hashed words and letter groups, for when the real model is absent (spec row CTX-29)."""

import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b

import numpy as np

from services.context.core.lexical import words
from services.context.core.values import Matrix

MODEL_ID = "hashing-384"
DIMENSIONS = 384
_GRAM = 4
_GRAM_WEIGHT = 0.25
"""A letter group counts a quarter of a word: enough to see an inflected form, too little to find sense in noise."""
_SPACE = re.compile(r"\s+")


def embed(texts: Sequence[str]) -> Matrix:
    """Return one row of length 1 for each text, shape (n, 384): texts that share words are near."""
    rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for feature, weight in _features(text):
            place, sign = _place(feature)
            row[place] += sign * weight
        if not row.any():
            row[0] = 1.0
    unit: Matrix = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _features(text: str) -> Iterator[tuple[str, float]]:
    for word in words(text) or _SPACE.split(text.lower()):
        yield word, 1.0
        for start in range(len(word) - _GRAM + 1):
            yield "#" + word[start : start + _GRAM], _GRAM_WEIGHT


def _place(feature: str) -> tuple[int, float]:
    """Return the column of a feature and its sign, which lets collisions cancel out instead of adding up."""
    number = int.from_bytes(blake2b(feature.encode(), digest_size=8).digest(), "big")
    return number % DIMENSIONS, 1.0 if number >> 63 else -1.0
