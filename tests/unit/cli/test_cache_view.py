"""People see how often no model had to be asked."""

import io

import pytest
from rich.console import Console

from magistrate.common.v1.usage_pb2 import CACHE_LEVEL_MEMORY, CACHE_LEVEL_SEMANTIC, CACHE_LEVEL_SHARED_CALL
from magistrate.router.v1.router_pb2 import CacheLevelStats, GetCacheStatsResponse
from tools.cli.cache_view import cache_rates


@pytest.mark.spec("CCH-10")
def test_each_level_has_its_rate_and_failures_are_not_misses() -> None:
    """Three of four is 75 %, whatever failed beside them; without a look-up there is no rate, and no division."""
    reply = GetCacheStatsResponse(
        levels=[
            CacheLevelStats(level=CACHE_LEVEL_SHARED_CALL, errors=7),
            CacheLevelStats(level=CACHE_LEVEL_MEMORY, hits=3000, misses=1000, errors=2),
            CacheLevelStats(level=CACHE_LEVEL_SEMANTIC, misses=5),
        ]
    )
    output = io.StringIO()
    Console(file=output, width=100).print(cache_rates(reply))
    rows = {line[:30].strip(): line[30:].split() for line in output.getvalue().splitlines()}

    assert rows["identical call under way"] == ["0", "0", "7", "-"]
    assert rows["memory of the router"] == ["3,000", "1,000", "2", "75%"]
    assert rows["question of the same meaning"] == ["0", "5", "0", "0%"]
