"""A spool: what must reach another service rests on this machine's disk until that service has acknowledged it."""

from services.chassis.spool.frames import Item
from services.chassis.spool.segments import SpoolError
from services.chassis.spool.shards import ShardedSpool, shard_of
from services.chassis.spool.spool import Deliver, Spool

AnySpool = Spool | ShardedSpool

__all__ = ["AnySpool", "Deliver", "Item", "ShardedSpool", "Spool", "SpoolError", "shard_of"]
