"""Which models may answer a request at all: they can do what it needs, hold it, are not away, and can be paid."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from services.chassis.errors import CallerError, Kind, MeshError, WorldError
from services.router.core.bound import Bound
from services.router.core.catalogue import Capability, Model
from services.router.core.request import Request
from services.router.core.strategy.ranking import Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A model that is not asked, and why."""

    model: Model
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligible:
    """The models that may be asked, in their order, and those that may not."""

    models: tuple[Model, ...]
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """One thing that a model must fulfil."""

    broken: Callable[[Model], str]
    """Return why a model may not be asked; empty where it may."""
    refusal: Callable[[Sequence[Model]], MeshError]
    """Return the error where none of these models may."""


def eligible(
    models: Sequence[Model], situation: Situation, bound: Bound, *, away: frozenset[str], limit_micro_usd: int
) -> Eligible:
    """Return which of ``models`` may answer, one request within ``bound`` costing ``limit_micro_usd`` at most.

    Raises:
        CallerError: CAPABILITY_MISSING, PROMPT_TOO_LONG or COST_LIMIT where none can do it, hold it or be paid.
        WorldError: PROVIDERS_UNAVAILABLE where all that could are away, or there is no model at all.
    """
    if not models:
        raise _no_model()
    left, left_out = tuple(models), []
    for rule in _rules(situation, bound, away, limit_micro_usd):
        broken = {model: why for model in left if (why := rule.broken(model))}
        if len(broken) == len(left):
            raise rule.refusal(left)
        left_out += [LeftOut(model=model, why=why) for model, why in broken.items()]
        left = tuple(model for model in left if model not in broken)
    within, beyond = _within_budget(left, situation.outlook.remaining_micro_usd, bound)
    return Eligible(models=within, left_out=(*left_out, *beyond))


def _within_budget(
    models: Sequence[Model], remaining: int | None, bound: Bound
) -> tuple[tuple[Model, ...], tuple[LeftOut, ...]]:
    """Return the models that the day's budget still pays, and the others.

    Where it pays none, the cheapest stays: the reservation refuses it with all its facts, and is never out of date.
    """
    if remaining is None:
        return tuple(models), ()
    within = tuple(model for model in models if bound.price(model) <= remaining)
    within = within or (min(models, key=bound.price),)
    why = f"could cost more than the {remaining} micro-dollars that the budget leaves"
    return within, tuple(LeftOut(model=m, why=f"{m.name} {why}") for m in models if m not in within)


def needed(request: Request) -> Iterator[Capability]:
    """Yield what a model must be able to do."""
    if request.json_schema:
        yield Capability.JSON_SCHEMA
    if request.streamed:
        yield Capability.STREAM


def _rules(situation: Situation, bound: Bound, away: frozenset[str], limit_micro_usd: int) -> Iterator[_Rule]:
    tokens, price = situation.input_tokens + situation.output_tokens, bound.price
    for capability in needed(situation.request):
        yield _can(capability)
    yield _Rule(
        broken=lambda model: _overfull(model, situation),
        refusal=lambda left: too_long(tokens, max(model.context_tokens for model in left)),
    )
    yield _Rule(
        broken=lambda model: f"{model.name} is left out: {model.provider} is away" if model.provider in away else "",
        refusal=lambda left: _all_away(left, situation.outlook.back_after_s),
    )
    yield _Rule(
        broken=lambda model: (
            f"{model.name} could cost {price(model)} micro-dollars and a request may cost {limit_micro_usd}"
            if price(model) > limit_micro_usd
            else ""
        ),
        refusal=lambda left: too_dear(min(map(price, left)), limit_micro_usd),
    )


def _overfull(model: Model, situation: Situation) -> str:
    read, write = situation.input_tokens, situation.output_tokens
    if model.fits(input_tokens=read, output_tokens=write):
        return ""
    return f"{model.name} cannot hold {read} + {write} tokens"


def _can(capability: Capability) -> _Rule:
    return _Rule(
        broken=lambda model: "" if capability in model.capabilities else f"{model.name} cannot do {capability}",
        refusal=lambda left: _cannot(capability, left),
    )


def too_long(tokens: int, limit: int) -> CallerError:
    """Return the error for a request of so many tokens where ``limit`` are allowed."""
    return CallerError(
        Kind.INVALID,
        "PROMPT_TOO_LONG",
        f"the request needs {tokens} tokens; {limit} are allowed",
        metadata={"tokens": str(tokens), "limit": str(limit)},
    )


def _cannot(capability: Capability, models: Sequence[Model]) -> CallerError:
    names = ",".join(model.name for model in models)
    return CallerError(
        Kind.PRECONDITION,
        "CAPABILITY_MISSING",
        f"no model of an enabled provider can do {capability}; ask without it, or enable a provider that can",
        metadata={"capability": capability.value, "models": names},
    )


def _all_away(models: Sequence[Model], back_after_s: float | None) -> WorldError:
    order = ",".join(dict.fromkeys(model.provider for model in models))
    return WorldError(
        Kind.UNAVAILABLE,
        "PROVIDERS_UNAVAILABLE",
        f"every provider that could answer is away: {order}",
        # The one degraded mode without a reply to declare it in (spec row ENG-12).
        metadata={"order": order, "last_reason": "PROVIDER_UNAVAILABLE", "degraded_mode": "OFFLINE", "attempts": "0"},
        retry_after_s=back_after_s,
    )


def _no_model() -> WorldError:
    return WorldError(
        Kind.UNAVAILABLE,
        "PROVIDERS_UNAVAILABLE",
        "no enabled provider has a model in the catalogue",
        metadata={"order": "", "last_reason": "MODEL_NOT_FOUND", "degraded_mode": "OFFLINE", "attempts": "0"},
    )


def too_dear(estimate: int, limit: int) -> CallerError:
    """Return the error for a request that could cost ``estimate`` micro-dollars where ``limit`` are allowed."""
    return CallerError(
        Kind.EXHAUSTED,
        "COST_LIMIT",
        f"the request could cost {estimate} micro-dollars; one request may cost {limit}",
        metadata={"scope": "request", "limit_micro_usd": str(limit), "estimate_micro_usd": str(estimate)},
    )
