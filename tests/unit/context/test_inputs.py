"""The limits of what callers may send."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.errors import CallerError, Kind
from services.context.core import inputs, paging
from services.context.core.values import Document

_DOCUMENT = Document(document_id="one", text="text")


def _ingested(document: Document) -> Callable[[], object]:
    return lambda: inputs.documents([document])


@pytest.mark.parametrize(
    ("call", "reason", "field"),
    [
        (lambda: inputs.pack_id(""), "FIELD_REQUIRED", "pack_id"),
        (lambda: inputs.pack_id("Handbook"), "FIELD_MALFORMED", "pack_id"),
        (lambda: inputs.pack_id("-x"), "FIELD_MALFORMED", "pack_id"),
        (lambda: inputs.pack_id("a" * 64), "FIELD_MALFORMED", "pack_id"),
        (lambda: inputs.pack_id("a\n"), "FIELD_MALFORMED", "pack_id"),
        (lambda: inputs.text("", field="query", limit=9), "FIELD_REQUIRED", "query"),
        (lambda: inputs.text(" \n ", field="query", limit=9), "FIELD_REQUIRED", "query"),
        (lambda: inputs.text("a" * 10, field="query", limit=9), "FIELD_TOO_LONG", "query"),
        (lambda: inputs.text("a\x00", field="query", limit=9), "TEXT_REJECTED", "query"),
        (lambda: inputs.number(51, field="limit", default=4, most=50), "FIELD_OUT_OF_RANGE", "limit"),
        (lambda: inputs.number(-1, field="limit", default=4, most=50), "FIELD_OUT_OF_RANGE", "limit"),
        (lambda: inputs.share(1.01, field="mmr_lambda", default=0.5), "FIELD_OUT_OF_RANGE", "mmr_lambda"),
        (lambda: inputs.share(float("nan"), field="mmr_lambda", default=0.5), "FIELD_OUT_OF_RANGE", "mmr_lambda"),
        (lambda: inputs.texts([]), "FIELD_REQUIRED", "texts"),
        (lambda: inputs.texts(["a"] * 257), "FIELD_TOO_LONG", "texts"),
        (lambda: inputs.texts(["a", ""]), "FIELD_REQUIRED", "texts[1]"),
        (lambda: inputs.texts(["a" * 10_001]), "FIELD_TOO_LONG", "texts[0]"),
        (lambda: inputs.documents([]), "FIELD_REQUIRED", "documents"),
        (lambda: inputs.documents([_DOCUMENT] * 201), "FIELD_TOO_LONG", "documents"),
        (lambda: inputs.documents([_DOCUMENT] * 2), "DUPLICATE_ENTRY", "documents[1].document_id"),
        (_ingested(replace(_DOCUMENT, document_id=" ")), "FIELD_REQUIRED", "documents[0].document_id"),
        (_ingested(replace(_DOCUMENT, document_id="a" * 201)), "FIELD_TOO_LONG", "documents[0].document_id"),
        (_ingested(replace(_DOCUMENT, document_id="a\nb")), "TEXT_REJECTED", "documents[0].document_id"),
        (_ingested(replace(_DOCUMENT, title="a" * 1001)), "FIELD_TOO_LONG", "documents[0].title"),
        (_ingested(replace(_DOCUMENT, source="\x1b[2J")), "TEXT_REJECTED", "documents[0].source"),
        (_ingested(replace(_DOCUMENT, text="")), "FIELD_REQUIRED", "documents[0].text"),
        (_ingested(replace(_DOCUMENT, text="a" * 1_000_001)), "FIELD_TOO_LONG", "documents[0].text"),
        (
            _ingested(replace(_DOCUMENT, metadata={str(n): "" for n in range(21)})),
            "FIELD_TOO_LONG",
            "documents[0].metadata",
        ),
        (_ingested(replace(_DOCUMENT, metadata={"key": "a" * 501})), "FIELD_TOO_LONG", "documents[0].metadata"),
        (lambda: paging.after("!"), "FIELD_MALFORMED", "page_token"),
        (lambda: paging.after("é"), "FIELD_MALFORMED", "page_token"),
        (lambda: paging.after("aGVsbG8"), "FIELD_MALFORMED", "page_token"),
    ],
)
def test_every_breach_is_one_typed_error(call: Callable[[], object], reason: str, field: str) -> None:
    """The error names the field and the reason, and is the caller's to mend."""
    with pytest.raises(CallerError) as caught:
        call()

    assert (Kind.INVALID, reason, field) == (caught.value.kind, caught.value.reason, caught.value.metadata["field"])
    assert [field] == [v.field for v in caught.value.violations]


@pytest.mark.parametrize("value", ["a", "a-b", "0", "a" * 63])
def test_pack_ids_of_the_right_form_pass(value: str) -> None:
    """Lowercase letters, digits and inner dashes, 1 to 63."""
    assert inputs.pack_id(value) == value


def test_limits_themselves_pass() -> None:
    """The last value inside a limit is right, and zero or absence means the default."""
    assert inputs.text("a" * 9, field="query", limit=9) == "a" * 9
    assert inputs.number(50, field="limit", default=4, most=50) == 50
    assert inputs.number(0, field="limit", default=4, most=50) == 4
    assert inputs.share(None, field="mmr_lambda", default=0.5) == 0.5
    assert inputs.share(0.0, field="mmr_lambda", default=0.5) == 0.0


@given(pack=st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z"))
def test_a_page_token_comes_back(pack: str) -> None:
    """A token is the place after the pack it was made for."""
    assert paging.after(paging.token(pack)) == pack


@given(token=st.text(max_size=40))
def test_a_foreign_page_token_is_refused_or_read_never_worse(token: str) -> None:
    """Whatever comes back as a token is a pack id or a typed error."""
    try:
        after = paging.after(token)
    except CallerError:
        return
    assert after == "" or inputs.pack_id(after)
