"""What a call of ingest changes in a pack, decided before anything is embedded or written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.context.core import chunking, digests
from services.context.core.values import Document, DocumentSummary, Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A document that is new or differs from what the pack has, cut into pieces with their fingerprints."""

    document: Document
    sha256: str
    digest: str
    pieces: tuple[chunking.Piece, ...]
    piece_sha256s: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """The step from one version of a pack to the next."""

    base_version: int
    """Version it was planned on; 0 where the pack did not exist."""
    changes: tuple[Change, ...]
    removed: tuple[str, ...]
    """Ids of documents that leave the pack."""
    content_sha256: str
    """Fingerprint of the pack after the step."""

    @property
    def is_empty(self) -> bool:
        """Return whether the pack stays as it is."""
        return not self.changes and not self.removed


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened to one document."""

    document_id: str
    chunk_count: int
    unchanged: bool
    duplicate_of: str
    """Another document of the pack with exactly this text; empty where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedRevision:
    """A revision with the vector of every piece, by the fingerprint of its text."""

    revision: Revision
    vectors: Mapping[str, Vector]
    model: str


def plan(
    documents: Sequence[Document], stored: Sequence[DocumentSummary], *, base_version: int, replace: bool, model: str
) -> Revision:
    """Return what must change so that the pack holds ``documents``; with ``replace`` it holds nothing else."""
    given = {document.document_id: digests.of_document(document, model=model) for document in documents}
    known = {summary.document_id: summary.digest for summary in stored}
    removed = tuple(sorted(known.keys() - given.keys())) if replace else ()
    after = {document_id: digest for document_id, digest in (known | given).items() if document_id not in removed}
    changes = tuple(
        _change(d, given[d.document_id]) for d in documents if known.get(d.document_id) != given[d.document_id]
    )
    return Revision(
        base_version=base_version, changes=changes, removed=removed, content_sha256=digests.of_pack(after.items())
    )


def outcomes(
    documents: Sequence[Document], stored: Sequence[DocumentSummary], revision: Revision
) -> tuple[Outcome, ...]:
    """Return what the revision does to each of ``documents``, in their order."""
    changed = {change.document.document_id: change for change in revision.changes}
    counts = {s.document_id: s.chunk_count for s in stored} | {i: len(c.pieces) for i, c in changed.items()}
    first = _first_with_text(documents, stored, revision)
    return tuple(
        Outcome(
            document_id=document.document_id,
            chunk_count=counts[document.document_id],
            unchanged=document.document_id not in changed,
            duplicate_of="" if (other := first[digests.of_text(document.text)]) == document.document_id else other,
        )
        for document in documents
    )


def _first_with_text(
    documents: Sequence[Document], stored: Sequence[DocumentSummary], revision: Revision
) -> Mapping[str, str]:
    """Map each text's fingerprint to the first document that has it once the revision is done."""
    gone = {*revision.removed, *(document.document_id for document in documents)}
    first = {
        s.sha256: s.document_id
        for s in sorted(stored, key=lambda s: s.document_id, reverse=True)
        if s.document_id not in gone
    }
    for document in documents:
        first.setdefault(digests.of_text(document.text), document.document_id)
    return first


def _change(document: Document, digest: str) -> Change:
    pieces = chunking.split(document.text)
    return Change(
        document=document,
        sha256=digests.of_text(document.text),
        digest=digest,
        pieces=pieces,
        piece_sha256s=tuple(digests.of_text(piece.text) for piece in pieces),
    )
