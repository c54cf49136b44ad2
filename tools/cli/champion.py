"""`magistrate champion`: which model leads, why, and whether the log of scores says the same."""

import json
from dataclasses import asdict
from typing import Annotated

import grpc
import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from magistrate.common.v1.task_pb2 import Domain, TaskType
from magistrate.router.v1.router_pb2 import (
    ChampionChange,
    ChampionChangeKind,
    DemoteModelRequest,
    DemoteModelResponse,
    GetChampionRequest,
    GetChampionResponse,
    PromoteModelRequest,
    PromoteModelResponse,
    ScoreEntry,
    Standing,
)
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub
from tools.cli.arguments import DEFAULT_STATE, Json, State, Timeout
from tools.cli.champion_audit import Audit, Audited, audit
from tools.cli.choices import DomainChoice, TaskChoice
from tools.cli.connection import connection
from tools.cli.screen import listing, screen
from tools.cli.wire import as_dict, as_text
from tools.up.failures import StackError

app = typer.Typer(invoke_without_command=True, help="Show which model leads a domain and task, and change it.")
DomainOption = Annotated[DomainChoice, typer.Option("--domain", help="Field of work.")]
TaskOption = Annotated[TaskChoice, typer.Option("--task", help="Kind of task.")]
Reason = Annotated[str, typer.Option(help="Why, for the record.")]
Expected = Annotated[int, typer.Option("--expected-version", min=0, help="Version that you saw; 0 is any.")]
_PAGE = 1_000


@app.callback()
def champion(
    context: typer.Context,
    *,
    domain: DomainOption = DomainChoice.GENERAL,
    task: TaskOption = TaskChoice.ANALYSIS,
    audited: Annotated[bool, typer.Option("--audit", help="Compute everything again from the log of scores.")] = False,
    timeout_s: Timeout = 10.0,
    state_dir: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """Show champion, challengers, version, history and proposal."""
    if context.invoked_subcommand:
        return
    with connection(state_dir) as channel:
        request = GetChampionRequest(domain=_domain(domain), task_type=_task(task))
        told, scores = _read(channel, request, timeout_s, with_scores=audited)
    found = audit(told, scores) if audited else None
    if as_json:
        print(_json(told, found))
    else:
        _show(told, found)
    if found and not found.agrees:
        raise StackError("what is stored does not follow from the log of scores", hint="the figures are marked above")


@app.command()
def promote(
    model: Annotated[str, typer.Argument(help="Model to make the champion.", metavar="MODEL")],
    *,
    reason: Reason,
    domain: DomainOption = DomainChoice.GENERAL,
    task: TaskOption = TaskChoice.ANALYSIS,
    expected: Expected = 0,
    timeout_s: Timeout = 10.0,
    state_dir: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """Make a model the champion; the former champion again is a rollback."""
    with connection(state_dir) as channel:
        request = PromoteModelRequest(
            domain=_domain(domain), task_type=_task(task), model=model, expected_version=expected, reason=reason
        )
        reply = RouterServiceStub(channel).PromoteModel(request, timeout=timeout_s)
    _changed(reply, as_json=as_json)


@app.command()
def demote(
    model: Annotated[str, typer.Argument(help="Champion to take down.", metavar="MODEL")],
    *,
    reason: Reason,
    domain: DomainOption = DomainChoice.GENERAL,
    task: TaskOption = TaskChoice.ANALYSIS,
    expected: Expected = 0,
    timeout_s: Timeout = 10.0,
    state_dir: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """Take the champion down; the best challenger follows."""
    with connection(state_dir) as channel:
        request = DemoteModelRequest(
            domain=_domain(domain), task_type=_task(task), model=model, expected_version=expected, reason=reason
        )
        reply = RouterServiceStub(channel).DemoteModel(request, timeout=timeout_s)
    _changed(reply, as_json=as_json)


def _read(
    channel: grpc.Channel, request: GetChampionRequest, timeout_s: float, *, with_scores: bool
) -> tuple[GetChampionResponse, list[ScoreEntry]]:
    """Return the first reading and, page by page, the scores; those that came in meanwhile have later versions."""
    router = RouterServiceStub(channel)
    request.score_page_size = _PAGE if with_scores else 0
    first = page = router.GetChampion(request, timeout=timeout_s)
    scores = list(page.scores)
    while page.next_score_page_token:
        request.score_page_token = page.next_score_page_token
        page = router.GetChampion(request, timeout=timeout_s)
        scores.extend(page.scores)
    return first, scores


def _changed(reply: PromoteModelResponse | DemoteModelResponse, *, as_json: bool) -> None:
    if as_json:
        print(as_text(reply))
    elif reply.HasField("change"):
        print(f"{_sentence(reply.change)} (version {reply.version}).")
    else:
        print(f"Nothing to change: it is the champion already (version {reply.version}).")


def _show(told: GetChampionResponse, found: Audit | None) -> None:
    if not told.version:
        screen().print("No score yet: the configured order counts.")
        return
    acts = "the rules change it" if told.auto_promote else "the rules only propose"
    parts: list[Table | Text] = [_standings(told), Text(f"\nversion {told.version}; {acts}")]
    if told.HasField("proposal"):
        parts.append(Text(f"proposal: {_sentence(told.proposal)}: {told.proposal.reason}"))
    if told.history:
        parts += [Text(), _history(told)]
    if found:
        parts += [Text(), _audited(found), Text("\n" + _verdict(found))]
    screen().print(Group(*parts))


def _standings(told: GetChampionResponse) -> Table:
    columns = ("", "model", "average", "scores", "mean 50", "deviation", "lowest", "peak", "trend", "proved")
    table = listing(*columns)
    if told.HasField("champion"):
        table.add_row("champion", *_standing(told.champion))
    for challenger in told.challengers:
        table.add_row("", *_standing(challenger))
    return table


def _standing(standing: Standing) -> tuple[str, ...]:
    if not standing.count:
        return (standing.model, "-", "0", "-", "-", "-", "-", "-", "-")
    figures = (standing.mean, standing.deviation, standing.lowest, standing.peak)
    proved = f"{standing.lower_bound:.3f} to {standing.upper_bound:.3f}"
    shown = tuple(f"{figure:.3f}" for figure in figures)
    return (standing.model, f"{standing.ema:.3f}", str(standing.count), *shown, f"{standing.trend:+.3f}", proved)


def _history(told: GetChampionResponse) -> Table:
    table = listing("changed (UTC)", "version", "what", "by", "why")
    for change in told.history:
        at = change.changed_at.ToDatetime()
        table.add_row(f"{at:%Y-%m-%d %H:%M:%S}", str(change.version), _sentence(change), change.actor, change.reason)
    return table


def _audited(found: Audit) -> Table:
    table = listing("by the log", "average", "scores", "stored", "draws", "if always first")
    for each in found.models:
        stored = f"differs: {', '.join(each.differs)}" if each.differs else "the same"
        row = (f"{each.standing.ema:.3f}", str(each.standing.count), stored, str(each.estimate.draws), _estimate(each))
        table.add_row(each.model, *row)
    return table


def _estimate(audited: Audited) -> str:
    estimate = audited.estimate
    if estimate.value is None:
        return "not drawn yet"
    if estimate.low is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _verdict(found: Audit) -> str:
    if found.agrees:
        return "Standings and versions follow from the log of scores."
    return "; ".join(("Stored and logged differ", *found.faults)) + "."


def _sentence(change: ChampionChange) -> str:
    if not change.previous:
        return f"{change.champion} is the first"
    kind = ChampionChangeKind.Name(change.kind).removeprefix("CHAMPION_CHANGE_KIND_").lower()
    return f"{kind}: {change.champion} follows {change.previous}"


def _json(told: GetChampionResponse, found: Audit | None) -> str:
    shown = as_dict(told)
    shown.pop("scores", None)
    shown.pop("nextScorePageToken", None)
    if found:
        shown["audit"] = {
            "agrees": found.agrees,
            "faults": list(found.faults),
            "models": [
                {
                    "standing": as_dict(each.standing),
                    "differs": list(each.differs),
                    "estimate": asdict(each.estimate),
                }
                for each in found.models
            ],
        }
    return json.dumps(shown, indent=2)


def _domain(domain: DomainChoice) -> "Domain.ValueType":
    return Domain.Value(f"DOMAIN_{domain.name}")


def _task(task: TaskChoice) -> "TaskType.ValueType":
    return TaskType.Value(f"TASK_TYPE_{task.name}")
