"""Local copies of packs."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.context.adapters.local_copy import LocalCopies, open_copies
from services.context.core import hashing
from services.context.core.values import Chunk, Pack, Vector
from tests.unit.context.conftest import StillClock
from tests.unit.context.samples import chunk

TEXT = "Parental leave is 26 weeks."


def _pack(version: int) -> Pack:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Pack(pack_id="pack", version=version, document_count=1, chunk_count=1, content_sha256="00", updated_at=now)


def _chunks(text: str = TEXT) -> list[tuple[Chunk, str, Vector]]:
    return [(chunk(text), hashing.MODEL_ID, hashing.embed([text])[0])]


async def _texts(copies: LocalCopies, tenant: str = "acme", pack_id: str | None = "pack") -> list[str]:
    (vector,) = hashing.embed([TEXT])
    found = await copies.search(tenant, pack_id, "leave", vector, model=hashing.MODEL_ID, limit=5)
    return [c.chunk.text for c in found]


@pytest.mark.spec("CTX-08")
async def test_a_copy_outlives_the_process(tmp_path: Path, clock: StillClock) -> None:
    """A pack that was saved is found by the next process, exactly as it was."""
    file = tmp_path / "deep" / "copies.sqlite"
    async with open_copies(file, clock) as copies:
        await copies.save("acme", _pack(3), _chunks())
    async with open_copies(file, clock) as copies:
        assert await copies.find_pack("acme", "pack") == _pack(3)
        assert await _texts(copies) == [TEXT]

    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.spec("CTX-08")
async def test_a_copy_is_good_for_a_day(clock: StillClock) -> None:
    """After its time it is as if it were not there."""
    async with open_copies(None, clock) as copies:
        await copies.save("acme", _pack(1), _chunks())
        clock.advance(24 * 3600)
        assert await copies.find_pack("acme", "pack") == _pack(1)
        clock.advance(1)
        assert await copies.find_pack("acme", "pack") is None
        assert await _texts(copies) == await _texts(copies, pack_id=None) == []


async def test_a_confirmed_copy_is_good_for_another_day(clock: StillClock) -> None:
    """A pack that is still the same need not be copied again; another version or an old copy is not confirmed."""
    async with open_copies(None, clock) as copies:
        await copies.save("acme", _pack(1), _chunks())
        clock.advance(20 * 3600)
        assert await copies.confirm("acme", _pack(1))
        clock.advance(20 * 3600)
        assert await _texts(copies) == [TEXT]
        assert not await copies.confirm("acme", _pack(2))
        clock.advance(20 * 3600)
        assert not await copies.confirm("acme", _pack(1))


async def test_tenants_do_not_share_copies(clock: StillClock) -> None:
    """A copy is found by its tenant only."""
    async with open_copies(None, clock) as copies:
        await copies.save("acme", _pack(1), _chunks())

        assert await _texts(copies, tenant="other") == await _texts(copies, tenant="other", pack_id=None) == []
        assert await _texts(copies, pack_id=None) == [TEXT]


@pytest.mark.spec("CTX-12")
async def test_an_older_version_never_replaces_a_newer(clock: StillClock) -> None:
    """Copies that arrive out of order leave the newest."""
    async with open_copies(None, clock) as copies:
        await copies.save("acme", _pack(2), _chunks("Leave is 30 weeks."))
        assert await _texts(copies) == ["Leave is 30 weeks."]
        await copies.save("acme", _pack(1), _chunks("Leave is 20 weeks."))
        assert await _texts(copies) == ["Leave is 30 weeks."]
        await copies.save("acme", _pack(3), _chunks("Leave is 40 weeks."))
        assert await _texts(copies) == ["Leave is 40 weeks."]


async def test_a_damaged_file_does_not_stop_the_start(tmp_path: Path, clock: StillClock) -> None:
    """What cannot be read is put aside and begun anew."""
    file = tmp_path / "copies.sqlite"
    file.write_bytes(b"no database at all" * 100)

    async with open_copies(file, clock) as copies:
        await copies.save("acme", _pack(1), _chunks())

        assert await copies.find_pack("acme", "pack") == _pack(1)
    assert file.with_suffix(".unreadable").exists()
