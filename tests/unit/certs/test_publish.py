"""Files are replaced whole; what cannot be written leaves nothing behind."""

from pathlib import Path

import pytest

from tools.certs.publish import publish, write_private


def test_what_cannot_be_written_leaves_no_draft(tmp_path: Path) -> None:
    """A disk that is full for an hour is not littered by every try of that hour."""
    (tmp_path / "record" / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match="record"):
        write_private(tmp_path / "record", b"text")

    assert [path.name for path in tmp_path.iterdir()] == ["record"]


def test_a_set_that_cannot_be_written_leaves_the_former_one(tmp_path: Path) -> None:
    """Readers see all old files, and no half of the new ones is kept."""
    publish(tmp_path, {"tls.crt": b"old", "tls.key": b"old"})
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(OSError, match="no"):
        publish(tmp_path, {"tls.crt": b"new", "no/such/folder": b"new"})

    assert (tmp_path / "tls.crt").read_bytes() == b"old"
    assert before == sorted(path.name for path in tmp_path.iterdir())
