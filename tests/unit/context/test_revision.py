"""What an ingest changes, decided before anything is written."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.context.core import digests, revision
from services.context.core.values import Document, DocumentSummary
from tests.unit.context.samples import HANDBOOK

MODEL = "model"


def _stored(*documents: Document, model: str = MODEL) -> list[DocumentSummary]:
    return [
        DocumentSummary(
            document_id=d.document_id,
            title=d.title,
            source=d.source,
            chunk_count=1,
            sha256=digests.of_text(d.text),
            digest=digests.of_document(d, model=model),
        )
        for d in documents
    ]


def _plan(documents: list[Document], stored: list[DocumentSummary], *, replace_pack: bool = False) -> revision.Revision:
    return revision.plan(documents, stored, base_version=3, replace=replace_pack, model=MODEL)


def test_the_same_content_again_is_no_step() -> None:
    """Nothing changes, whatever the order of the documents."""
    step = _plan(list(reversed(HANDBOOK)), _stored(*HANDBOOK))

    assert step.is_empty
    assert step.content_sha256 == _plan(list(HANDBOOK), []).content_sha256


@pytest.mark.parametrize(
    "changed",
    [
        replace(HANDBOOK[0], title="changed"),
        replace(HANDBOOK[0], source="changed"),
        replace(HANDBOOK[0], text="changed"),
    ],
)
def test_any_changed_field_changes_the_document(changed: Document) -> None:
    """A new title is as much a change as a new text."""
    step = _plan([changed], _stored(*HANDBOOK))

    assert [change.document for change in step.changes] == [changed]


def test_metadata_and_model_count_as_content() -> None:
    """New facts about a document, or another embedding model, make it new."""
    assert _plan([replace(HANDBOOK[0], metadata={})], _stored(*HANDBOOK)).changes
    assert _plan([HANDBOOK[0]], _stored(*HANDBOOK, model="other")).changes


def test_only_replace_removes_what_is_not_named() -> None:
    """Without it documents are added; with it the pack holds exactly what was given."""
    added, replaced = (_plan([HANDBOOK[0]], _stored(*HANDBOOK), replace_pack=flag) for flag in (False, True))

    assert added.is_empty
    assert replaced.removed == ("printer", "travel")
    assert replaced.content_sha256 == _plan([HANDBOOK[0]], []).content_sha256


def test_outcomes_name_duplicates_and_what_is_unchanged() -> None:
    """A text that another document has already is told, by the id of that document."""
    twin = replace(HANDBOOK[0], document_id="twin")
    stored = _stored(*HANDBOOK)
    documents = [HANDBOOK[0], twin, replace(HANDBOOK[1], title="New")]

    outcomes = revision.outcomes(documents, stored, _plan(documents, stored))

    assert [(o.document_id, o.unchanged, o.duplicate_of) for o in outcomes] == [
        ("leave", True, ""),
        ("twin", False, "leave"),
        ("printer", False, ""),
    ]


@given(pairs=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=5), data=st.data())
def test_the_fingerprint_of_a_pack_ignores_order(pairs: dict[str, str], data: st.DataObject) -> None:
    """The same documents in any order are the same pack."""
    shuffled = data.draw(st.permutations(list(pairs.items())))

    assert digests.of_pack(pairs) == digests.of_pack(shuffled)
