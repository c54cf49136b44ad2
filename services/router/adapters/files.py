"""The catalogue and the prompt templates as files, checked whole at the start."""

import hashlib
from pathlib import Path
from string import Template as Placeholders
from typing import Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from services.router.core.catalogue import Catalogue, Model, Price, Tier
from services.router.core.prompt import PLACEHOLDERS, Template
from services.router.core.request import Domain, Task

ROOM = Path(__file__).parents[1]
CATALOGUE = ROOM / "catalogue.yaml"
TEMPLATES = ROOM / "templates"


class WrongFileError(ValueError):
    """A file that the room cannot start with; the text is one line that names file, place and fault."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Model(_Strict):
    name: str = Field(min_length=1, max_length=200)
    provider: str = Field(pattern="^[a-z][a-z0-9-]*$")
    tier: Tier
    context_tokens: int = Field(ge=1)
    input_micro_usd_per_million: int = Field(ge=0)
    output_micro_usd_per_million: int = Field(ge=0)
    capabilities: tuple[str, ...] = ()


class _Catalogue(_Strict):
    models: tuple[_Model, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [model.name for model in self.models]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} is there twice")
        return self


class _Template(_Strict):
    version: int = Field(ge=1)
    temperature: float = Field(ge=0, le=2)
    system: str = Field(min_length=1)
    user: str = Field(min_length=1)

    @model_validator(mode="after")
    def _places_the_question(self) -> Self:
        named = set(Placeholders(self.user).get_identifiers())
        if "question" not in named or not named <= PLACEHOLDERS or not Placeholders(self.user).is_valid():
            raise ValueError(f"user must name $question, and nothing but {', '.join(sorted(PLACEHOLDERS))}")
        return self


_Read = TypeVar("_Read", bound=_Strict)


def read_catalogue(path: Path) -> Catalogue:
    """Return the catalogue in the YAML file ``path``. Raises WrongFileError."""
    return Catalogue(models=tuple(_model(model) for model in _parse(path, _Catalogue, _read(path)).models))


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
