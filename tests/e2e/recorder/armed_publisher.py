"""A publisher that dies by its own hand: `python -m tests.e2e.recorder.armed_publisher publisher`; see `armed`."""

import os
import runpy
import sys
from collections.abc import Callable
from typing import Any

from services.recorder.adapters import keys, memory, seat
from tests.e2e.recorder.armed import after, before, die_when_due


def before_at_once(action: Callable[..., Any]) -> Callable[..., Any]:
    """Die before ``action``, which waits for nothing, begins."""

    def armed(*args: Any, **kwargs: Any) -> Any:
        die_when_due()
        return action(*args, **kwargs)

    return armed


POINTS: dict[str, tuple[Any, str, Any]] = {
    "head seen": (seat.PostgresSeat, "head_of", after),
    "before it is remembered": (memory.SignedMemory, "remember", before_at_once),
    "during signing": (keys.Ed25519Signer, "sign", before_at_once),
    "signed, not stored": (seat.PostgresSeat, "publish", before),
    "stored": (seat.PostgresSeat, "publish", after),
}

if __name__ == "__main__":
    owner, name, arm = POINTS[os.environ["CRASH_AT"]]
    setattr(owner, name, arm(getattr(owner, name)))
    sys.argv = ["services", *sys.argv[1:]]
    runpy.run_module("services", run_name="__main__", alter_sys=True)
