"""`magistrate replay`: judge past decisions again from their evidence; no model is asked."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Never

import typer
from rich.console import Console
from rich.status import Status

from magistrate.engine.v1.engine_pb2 import (
    ReadjudicateRequest,
    ReadjudicateResponse,
    ReplayDecisionRequest,
    ReplaySummary,
)
from magistrate.engine.v1.engine_pb2_grpc import ReplayServiceStub
from tools.cli import replay_view
from tools.cli.arguments import DEFAULT_STATE, Json, State, Timeout
from tools.cli.connection import connection
from tools.cli.moments import HELP, limit_to
from tools.cli.policy_file import read_policy
from tools.cli.screen import screen
from tools.cli.wire import as_line, as_text
from tools.up.failures import StackError

DIFFERENT = 3
"""Exit code where something comes out otherwise than on record."""


def replay(
    decision_id: Annotated[
        str, typer.Argument(help="One decision, to be judged as it was judged.", metavar="DECISION")
    ] = "",
    *,
    since: Annotated[str, typer.Option(help=f"Instead: all decisions from here on. {HELP}.", metavar="TIME")] = "",
    until: Annotated[str, typer.Option(help="All decisions before this; now unless given.", metavar="TIME")] = "",
    policy: Annotated[
        str, typer.Option(help="Policy to judge by: NAME@VERSION, or a YAML or JSON file.", metavar="FILE|VERSION")
    ] = "",
    critic: Annotated[
        list[str] | None,
        typer.Option(help="Version of a critic to ask again; may be repeated.", metavar="NAME=VERSION"),
    ] = None,
    timeout_s: Timeout = 600.0,
    state_dir: State = DEFAULT_STATE,
    as_json: Json = False,
) -> Never:
    """Judge past decisions again: one as it was, or all of a time by another policy or other critics.

    Nothing is changed and no model is asked; the replay itself is put on record. With --json a replay of a time prints
    one object a line. Exit code: 0 all as on record, 3 something differs, 1 error, 2 usage.
    """
    if bool(decision_id) == bool(since):
        raise typer.BadParameter("give either a decision or --since TIME")
    if since and not (policy or critic):
        raise typer.BadParameter("say by what to judge: --policy, --critic or both")
    if decision_id and (until or policy or critic):
        raise typer.BadParameter("one decision is judged as it was judged: --until, --policy and --critic need --since")
    with connection(state_dir) as channel:
        stub = ReplayServiceStub(channel)
        if decision_id:
            differs = _one(stub, decision_id, timeout_s, as_json=as_json)
        else:
            differs = _many(stub, _request(since, until, policy, critic or []), timeout_s, as_json=as_json)
    raise typer.Exit(DIFFERENT if differs else 0)


def _one(stub: ReplayServiceStub, decision_id: str, timeout_s: float, *, as_json: bool) -> bool:
    reply = stub.ReplayDecision(ReplayDecisionRequest(decision_id=decision_id), timeout=timeout_s)
    if as_json:
        print(as_text(reply))
    else:
        replay_view.show_one(reply, screen())
    return not reply.same


def _many(stub: ReplayServiceStub, request: ReadjudicateRequest, timeout_s: float, *, as_json: bool) -> bool:
    answers = stub.Readjudicate(request, timeout=timeout_s)
    summary = _printed(answers) if as_json else _shown(answers)
    if summary is None:
        raise StackError("the replay broke off before its totals")
    return bool(summary.changed)


def _printed(answers: Iterator[ReadjudicateResponse]) -> ReplaySummary | None:
    summary = None
    for answer in answers:
        print(as_line(answer), flush=True)
        if answer.HasField("summary"):
            summary = answer.summary
    return summary


def _shown(answers: Iterator[ReadjudicateResponse]) -> ReplaySummary | None:
    """Show changes as they come, and on a terminal how far it is; the totals at last."""
    target, summary, heading = screen(), None, True
    with Status("judging again …", console=Console(file=sys.stderr)) as status:
        for answer in answers:
            match answer.WhichOneof("event"):
                case "change":
                    replay_view.show_change(answer.change, target, heading=heading)
                    heading = False
                case "progress":
                    status.update(replay_view.progress(answer.progress))
                case "summary":
                    summary = answer.summary
    if summary is not None:
        replay_view.show_summary(summary, target)
    return summary


def _request(since: str, until: str, policy: str, critics: list[str]) -> ReadjudicateRequest:
    request = ReadjudicateRequest(critics=[_version(word) for word in critics])
    limit_to(request, since, until)
    if "@" in policy and not Path(policy).exists():
        request.policy = policy
    elif policy:
        request.trial.CopyFrom(read_policy(Path(policy)))
    return request


def _version(word: str) -> str:
    name, separator, version = word.partition("=")
    if not (name and separator and version):
        raise typer.BadParameter(f"--critic must be NAME=VERSION, such as risk=2, not {word}")
    return f"{name}@{version}"
