"""What a tenant has invalidated, and when: marks that only grow."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.router.core.request import Domain, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which answers of a tenant are meant."""

    domain: Domain | None = None
    """None means all fields of work."""
    task: Task | None = None
    """None means all kinds of task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Word of one invalidation."""

    tenant: str
    scope: Scope
    epoch: int
    """Counts up with every invalidation of the tenant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """Word that one answer was made anew on request: whoever remembers the old one shall look again."""

    tenant: str
    name: str
    """Of its key."""


Word = Notice | Replaced
"""What replicas tell each other."""

Marks = Mapping[Scope, int]
"""The epoch of the last invalidation of each scope that ever had one."""


def reaching(marks: Marks, domain: Domain, task: Task) -> int:
    """Return the epoch of the last invalidation that met answers of ``domain`` and ``task``; 0 where none did."""
    scopes = (Scope(), Scope(domain=domain), Scope(task=task), Scope(domain=domain, task=task))
    return max(marks.get(scope, 0) for scope in scopes)


def merged(marks: Marks, later: Marks) -> Marks:
    """Return both together; a mark never goes back, in whichever order words arrive."""
    return {scope: max(marks.get(scope, 0), later.get(scope, 0)) for scope in marks.keys() | later.keys()}
