"""The valve closes before the volume is full, and opens again by itself."""

from pathlib import Path

import pytest

from services.chassis.clock import SystemClock
from services.chassis.errors import Kind, WorldError
from services.recorder.adapters.volume import used_percent
from services.recorder.writing.valve import PROBE_S, Valve


class SetClock(SystemClock):
    """A clock whose seconds are set."""

    seconds = 0.0

    def monotonic(self) -> float:
        """Return the seconds."""
        return self.seconds


@pytest.mark.spec("REC-05")
async def test_closes_above_the_limit_and_opens_below_it() -> None:
    """At the limit records still come in; above it they are refused with both figures; below it they come in again."""
    used = [85.0]
    valve = Valve(SetClock(), used_percent=lambda: used[0], limit_percent=85)
    await valve.look()
    valve.check()

    used[0] = 85.5
    await valve.look()
    with pytest.raises(WorldError) as raised:
        valve.check()
    used[0] = 20
    await valve.look()
    valve.check()

    assert (raised.value.kind, raised.value.reason) == (Kind.EXHAUSTED, "STORE_FULL")
    assert raised.value.metadata == {"used_percent": "85.5", "limit_percent": "85.0"}
    assert raised.value.retry_after_s


def test_store_that_was_full_is_asked_again_later() -> None:
    """Until then nobody presses it."""
    clock = SetClock()
    valve = Valve(clock, used_percent=None, limit_percent=85)
    valve.check()

    valve.refused()
    with pytest.raises(WorldError, match="STORE_FULL"):
        valve.check()
    clock.seconds = PROBE_S
    valve.check()


def test_volume_is_measured(tmp_path: Path) -> None:
    """A real volume is somewhere between empty and full; a folder that is not there is an error."""
    assert 0 < used_percent(tmp_path) < 100
    with pytest.raises(OSError, match="nowhere"):
        used_percent(tmp_path / "nowhere")
