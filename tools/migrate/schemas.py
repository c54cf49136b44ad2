"""The schemas that have migrations, and where each stands."""

from dataclasses import dataclass
from pathlib import Path

import services
from services.topology import SERVICES

HEAD = "head"
BASE = "base"
PREVIOUS = "-1"


class MigrationError(Exception):
    """A schema cannot be moved to the revision asked for."""


class NewerSchemaError(MigrationError):
    """The schema stands at a revision that this version does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """A schema and the folder of its migrations."""

    name: str
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a schema stands."""

    schema: str
    current: str | None
    """Its revision; None before the first migration."""
    head: str | None
    """The newest revision there is; None where the service has no migrations."""

    @property
    def up_to_date(self) -> bool:
        """Tell whether no migration is waiting."""
        return self.current == self.head


def schemas(root: Path | None = None) -> tuple[Schema, ...]:
    """Return the schema of every service that keeps state and has migrations, in start order.

    Args:
        root: The folder of the rooms; the installed ``services`` unless told.
    """
    rooms = root or Path(services.__path__[0])
    found = (Schema(name=s.name, folder=rooms / s.room / "migrations") for s in SERVICES if s.has_schema)
    return tuple(schema for schema in found if schema.folder.is_dir())
