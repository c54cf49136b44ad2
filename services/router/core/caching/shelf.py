"""The first level: the answers that this process used last, bounded in number and in bytes."""

from collections import OrderedDict
from datetime import datetime, timedelta

from services.router.core.caching.entry import Entry
from services.router.core.caching.key import Key


class Shelf:
    """Keeps entries; the one used longest ago makes room.

    Args:
        entries: Entries at most; 0 keeps nothing.
        size: Bytes at most, as ``Entry.size`` counts them; an entry larger than an eighth of it is not kept.
        life: Time after which an entry must be looked up in the level behind again.
    """

    def __init__(self, *, entries: int, size: int, life: timedelta) -> None:
        self._entries, self._size, self._life = entries, size, life
        self._kept: OrderedDict[str, tuple[datetime, Entry]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size(self) -> int:
        """Return the bytes of all that is kept."""
        return self._bytes

    def get(self, key: Key, now: datetime) -> Entry | None:
        """Return what is kept under ``key`` and good at ``now``."""
        place = _place(key)
        until, entry = self._kept.get(place, (now, None))
        if entry is None:
            return None
        if now >= until or not entry.alive(now):
            self._drop(place)
            return None
        if entry.proof != key.proof:
            return None
        self._kept.move_to_end(place)
        return entry

    def put(self, key: Key, entry: Entry, now: datetime) -> None:
        """Keep ``entry``, in the place of what was there."""
        place = _place(key)
        self._drop(place)
        if entry.size * 8 > self._size or not entry.alive(now):
            return
        self._kept[place] = (now + self._life, entry)
        self._bytes += entry.size
        while len(self._kept) > self._entries or self._bytes > self._size:
            self._drop(next(iter(self._kept)))

    def forget(self, tenant: str, name: str) -> None:
        """Keep nothing under this name of a key."""
        self._drop(_named(tenant, name))

    def clear(self, tenant: str) -> None:
        """Keep nothing of this tenant."""
        for place in [place for place in self._kept if place.startswith(_named(tenant, ""))]:
            self._drop(place)

    def _drop(self, place: str) -> None:
        _, entry = self._kept.pop(place, (None, None))
        if entry is not None:
            self._bytes -= entry.size


def _place(key: Key) -> str:
    return _named(key.tenant, key.name)


def _named(tenant: str, name: str) -> str:
    return f"{tenant}\0{name}"
