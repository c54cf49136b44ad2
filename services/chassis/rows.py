"""Whose rows a connection may see: row level security by tenant (spec row 7 of reliability 4).

The database compares a row's tenant with the setting ``magistrate.tenant`` of the session. A pool that was opened with
``rows_of_tenant`` sets it at every loan of a connection, so that no code can forget it; nobody's rows are none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import asyncpg

from services.chassis.call import current

_SEE = "select set_config('magistrate.tenant', $1, false)"
_named: ContextVar[str | None] = ContextVar("rows_of", default=None)


@contextmanager
def rows_of(tenant: str) -> Iterator[None]:
    """Let what is done meanwhile see the rows of ``tenant``, whoever calls: for work of more than one tenant."""
    token = _named.set(tenant)
    try:
        yield
    finally:
        _named.reset(token)


def visible() -> str:
    """Return whose rows may be seen now: the named tenant's, else the caller's; empty for nobody's."""
    named = _named.get()
    return current().principal.tenant if named is None else named


class TenantConnection(asyncpg.Connection):
    """A session that remembers whose rows it sees, so that the same tenant's next loan costs no journey."""

    _sees: str | None = None

    async def see(self, tenant: str) -> None:
        """Show the rows of ``tenant`` and no others from now on."""
        if tenant != self._sees:
            self._sees = None  # while it is unknown
            await self.execute(_SEE, tenant)
            self._sees = tenant


async def show(connection: Any) -> None:  # Any: asyncpg's proxy of a TenantConnection
    """Show a connection that is lent the rows that its borrower may see."""
    await connection.see(visible())
