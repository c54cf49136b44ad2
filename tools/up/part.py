"""One part of the stack: a process (or one finished piece of work) that others may wait for."""

from tools.up.processes import Command

PROBE_LIMIT_S = 10.0
"""How long a part may take to answer one question whether it is ready: a busy machine must not be asked for ever."""


class Part:
    """What the stack needs to know to start, watch and stop one part; each file of this package holds one kind.

    The defaults describe the simplest part: no process, nothing to prepare, ready at once.
    """

    name: str
    after: tuple[str, ...] = ()
    """The parts that must be ready before this one starts."""
    stops_after: tuple[str, ...] = ()
    """The parts that must have stopped before this one is asked to."""
    address: str = ""
    start_limit_s: float = 30.0
    """How long it may take to become ready."""
    hint: str = ""
    """What to look at when it does not start."""

    def command(self) -> Command | None:
        """Return how to start its process; None when its work is done in `settle`."""
        return None

    async def prepare(self) -> None:
        """Make its files, before every start of its process."""

    async def ready(self) -> bool:
        """Ask once whether it answers."""
        return True

    async def settle(self) -> None:
        """Do what others rely on, once, after it answered for the first time."""

    async def drain(self) -> None:
        """End the work in flight, before any part of the stack is asked to stop."""
