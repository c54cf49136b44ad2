"""Files become documents in calls that fit the mesh's limits."""

from pathlib import Path

import pytest

from magistrate.common.v1.provenance_pb2 import Provenance
from magistrate.context.v1.context_pb2 import Document, SearchHit, SearchResponse
from tools.cli.knowledge import _batches, _documents, _show_hits
from tools.up.failures import StackError


def test_a_folder_gives_its_text_files(tmp_path: Path) -> None:
    """Ids are stable paths, titles are headings, other files are left alone."""
    (tmp_path / "hr").mkdir()
    (tmp_path / "hr" / "leave.md").write_text("intro\n# Annual leave\ntext")
    (tmp_path / "plain.txt").write_text("no heading")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8")

    found = list(_documents([tmp_path]))

    assert [(d.document_id, d.title) for d in found] == [("hr/leave.md", "Annual leave"), ("plain.txt", "plain")]


def test_a_named_file_is_taken_whatever_its_suffix(tmp_path: Path) -> None:
    """Who names a file means it."""
    (tmp_path / "notes.log").write_text("text")

    assert [d.document_id for d in _documents([tmp_path / "notes.log"])] == ["notes.log"]


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """Nothing is guessed about encodings."""
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 au lait")

    with pytest.raises(StackError, match=r"latin\.txt is not a UTF-8 text \(byte 3\)"):
        list(_documents([tmp_path]))


@pytest.mark.parametrize(
    ("content", "problem"), [(b" \n", "there is no text in"), (b"x" * (3 * 1024 * 1024 + 1), "is larger than")]
)
def test_a_file_without_text_or_with_too_much_is_named(content: bytes, problem: str, tmp_path: Path) -> None:
    """Whoever ingests a folder learns which of its files cannot be taken."""
    (tmp_path / "a.md").write_bytes(content)

    with pytest.raises(StackError, match=problem) as failure:
        list(_documents([tmp_path]))

    assert "a.md" in failure.value.problem


@pytest.mark.parametrize("name", ["missing", "."])
def test_nothing_to_ingest_is_an_error(tmp_path: Path, name: str) -> None:
    """An empty folder is as surely a mistake as a missing one."""
    with pytest.raises(StackError, match="there is no"):
        list(_documents([tmp_path / name]))


def test_calls_stay_below_the_limits() -> None:
    """Neither 200 documents nor 4 MiB are exceeded, and order is kept."""
    small = [Document(document_id=str(n), text="x") for n in range(450)]
    large = [Document(document_id=str(n), text="x" * 1_000_000) for n in range(7)]

    assert [len(batch) for batch in _batches(small)] == [200, 200, 50]
    assert all(sum(d.ByteSize() for d in batch) < 4 * 1024 * 1024 for batch in _batches(large))
    assert [d.document_id for batch in _batches(large) for d in batch] == [str(n) for n in range(7)]


def test_hits_say_what_their_numbers_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Score and similarity have headings, and a hit by words alone has no similarity."""
    hits = [
        SearchHit(text="26 weeks", score=0.0328, provenance=Provenance(pack_id="hr", title="Leave", similarity=0.58)),
        SearchHit(
            text="a [bold]word[/bold]\x1b[2J", score=0.0164, provenance=Provenance(pack_id="hr", document_id="a.md")
        ),
    ]
    _show_hits(SearchResponse(hits=hits))
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]

    assert shown == [
        ["score", "similarity", "passage"],
        ["0.0328", "0.58", "hr/Leave"],
        ["26", "weeks"],
        ["0.0164", "-", "hr/a.md"],
        ["a", "[bold]word[/bold]\ufffd[2J"],
    ]
