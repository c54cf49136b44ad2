"""The JSON schema of the model catalogue, by which editors check and complete it."""

import json
from pathlib import Path

from services.router.adapters.files import catalogue_schema

PLACE = "services/router/catalogue.schema.json"


def schema(_: Path) -> str:
    """Return the schema as the file that the catalogue names."""
    return json.dumps(catalogue_schema(), indent=2) + "\n"
