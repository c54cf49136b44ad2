"""The page of configuration, read from the settings classes of every room."""

import importlib
import pkgutil
from pathlib import Path

from pydantic.fields import FieldInfo

import services
from services.chassis.config import SecretFile, Settings

_PROJECT = Path(services.__path__[0]).parent


def page(_: Path) -> str:
    """Return the page: every environment variable with its type, default and sentence."""
    for module in pkgutil.walk_packages(services.__path__, "services."):
        if module.name.endswith((".config", ".postgres", ".redis", ".runtime")):
            importlib.import_module(module.name)
    sections = "\n".join(_section(settings) for settings in sorted(_all(Settings), key=_prefix))
    return f"""# Configuration

Each process reads its environment once at the start. A wrong value stops it with one line that names the variable,
the value and what would be right. Secrets are paths of files, read anew at each use.

{sections}
"""


def _all(base: type[Settings]) -> set[type[Settings]]:
    found = {child for child in base.__subclasses__() if child.__module__.startswith("services.")}
    return found.union(*(_all(child) for child in found))


def _prefix(settings: type[Settings]) -> str:
    return str(settings.model_config.get("env_prefix", ""))


def _section(settings: type[Settings]) -> str:
    rows = "\n".join(_row(_prefix(settings) + name.upper(), field) for name, field in settings.model_fields.items())
    return f"""## `{_prefix(settings)}*`

{(settings.__doc__ or "").strip().splitlines()[0]}

| Variable | Type | Default | Meaning |
|---|---|---|---|
{rows}
"""


def _row(variable: str, field: FieldInfo) -> str:
    default = "required" if field.is_required() else _default(field.default)
    meaning = " ".join((field.description or "").split())
    return f"| `{variable}` | {_type(field)} | {default} | {meaning} |"


def _default(value: object) -> str:
    """Return a default as every machine shows it: a file that comes with the package by its path within."""
    if isinstance(value, Path) and value.is_relative_to(_PROJECT):
        value = value.relative_to(_PROJECT)
    return "none" if value is None or str(value) == "" else f"`{value}`"


def _type(field: FieldInfo) -> str:
    if "SecretFile" in str(field.annotation) or field.annotation is SecretFile:
        return "path of a secret"
    name = getattr(field.annotation, "__name__", "") or str(field.annotation)
    return str(field.annotation).replace("typing.", "").replace("|", "or") if name in ("Literal", "Union") else name
