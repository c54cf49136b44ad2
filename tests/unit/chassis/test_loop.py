"""Every process runs on the native event loop, and the same way without it."""

import asyncio
import importlib
import sys
from collections.abc import Iterator

import pytest
import uvloop

from services.chassis import loop


@pytest.fixture(params=["native", "absent"])
def runner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Load the module with the native loop, and with the package not installed."""
    with monkeypatch.context() as patch:
        if request.param == "absent":
            patch.setitem(sys.modules, "uvloop", None)
        importlib.reload(loop)
        yield request.param
    importlib.reload(loop)


@pytest.mark.spec("ENG-39")
def test_with_and_without_the_native_loop_the_result_is_the_same(runner: str) -> None:
    """What a coroutine returns or raises comes out, whichever loop ran it; the native one is used where it is there."""

    async def ask() -> bool:
        await asyncio.sleep(0)
        return isinstance(asyncio.get_running_loop(), uvloop.Loop)

    async def fail() -> None:
        raise LookupError("nothing")

    assert loop.run(ask()) is (runner == "native")
    with pytest.raises(LookupError, match="nothing"):
        loop.run(fail())
