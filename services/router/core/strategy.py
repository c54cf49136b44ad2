"""In which order the providers are tried, and with which model each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from services.router.core.catalogue import Catalogue, Model

Strategy = Callable[[Sequence[Model]], Sequence[Model]]
"""Puts one candidate model for each provider in the order in which they shall be tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An order of models, one for each provider, and why."""

    models: tuple[Model, ...]
    strategy: str
    why: str


def configured(candidates: Sequence[Model]) -> Sequence[Model]:
    """Keep the order of the configuration (spec row RTR-02)."""
    return candidates


STRATEGIES: Mapping[str, Strategy] = MappingProxyType({"configured": configured})
"""Every strategy that a request may name."""


def choose(catalogue: Catalogue, providers: Sequence[str], strategy: str) -> Choice:
    """Return the order that ``strategy`` makes of the enabled ``providers``' preferred models."""
    candidates = [model for provider in providers if (model := catalogue.preferred(provider))]
    models = tuple(STRATEGIES[strategy](candidates))
    return Choice(models=models, strategy=strategy, why=f"strategy {strategy} orders {_names(models)}")


def forced(catalogue: Catalogue, providers: Sequence[str], name: str) -> Choice:
    """Return the one model that the caller named, without fallback: another would betray the choice.

    Raises:
        CallerError: MODEL_NOT_FOUND, also for a model whose provider is not part of this mesh.
    """
    enabled = Catalogue(models=tuple(model for model in catalogue.models if model.provider in providers))
    model = enabled.named(name)
    return Choice(models=(model,), strategy="override", why=f"the caller named {model.name} of {model.provider}")


def _names(models: Sequence[Model]) -> str:
    return ", ".join(f"{model.provider} ({model.name})" for model in models) or "nobody"
