"""The whole decision about one request, made before anybody is called."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.router.core.admission import Purse
from services.router.core.bound import Bound
from services.router.core.catalogue import Catalogue, Model
from services.router.core.eligibility import Eligible, LeftOut, eligible, too_long
from services.router.core.explanation import explain
from services.router.core.outlook import Outlook
from services.router.core.prompt import Prompt, Template, newest, render
from services.router.core.request import Limits, Request, VotingRule, check
from services.router.core.strategy import STRATEGIES, Choice, Situation, choose, forced
from services.router.core.vote import Seat, seat_all

_PLACES = ("primary", "secondary", "emergency")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the configuration says about routing."""

    providers: tuple[str, ...]
    """Enabled providers in their configured order."""
    hedge_delay_s: float
    """Seconds after which the next provider joins."""
    limits: Limits
    strategy: str = "configured"
    """The default."""
    explore_share: float = 0.0
    """Part of the calls by domain whose first model is a challenger."""
    near_cap_requests: int = 10
    """A model steps back where the day's budget could not pay so many requests of it."""
    voters: int = 3
    """Models that vote where a vote is asked for, if there are as many."""
    ask_when_all_away: bool = False
    """Whether providers are asked all the same where every one is away."""


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
    json_schema: str = ""
    figures: Mapping[str, str] = field(default_factory=dict)
    """What the strategy weighed, by name of the model; a name that is not there had nothing weighed."""
    left_out: tuple[LeftOut, ...] = ()
    champion_version: int = 0
    """Version of the standings that had a say; 0 where none had."""
    propensity: float = 1.0
    """Probability with which the first model came first."""
    explored: bool = False
    """Whether a challenger came first for the sake of learning."""
    complexity: float | None = None
    """0 to 1, where the strategy weighed it."""
    voting_rule: VotingRule | None = None
    seats: tuple[Seat, ...] = ()
    """Who votes, where a vote is asked for."""

    @property
    def order(self) -> tuple[str, ...]:
        """Return the providers in the order of the tries."""
        return tuple(model.provider for model in self.models)

    @property
    def estimated_micro_usd(self) -> int:
        """Return what the first model costs with an answer at its cap, or all voters where there is a vote."""
        asked = [seat.model for seat in self.seats] or self.models[:1]
        return sum(self.price_of(model) for model in asked)

    def price_of(self, model: Model) -> int:
        """Return what ``model`` costs with an answer at its cap."""
        return model.price.of(input_tokens=self.input_tokens, output_tokens=self.output_tokens)

    def place_of(self, provider: str) -> str:
        """Return the place of ``provider`` in the order: primary, secondary or emergency (spec row RTR-02)."""
        place = self.order.index(provider) if provider in self.order else 0
        return _PLACES[min(place, len(_PLACES) - 1)]

    def alone(self, model: Model) -> "Plan":
        """Return the plan that asks nobody but ``model``."""
        return replace(self, models=(model,), voting_rule=None, seats=())

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
        CallerError: FIELD_REQUIRED, FIELD_TOO_LONG, FIELD_OUT_OF_RANGE, FIELD_MALFORMED, MODEL_OVERRIDE_NOT_ALLOWED,
            MODEL_NOT_FOUND, CAPABILITY_MISSING, PROMPT_TOO_LONG or COST_LIMIT.
        WorldError: PROVIDERS_UNAVAILABLE where no enabled provider has a model, or all that could answer are away.
    """
    check(request, policy.limits, STRATEGIES)
    template = newest(templates, request.domain, request.task)
    prompt = render(template, request)
    tokens = prompt.estimated_tokens if counted_tokens is None else counted_tokens
    situation = _situation(request, policy, catalogue, outlook, tokens)
    bound = Bound.of(prompt, json_schema=request.json_schema, output_tokens=situation.output_tokens)
    found = _eligible(situation, bound, policy, catalogue)
    choice = _choose(found.models, situation, policy)
    purse = Purse.of(situation, bound, limit_micro_usd=policy.limits.micro_usd)
    seats, models = _line_up(choice, situation, policy, purse)
    draft = Plan(
        models=models,
        strategy="override" if request.model else request.strategy or policy.strategy,
        template=template,
        prompt=prompt,
        input_tokens=tokens,
        output_tokens=situation.output_tokens,
        temperature=template.temperature if request.temperature is None else request.temperature,
        hedge_delay_s=_hedge_delay_s(models[0], policy, outlook),
        explanation="",
        streamed=request.streamed,
        json_schema=request.json_schema,
        figures=choice.ranking.figures,
        left_out=(*found.left_out, *purse.left_out),
        champion_version=choice.ranking.champion_version,
        propensity=choice.ranking.propensity,
        explored=choice.ranking.explored,
        complexity=choice.ranking.complexity,
        voting_rule=request.voting_rule,
        seats=seats,
    )
    return replace(draft, explanation=explain(draft, choice, wanted=policy.voters))


def _situation(request: Request, policy: Policy, catalogue: Catalogue, outlook: Outlook, tokens: int) -> Situation:
    limits = policy.limits
    if tokens > limits.prompt_tokens:
        raise too_long(tokens, limits.prompt_tokens)
    return Situation(
        request=request,
        outlook=outlook,
        input_tokens=tokens,
        output_tokens=request.max_output_tokens or limits.default_output_tokens,
        preferred=catalogue.preferences.get(request.domain, ()),
        # Voters are all asked, so there is nothing to draw.
        explore_share=0.0 if request.voting_rule else policy.explore_share,
    )


def _eligible(situation: Situation, bound: Bound, policy: Policy, catalogue: Catalogue) -> Eligible:
    request, away = situation.request, situation.outlook.away
    offered = catalogue.offered(policy.providers)
    models = (Catalogue(models=offered).named(request.model),) if request.model else offered
    if policy.ask_when_all_away and away.issuperset(model.provider for model in models):
        away = frozenset()
    return eligible(models, situation, bound, away=away, limit_micro_usd=policy.limits.micro_usd)


def _choose(candidates: Sequence[Model], situation: Situation, policy: Policy) -> Choice:
    request = situation.request
    if request.model:
        return Choice(ranking=forced(candidates[0]))
    strategy = STRATEGIES[request.strategy or policy.strategy]
    return choose(strategy, candidates, situation, stretch=policy.near_cap_requests)


def _line_up(
    choice: Choice, situation: Situation, policy: Policy, purse: Purse
) -> tuple[tuple[Seat, ...], tuple[Model, ...]]:
    """Return who votes, nobody where no vote is asked for, and who is asked in which order, one model a provider."""
    rule = situation.request.voting_rule
    if rule is None:
        return (), purse.one_a_provider(choice.ranking.models)
    voters = purse.panel(choice.ranking.models, policy.voters)
    first_of = {model.provider: model for model in reversed(voters)}
    order = tuple(model for model in voters if first_of[model.provider] == model)
    return seat_all(rule, [(model, situation.quality(model)) for model in voters]), order


def _hedge_delay_s(first: Model, policy: Policy, outlook: Outlook) -> float:
    if not outlook.may_hedge:
        return math.inf
    return outlook.hedge_delays_s.get(first.name, policy.hedge_delay_s)
