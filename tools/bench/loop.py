"""What the native event loop gains: calls through the chassis on it, beside Python's own loop (spec row ENG-39).

Both loops take turns in this process, and the best turn of each counts, so that a busy machine hits both alike.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import uvloop

from magistrate.recorder.v1 import recorder_pb2_grpc as rpc
from services.chassis import log
from services.chassis.testing import Registration, serving
from tools.bench.chassis import Echo, measured
from tools.bench.table import Row, table

TURNS = 5
_Run = Callable[[Coroutine[Any, Any, Row]], Row]


def main() -> None:
    """Measure both and print; log lines are made and thrown away, because making them is part of the cost."""
    loops: dict[str, _Run] = {"Python's own loop": asyncio.run, "native loop": uvloop.run}
    turns: dict[str, list[Row]] = {name: [] for name in loops}
    with Path(os.devnull).open("w") as nowhere:
        log.configure("bench", stream=nowhere)
        for _ in range(TURNS):
            for name, run in loops.items():
                turns[name].append(run(_turn()))
    columns = ("p50 ms alone", "calls/s at once", "streamed/s")
    print(table(columns, {name: _best(rows) for name, rows in turns.items()}))


async def _turn() -> Row:
    service = "magistrate.recorder.v1.RecorderService"
    async with serving([Registration(rpc.add_RecorderServiceServicer_to_server, Echo(), service)]) as channel:
        return await measured(rpc.RecorderServiceStub(channel))


def _best(rows: list[Row]) -> Row:
    alone, rates, streamed = ([figure for figure in column if figure is not None] for column in zip(*rows, strict=True))
    return min(alone), max(rates), max(streamed)
