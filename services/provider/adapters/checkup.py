"""A light look at a vendor, which generates nothing."""

from collections.abc import Callable

from services.chassis.errors import MeshError
from services.provider.adapters.transport import Transport
from services.provider.core.completion import Health
from services.provider.core.keys import Key


async def look(transport: Transport, path: str, key: Key, read: Callable[[str, bytes], tuple[str, ...]]) -> Health:
    """List the vendor's models; one that does not list them is sick, and its failure says why.

    Args:
        transport: The way to the vendor.
        path: Where its list is.
        key: What it is asked with.
        read: Returns the names of a list, given the vendor's name and the body of its reply.
    """
    try:
        return Health(healthy=True, models=read(transport.vendor, await transport.get(path, key)))
    except MeshError as error:
        return Health(healthy=False, models=(), reason=error.reason)
