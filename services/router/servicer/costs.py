"""What was spent, on the wire."""

from magistrate.common.v1 import usage_pb2
from magistrate.router.v1 import router_pb2 as pb
from services.router.core.spend.limits import Limit
from services.router.core.spend.statement import Balance, ModelSpend, Statement
from services.router.spending.costs import Costs

_LARGEST = 2**31 - 1
"""Of the message that all services share for tokens."""


async def summary(costs: Costs, tenant: str, request: pb.GetCostSummaryRequest) -> pb.GetCostSummaryResponse:
    """Return the day that is asked for."""
    statement = await costs.of(request.day)
    limit = costs.budgets.of(tenant, "").tenant
    users = (_user(user, costs.budgets.of(tenant, user.subject).user) for user in statement.users)
    return _reply(statement, limit, list(users))


def _reply(statement: Statement, limit: Limit, users: list[pb.UserCost]) -> pb.GetCostSummaryResponse:
    whole = statement.tenant
    return pb.GetCostSummaryResponse(
        day=statement.day.isoformat(),
        total=_money(whole.spent_micro_usd),
        requests=whole.requests,
        daily_limit=_money(limit.micro_usd),
        remaining=_money(whole.remaining(limit)),
        held=_money(whole.held_micro_usd),
        by_model=[_model(model) for model in statement.models],
        by_user=users,
    )


def _user(user: Balance, limit: Limit) -> pb.UserCost:
    return pb.UserCost(
        subject=user.subject,
        cost=_money(user.spent_micro_usd),
        requests=user.requests,
        held=_money(user.held_micro_usd),
        daily_limit=_money(limit.micro_usd),
        remaining=_money(user.remaining(limit)),
    )


def _model(spend: ModelSpend) -> pb.ModelCost:
    return pb.ModelCost(
        model=spend.model,
        provider=spend.provider,
        attempts=spend.attempts,
        usage=usage_pb2.TokenUsage(
            input_tokens=min(spend.input_tokens, _LARGEST),
            output_tokens=min(spend.output_tokens, _LARGEST),
            estimated=spend.estimated,
        ),
        cost=_money(spend.micro_usd),
        input_tokens=spend.input_tokens,
        output_tokens=spend.output_tokens,
    )


def _money(micro_usd: int | None) -> usage_pb2.Money | None:
    return None if micro_usd is None else usage_pb2.Money(micro_usd=micro_usd)
