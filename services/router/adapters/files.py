"""The catalogue and the prompt templates as files, checked whole at the start."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template as Placeholders
from typing import Any, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from services.router.core.catalogue import (
    UNKNOWN_FIRST_TOKEN_S,
    UNKNOWN_QUALITY,
    Capability,
    Catalogue,
    Model,
    Price,
    Tier,
)
from services.router.core.finish import Step
from services.router.core.prompt import PLACEHOLDERS, Template
from services.router.core.request import Domain, Task

ROOM = Path(__file__).parents[1]
CATALOGUE = ROOM / "catalogue.yaml"
TEMPLATES = ROOM / "templates"


class WrongFileError(ValueError):
    """A file that the room cannot start with; the text is one line that names file, place and fault."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class _Model(_Strict):
    name: str = Field(min_length=1, max_length=200)
    """What the provider's vendor calls it; unique in the file."""
    provider: str = Field(pattern="^[a-z][a-z0-9-]*$")
    """Name of the provider adapter that serves it."""
    tier: Tier
    """How good it is: premium, standard, fast or offline."""
    context_tokens: int = Field(ge=1)
    """Tokens that it can read and write together."""
    input_micro_usd_per_million: int = Field(ge=0)
    """Price of a million tokens read, in millionths of a US dollar."""
    output_micro_usd_per_million: int = Field(ge=0)
    """Price of a million tokens written, in millionths of a US dollar."""
    quality: float = Field(default=UNKNOWN_QUALITY, ge=0, le=1)
    """What is expected of its answers, 0 to 1; counts until scores are known."""
    first_token_ms: int = Field(default=round(UNKNOWN_FIRST_TOKEN_S * 1000), ge=0)
    """Milliseconds to its first token that are expected; counts until latencies are measured."""
    capabilities: tuple[Capability, ...] = ()
    """What it can do."""


class _Catalogue(_Strict):
    """The models that the router may choose, the preferred one of a provider before its others."""

    models: tuple[_Model, ...] = Field(min_length=1)
    """The models."""
    preferences: dict[Domain, tuple[str, ...]] = {}
    """Names of models by field of work, best first, for as long as no score is known there."""

    @model_validator(mode="after")
    def _names_are_known_once(self) -> Self:
        names = [model.name for model in self.models]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} is there twice")
        preferred = {name for names in self.preferences.values() for name in names}
        if unknown := sorted(preferred - set(names)):
            raise ValueError(f"preferences name {', '.join(unknown)}, which is no model of this file")
        return self


class _Template(_Strict):
    version: int = Field(ge=1)
    temperature: float = Field(ge=0, le=2)
    system: str = Field(min_length=1)
    user: str = Field(min_length=1)
    answer_steps: tuple[Step, ...] = ()

    @model_validator(mode="after")
    def _places_the_question(self) -> Self:
        named = set(Placeholders(self.user).get_identifiers())
        if "question" not in named or not named <= PLACEHOLDERS or not Placeholders(self.user).is_valid():
            raise ValueError(f"user must name $question, and nothing but {', '.join(sorted(PLACEHOLDERS))}")
        return self


_Read = TypeVar("_Read", bound=_Strict)


def read_catalogue(path: Path) -> Catalogue:
    """Return the catalogue in the YAML file ``path``. Raises WrongFileError."""
    parsed = _parse(path, _Catalogue, _read(path))
    return Catalogue(models=tuple(_model(model) for model in parsed.models), preferences=parsed.preferences)


def catalogue_schema() -> dict[str, Any]:
    """Return the JSON schema of a catalogue file, for editors and for those who write one."""
    schema = _Catalogue.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Model catalogue"}


def read_templates(folder: Path) -> tuple[Template, ...]:
    """Return the templates ``<domain>/<task>.<version>.yaml`` below ``folder``, at least one for each pair.

    Raises:
        WrongFileError: One is wrong, or a pair has none.
    """
    templates = tuple(
        _template(path, domain, task)
        for domain in Domain
        for task in Task
        for path in sorted((folder / domain).glob(f"{task}.*.yaml"))
    )
    covered = {(template.domain, template.task) for template in templates}
    for domain in Domain:
        for task in Task:
            if (domain, task) not in covered:
                raise WrongFileError(f"{folder}: there is no template {domain}/{task}.1.yaml")
    return templates


def pinned(templates: Sequence[Template], versions: Mapping[str, int]) -> tuple[Template, ...]:
    """Return the templates without those that a pinned version (by domain/task) puts aside.

    Raises:
        WrongFileError: A pinned version is not there.
    """
    known = {template.id for template in templates}
    for place, version in versions.items():
        if f"{place}@{version}" not in known:
            raise WrongFileError(f"there is no template {place}.{version}.yaml to pin")
    return tuple(
        template
        for template in templates
        if versions.get(f"{template.domain}/{template.task}", template.version) == template.version
    )


def _model(model: _Model) -> Model:
    return Model(
        name=model.name,
        provider=model.provider,
        tier=model.tier,
        context_tokens=model.context_tokens,
        price=Price(
            input_micro_usd_per_million=model.input_micro_usd_per_million,
            output_micro_usd_per_million=model.output_micro_usd_per_million,
        ),
        capabilities=model.capabilities,
        quality=model.quality,
        first_token_s=model.first_token_ms / 1000,
    )


def _template(path: Path, domain: Domain, task: Task) -> Template:
    content = _read(path)
    parsed = _parse(path, _Template, content)
    if path.name != f"{task}.{parsed.version}.yaml":
        raise WrongFileError(f"{path}: version {parsed.version} does not fit the file's name")
    return Template(
        domain=domain,
        task=task,
        version=parsed.version,
        system=parsed.system,
        user=parsed.user,
        temperature=parsed.temperature,
        answer_steps=parsed.answer_steps,
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WrongFileError(f"{path}: {error.strerror}") from error


def _parse(path: Path, kind: type[_Read], content: bytes) -> _Read:
    try:
        return kind.model_validate(yaml.safe_load(content))
    except yaml.YAMLError as error:
        raise WrongFileError(f"{path}: no YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise WrongFileError(f"{path}: {place or 'the whole'}: {first['msg']}") from error
