"""A spool: what must reach another service rests on this machine's disk until that service has acknowledged it."""

from services.chassis.spool.frames import Item
from services.chassis.spool.segments import SpoolError
from services.chassis.spool.spool import Deliver, Spool

__all__ = ["Deliver", "Item", "Spool", "SpoolError"]
