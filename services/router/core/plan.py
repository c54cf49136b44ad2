"""The whole decision about one request, made before anybody is called."""

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
    explanation: str

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
    choice = _choose(request, policy, catalogue)
    models, left_out = _admit(choice.models, input_tokens, output_tokens, limits.micro_usd)
    return Plan(
        models=models,
        strategy=choice.strategy,
        template=template,
        prompt=prompt,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        temperature=template.temperature if request.temperature is None else request.temperature,
        hedge_delay_s=(hedge_delay_s := outlook.hedge_delays_s.get(models[0].name, policy.hedge_delay_s)),
        explanation=_explain(choice.why, models, left_out, hedge_delay_s),
    )


def _choose(request: Request, policy: Policy, catalogue: Catalogue) -> strategies.Choice:
    if request.model:
        return strategies.forced(catalogue, policy.providers, request.model)
    choice = strategies.choose(catalogue, policy.providers, request.strategy or policy.strategy)
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
        parts.append(f"{names} joins after {hedge_delay_s:g} s or at once on a failure")
    return "; ".join((*parts, *left_out)) + "."


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
