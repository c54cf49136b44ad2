"""How often no model had to be asked, as people read it."""

from rich.table import Table

from magistrate.common.v1.usage_pb2 import CacheLevel
from magistrate.router.v1.router_pb2 import CacheLevelStats, GetCacheStatsResponse
from tools.cli.screen import listing

_LEVELS = {
    CacheLevel.CACHE_LEVEL_SHARED_CALL: "identical call under way",
    CacheLevel.CACHE_LEVEL_MEMORY: "memory of the router",
    CacheLevel.CACHE_LEVEL_SHARED: "memory of all routers",
    CacheLevel.CACHE_LEVEL_SEMANTIC: "question of the same meaning",
}
TITLE = "answers without a model, since the start of the router that was asked:"


def cache_rates(reply: GetCacheStatsResponse) -> Table:
    """Return hits, misses, errors and the hit rate of each level."""
    table = listing("answer from", "hits", "misses", "errors", "hit rate")
    for level in reply.levels:
        name = _LEVELS.get(level.level, CacheLevel.Name(level.level))
        table.add_row(name, f"{level.hits:,}", f"{level.misses:,}", f"{level.errors:,}", _rate(level))
    return table


def _rate(level: CacheLevelStats) -> str:
    """Return the hits among the look-ups that could tell; those that failed say nothing of what is kept."""
    told = level.hits + level.misses
    return f"{level.hits / told:.0%}" if told else "-"
