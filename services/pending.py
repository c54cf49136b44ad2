"""The one list of RPCs that are part of the contract but whose logic comes later; it shrinks to empty.

The chassis answers them UNIMPLEMENTED with the reason NOT_YET_IMPLEMENTED and the note given here.
"""

from collections.abc import Mapping
from types import MappingProxyType

PENDING: Mapping[str, str] = MappingProxyType({})
"""Full method path (``/package.Service/Method``) to what has to exist first."""
