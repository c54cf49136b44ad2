"""The event loop of every process: the native one where it is installed, else Python's own, with the same behaviour.

``python -m tools.bench loop`` measures what the native one gains (spec row ENG-39).
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

try:
    import uvloop
except ImportError:
    uvloop = None  # type: ignore[assignment]  # absent

_Result = TypeVar("_Result")


def run(main: Coroutine[Any, Any, _Result]) -> _Result:
    """Run ``main`` to its end and return what it returns."""
    return asyncio.run(main) if uvloop is None else uvloop.run(main)
