"""Look up packs."""

from dataclasses import dataclass

from services.chassis.errors import not_found
from services.context.core.values import DocumentSummary, Pack
from services.context.ports import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some packs in the order of their ids, and whether there are more."""

    packs: tuple[Pack, ...]
    has_more: bool


class Catalog:
    """The packs of a tenant and what is in them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, tenant: str, pack_id: str) -> tuple[Pack, tuple[DocumentSummary, ...]]:
        """Return a pack with its documents. Raises PACK_NOT_FOUND, STORE_UNAVAILABLE."""
        pack = await self._store.find_pack(tenant, pack_id)
        if pack is None:
            raise not_found("PACK_NOT_FOUND", "pack_id", pack_id)
        return pack, await self._store.documents(tenant, pack_id)

    async def list(self, tenant: str, *, after: str, size: int) -> Page:
        """Return at most ``size`` packs whose ids are greater than ``after``. Raises STORE_UNAVAILABLE."""
        packs = await self._store.list_packs(tenant, after=after, limit=size + 1)
        return Page(packs=packs[:size], has_more=len(packs) > size)
