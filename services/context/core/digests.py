"""SHA-256 fingerprints of texts, documents and packs (spec row CTX-16, spec 3: de-duplication by SHA-256)."""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256

from services.context.core.values import Document


def of_text(text: str) -> str:
    """Return the fingerprint of a text in UTF-8, lowercase hex."""
    return sha256(text.encode()).hexdigest()


def of_document(document: Document, *, model: str) -> str:
    """Return what must be equal for a document to be unchanged: all its fields, and the model that embedded it."""
    fields = [document.title, document.source, document.text, dict(sorted(document.metadata.items())), model]
    return of_text(json.dumps(fields, ensure_ascii=False, separators=(",", ":")))


def of_pack(documents: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    """Return the fingerprint of a pack from pairs of document id and digest, in whatever order they come."""
    pairs = documents.items() if isinstance(documents, Mapping) else documents
    return of_text(json.dumps(sorted(pairs), ensure_ascii=False, separators=(",", ":")))
