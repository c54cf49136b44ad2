"""`magistrate decide`: one governed decision, with its evidence checked offline."""

from typing import Annotated, Never

import grpc
import typer

from magistrate.common.v1.task_pb2 import Domain, TaskType
from magistrate.engine.v1.engine_pb2 import DecideRequest, Decision, Question
from magistrate.engine.v1.engine_pb2_grpc import EngineServiceStub
from magistrate.router.v1.router_pb2 import PlanRouteRequest, RoutingRequest, VotingRule
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub
from tools.cli import plan_view
from tools.cli.arguments import DEFAULT_STATE, LARGEST, Json, State, Timeout
from tools.cli.choices import DomainChoice, TaskChoice, VoteChoice
from tools.cli.connection import connection
from tools.cli.decision_view import show
from tools.cli.marks import EXIT_CODES
from tools.cli.proof import checked
from tools.cli.screen import screen
from tools.cli.text import typed
from tools.cli.wire import as_text
from tools.up.options import Options

MAX_TOOLS = 1_000
_NO_VOTE = "VOTING_RULE_UNSPECIFIED"
_UNSEEN_VOTE = (
    "Where much depends on it the engine asks for a vote (MAGISTRATE_ENGINE_HIGH_IMPACT_VOTE, by majority unless set),"
    " which this plan does not show; name one with --vote to see who would vote."
)


def decide(
    query: Annotated[str, typer.Argument(help="The question; - reads it from standard input.", metavar="QUESTION")],
    *,
    pack: Annotated[str, typer.Option(help="Context pack; none means `default`.", metavar="ID")] = "",
    domain: Annotated[DomainChoice, typer.Option(help="Field of work.")] = DomainChoice.GENERAL,
    task: Annotated[TaskChoice, typer.Option(help="Kind of task.")] = TaskChoice.ANALYSIS,
    context: Annotated[str, typer.Option(help="Further context of yours.", metavar="TEXT")] = "",
    max_tokens: Annotated[int, typer.Option(min=0, max=LARGEST, help="Most tokens of the answer; 0 means 256.")] = 0,
    temperature: Annotated[float | None, typer.Option(help="0 to 2; none means the template's own.")] = None,
    strategy: Annotated[
        str, typer.Option(help="Routing strategy: configured, domain, cost, speed, quality, adaptive.", metavar="NAME")
    ] = "",
    model: Annotated[str, typer.Option(help="Model to use whatever the strategy says.", metavar="NAME")] = "",
    vote: Annotated[VoteChoice | None, typer.Option(help="How several models vote on the answer.")] = None,
    tools: Annotated[int, typer.Option(min=0, max=MAX_TOOLS, help="Tools that the answer may call for.")] = 0,
    subject: Annotated[str, typer.Option(help="Opaque id of the person it is about.", metavar="ID")] = "",
    strict_context: Annotated[bool, typer.Option(help="Fail where context is missing.")] = False,
    high_impact: Annotated[bool, typer.Option(help="Much depends on it: novel cases go to a person.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask a model even where an answer is kept.")] = False,
    request_id: Annotated[str, typer.Option(help="The same id returns the same decision.", metavar="ID")] = "",
    plan: Annotated[bool, typer.Option("--plan", help="Only show which models would be asked, and why.")] = False,
    timeout_s: Timeout = 60.0,
    state_dir: State = DEFAULT_STATE,
    as_json: Json = False,
) -> Never:
    """Decide one question, or with --plan explain which models would be asked, calling none.

    Exit code: 0 allowed, 3 allowed with constraints, 4 escalated to a person, 5 denied, 1 error, 2 usage.
    """
    question = Question(
        query=typed(query),
        context_pack_id=pack,
        domain=Domain.Value(f"DOMAIN_{domain.name}"),
        task_type=TaskType.Value(f"TASK_TYPE_{task.name}"),
        additional_context=typed(context),
        temperature=temperature,
        max_output_tokens=max_tokens,
        strategy=strategy,
        model=model,
        subject_id=subject,
        strict_context=strict_context,
        high_impact=high_impact,
        voting_rule=vote.value if vote else "",
        tool_count=tools,
        fresh=fresh,
    )
    with connection(state_dir) as channel:
        if plan:
            _plan(question, channel, timeout_s, as_json=as_json)
        reply = EngineServiceStub(channel).Decide(
            DecideRequest(question=question, request_id=request_id), timeout=timeout_s
        )
        if as_json:
            print(as_text(reply))
        else:
            _show(reply.decision, channel, state_dir)
    raise typer.Exit(EXIT_CODES.get(reply.decision.verdict, 1))


def _plan(question: Question, channel: grpc.Channel, timeout_s: float, *, as_json: bool) -> Never:
    """Show the route that ``question`` would take; its context, which is gathered first, is not counted."""
    rule = question.voting_rule
    routing = RoutingRequest(
        query=question.query,
        additional_context=question.additional_context,
        domain=question.domain,
        task_type=question.task_type,
        max_output_tokens=question.max_output_tokens,
        temperature=question.temperature if question.HasField("temperature") else None,
        strategy=question.strategy,
        model=question.model,
        voting_rule=VotingRule.Value(f"VOTING_RULE_{rule.upper()}" if rule not in {"", "none"} else _NO_VOTE),
        tool_count=question.tool_count,
    )
    reply = RouterServiceStub(channel).PlanRoute(PlanRouteRequest(routing=routing), timeout=timeout_s)
    if question.high_impact and not rule:
        typer.echo(_UNSEEN_VOTE, err=True)
    if as_json:
        print(as_text(reply))
    else:
        plan_view.show(reply, screen())
    raise typer.Exit


def _show(decision: Decision, channel: grpc.Channel, state_dir: State) -> None:
    proof = checked(decision, channel, Options(state=state_dir).folder)
    show(decision, proof, screen())
