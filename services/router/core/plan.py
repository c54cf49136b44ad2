"""The whole decision about one request, made before anybody is called."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from services.chassis.errors import CallerError, Kind, MeshError, WorldError
from services.router.core import strategy as strategies
from services.router.core.catalogue import Catalogue, Model
from services.router.core.outlook import Outlook
from services.router.core.prompt import Prompt, Template, newest, render
from services.router.core.request import Limits, Request, check


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the configuration says about routing."""

    providers: tuple[str, ...]
    """Enabled providers in their configured order."""
    hedge_delay_s: float
    """Seconds after which the next provider joins."""
    limits: Limits
    strategy: str = "configured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Who is asked what, at which price."""

    models: tuple[Model, ...]
    """In the order of the tries, at least one, each of another provider."""
    strategy: str
    template: Template
    prompt: Prompt
    input_tokens: int
    """Of the prompt, estimated or counted."""
    output_tokens: int
    """Cap of the answer."""
    temperature: float
    hedge_delay_s: float
    """Infinite where nobody may join; a failure is followed all the same."""
    explanation: str
    streamed: bool = False

    @property
    def order(self) -> tuple[str, ...]:
        """Return the providers in the order of the tries."""
        return tuple(model.provider for model in self.models)

    @property
    def estimated_micro_usd(self) -> int:
        """Return what the first model costs with an answer at its cap."""
        return _worst_price(self.models[0], self.input_tokens, self.output_tokens)

    def is_near_a_limit(self, prompt_limit: int) -> bool:
        """Tell whether the prompt may be above half of what it may have, so that an estimate is not enough."""
        room = min(model.context_tokens for model in self.models) - self.output_tokens
        return 2 * self.prompt.cautious_tokens > min(room, prompt_limit)

    def model_of(self, provider: str) -> Model:
        """Return the model that ``provider`` is asked for; the first one where the provider is none of ours."""
        return next((model for model in self.models if model.provider == provider), self.models[0])


def plan(
    request: Request,
    policy: Policy,
    catalogue: Catalogue,
    templates: Sequence[Template],
    outlook: Outlook,
    *,
    counted_tokens: int | None = None,
) -> Plan:
    """Decide about ``request`` under ``outlook``; ``counted_tokens`` replaces the estimate where a tokenizer was asked.

    Raises:
        CallerError: FIELD_REQUIRED, FIELD_TOO_LONG, FIELD_OUT_OF_RANGE, MODEL_OVERRIDE_NOT_ALLOWED, MODEL_NOT_FOUND,
            PROMPT_TOO_LONG or COST_LIMIT.
        WorldError: PROVIDERS_UNAVAILABLE where no enabled provider has a model.
    """
    limits = policy.limits
    check(request, limits, strategies.STRATEGIES)
    template = newest(templates, request.domain, request.task)
    prompt = render(template, request)
    input_tokens = prompt.estimated_tokens if counted_tokens is None else counted_tokens
    output_tokens = request.max_output_tokens or limits.default_output_tokens
    if input_tokens > limits.prompt_tokens:
        raise _too_long(input_tokens, limits.prompt_tokens)
    choice = _choose(request, policy, catalogue, outlook)
    models, left_out = _admit(choice.models, input_tokens, output_tokens, limits.micro_usd)
    return Plan(
        models=models,
        strategy=choice.strategy,
        template=template,
        prompt=prompt,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        temperature=template.temperature if request.temperature is None else request.temperature,
        hedge_delay_s=(hedge_delay_s := _hedge_delay_s(models[0], policy, outlook)),
        explanation=_explain(choice.why, models, left_out, hedge_delay_s),
        streamed=request.streamed,
    )


def _hedge_delay_s(first: Model, policy: Policy, outlook: Outlook) -> float:
    if not outlook.may_hedge:
        return math.inf
    return outlook.hedge_delays_s.get(first.name, policy.hedge_delay_s)


def _choose(request: Request, policy: Policy, catalogue: Catalogue, outlook: Outlook) -> strategies.Choice:
    if request.model:
        choice = strategies.forced(catalogue, policy.providers, request.model)
        if choice.models[0].provider in outlook.away:
            raise _away(outlook)
        return choice
    present = tuple(provider for provider in policy.providers if provider not in outlook.away)
    if policy.providers and not present:
        raise _away(outlook)
    choice = strategies.choose(catalogue, present, request.strategy or policy.strategy)
    if not choice.models:
        raise WorldError(
            Kind.UNAVAILABLE,
            "PROVIDERS_UNAVAILABLE",
            "no enabled provider has a model in the catalogue",
            metadata={"order": ",".join(policy.providers), "last_reason": "MODEL_NOT_FOUND"},
        )
    return choice


def _admit(
    models: Sequence[Model], input_tokens: int, output_tokens: int, limit_micro_usd: int
) -> tuple[tuple[Model, ...], tuple[str, ...]]:
    """Return the models whose tries, all paid together, stay below the limit, and why each other one was left out."""
    admitted: list[Model] = []
    left_out: list[str] = []
    refusal: MeshError | None = None
    budget = limit_micro_usd
    for model in models:
        price = _worst_price(model, input_tokens, output_tokens)
        if not model.fits(input_tokens=input_tokens, output_tokens=output_tokens):
            left_out.append(f"{model.name} cannot hold {input_tokens} + {output_tokens} tokens")
            refusal = refusal or _too_long(input_tokens + output_tokens, model.context_tokens)
        elif price > budget:
            left_out.append(f"{model.name} could cost {price} micro-dollars and {budget} remain of the request's limit")
            refusal = refusal or _too_dear(price, limit_micro_usd)
        else:
            admitted.append(model)
            budget -= price
    if refusal and not admitted:
        raise refusal
    return tuple(admitted), tuple(left_out)


def _worst_price(model: Model, input_tokens: int, output_tokens: int) -> int:
    return model.price.of(input_tokens=input_tokens, output_tokens=output_tokens)


def _explain(why: str, models: Sequence[Model], left_out: Sequence[str], hedge_delay_s: float) -> str:
    first, *others = models
    parts = [f"{why}; {first.provider} is asked first"]
    if others:
        names = ", then ".join(model.provider for model in others)
        when = "on a failure" if math.isinf(hedge_delay_s) else f"after {hedge_delay_s:g} s or at once on a failure"
        parts.append(f"{names} joins {when}")
    return "; ".join((*parts, *left_out)) + "."


def _away(outlook: Outlook) -> WorldError:
    order = ",".join(sorted(outlook.away))
    return WorldError(
        Kind.UNAVAILABLE,
        "PROVIDERS_UNAVAILABLE",
        "every provider that may be asked has failed too often and rests",
        metadata={"order": order, "last_reason": "PROVIDER_UNAVAILABLE", "degraded_mode": "OFFLINE"},
        retry_after_s=outlook.back_after_s,
    )


def _too_long(tokens: int, limit: int) -> CallerError:
    return CallerError(
        Kind.INVALID,
        "PROMPT_TOO_LONG",
        f"the request needs {tokens} tokens; {limit} are allowed",
        metadata={"tokens": str(tokens), "limit": str(limit)},
    )


def _too_dear(estimate: int, limit: int) -> CallerError:
    return CallerError(
        Kind.EXHAUSTED,
        "COST_LIMIT",
        f"the request could cost {estimate} micro-dollars; one request may cost {limit}",
        metadata={"limit_micro_usd": str(limit), "estimate_micro_usd": str(estimate)},
    )
