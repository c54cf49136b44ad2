"""`magistrate records`: find evidence by what it says."""

import itertools
import json
from collections.abc import Iterator
from datetime import UTC
from typing import Annotated

import typer

from magistrate.recorder.v1.recorder_pb2 import ListRecordsRequest, Record, RecordKind
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from tools.cli.arguments import DEFAULT_STATE, Json, State, Timeout
from tools.cli.choices import CriticChoice, KindChoice, VerdictChoice
from tools.cli.connection import connection
from tools.cli.moments import Since, Until, limit_to
from tools.cli.screen import listing, screen
from tools.cli.wire import as_line

LARGEST_PAGE = 1000


def records(
    *,
    log: Annotated[str, typer.Option("--log", help="Which log; the current one unless given.")] = "",
    decision: Annotated[str, typer.Option(help="Only this decision.", metavar="ID")] = "",
    kind: Annotated[KindChoice | None, typer.Option(help="Only records of this kind.")] = None,
    verdict: Annotated[VerdictChoice | None, typer.Option(help="Only decisions with this verdict.")] = None,
    model: Annotated[str, typer.Option(help="Only decisions by this model.", metavar="NAME")] = "",
    critic: Annotated[
        CriticChoice | None, typer.Option(help="Only decisions in which this critic found something or was away.")
    ] = None,
    fact: Annotated[
        list[str] | None, typer.Option(help="Only records that say this; may be repeated.", metavar="NAME=VALUE")
    ] = None,
    still_open: Annotated[bool, typer.Option("--open", help="Only intents without an outcome.")] = False,
    since: Since = "",
    until: Until = "",
    limit: Annotated[int, typer.Option(min=1, help="Most records to show.")] = 100,
    timeout_s: Timeout = 10.0,
    state_dir: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """List evidence in the order of the log; its content stays closed. --json prints one record a line."""
    request = ListRecordsRequest(
        origin=log,
        decision_id=decision,
        kind=RecordKind.Value(f"RECORD_KIND_{kind.name if kind else 'UNSPECIFIED'}"),
        verdict=verdict.value if verdict else "",
        model=model,
        critic=critic.value if critic else "",
        attributes=dict(map(_fact, fact or [])),
        open_intents=still_open,
        page_size=min(limit, LARGEST_PAGE),
    )
    limit_to(request, since, until)
    with connection(state_dir) as channel:
        found = itertools.islice(listed(RecorderServiceStub(channel), request, timeout_s), limit)
        if as_json:
            for record in found:
                print(as_line(record))
        else:
            _show(list(found))


def listed(stub: RecorderServiceStub, request: ListRecordsRequest, timeout_s: float) -> Iterator[Record]:
    """Yield all records that are asked for, page by page: a page may be short or empty before the last one.

    Raises:
        grpc.RpcError: a call failed, each of which may take ``timeout_s``.
    """
    while True:
        page = stub.ListRecords(request, timeout=timeout_s)
        yield from page.records
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def _fact(word: str) -> tuple[str, str]:
    name, separator, value = word.partition("=")
    if not (name and separator):
        raise typer.BadParameter(f"--fact must be NAME=VALUE, such as released=no, not {word}")
    return name, value


def _show(found: list[Record]) -> None:
    if not found:
        screen().print("No record is like that.")
        return
    table = listing("index", "recorded (UTC)", "kind", "decision", "says")
    for record in found:
        facts = json.loads(record.envelope)["attributes"]
        table.add_row(
            str(record.position.index),
            f"{record.recorded_at.ToDatetime(tzinfo=UTC):%Y-%m-%d %H:%M:%S}",
            RecordKind.Name(record.kind).removeprefix("RECORD_KIND_").lower(),
            record.decision_id,
            ", ".join(f"{name}={value}" for name, value in facts.items()),
        )
    screen().print(table)
