"""`magistrate erase`: make all content about one person unreadable, at everybody who keeps any."""

import time
import uuid
from typing import Annotated

import grpc
import typer
from rich.console import Console

from magistrate.engine.v1.engine_pb2 import EraseSubjectRequest, Erasure, GetErasureRequest
from magistrate.engine.v1.engine_pb2_grpc import ErasureServiceStub
from magistrate.recorder.v1.recorder_pb2 import ListRecordsRequest
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from tools.cli.arguments import DEFAULT_STATE, Json, State, Timeout
from tools.cli.connection import connection
from tools.cli.records import listed
from tools.cli.screen import listing, screen
from tools.cli.wire import as_text
from tools.up.failures import StackError

LOOK_S = 0.5
"""Seconds between two looks at an erasure that owners are still to confirm."""


def erase(
    subject: Annotated[
        str, typer.Argument(help="The person: --subject of decisions, or the subject of who asked.", metavar="SUBJECT")
    ] = "",
    *,
    basis: Annotated[str, typer.Option("--basis", help="Legal basis; it stands in the log and must name nobody.")] = "",
    status: Annotated[
        str, typer.Option("--status", help="Instead: how far this erasure has come.", metavar="ERASURE_ID")
    ] = "",
    timeout_s: Timeout = 30.0,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    state_dir: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """Erase a person at every owner of content. It cannot be undone; every proof stays valid. Admins only.

    Ends with 0 once all owners have confirmed, with 1 where one has not yet: it is asked again until it has.
    """
    if bool(subject) == bool(status) or bool(subject) != bool(basis):
        raise typer.BadParameter("give a person and --basis, or --status ERASURE_ID")
    with connection(state_dir) as channel:
        if subject and not yes:
            typer.confirm("Erase for ever all content about this person?", abort=True, err=True)
        stub = ErasureServiceStub(channel)
        if status:
            erasure = stub.GetErasure(GetErasureRequest(erasure_id=status), timeout=timeout_s).erasure
        else:
            request = EraseSubjectRequest(subject_id=subject, legal_basis=basis)
            erasure = _confirmed(stub, _until_answered(stub, request, timeout_s), timeout_s)
        late = "" if as_json else _late(channel, erasure.erasure_id, timeout_s)
    if as_json:
        print(as_text(erasure))
    else:
        show(erasure, late, screen())
    if waiting := [owner.owner for owner in erasure.owners if not owner.confirmed]:
        hint = f"`magistrate erase --status {erasure.erasure_id}` tells how far it has come"
        raise StackError(f"not yet confirmed by {', '.join(waiting)}; it goes on by itself", hint=hint)


def show(erasure: Erasure, late: str, target: Console) -> None:
    """Show which owners have confirmed, and what came too late to be erased."""
    target.print(f"erasure {erasure.erasure_id}, {erasure.legal_basis}")
    table = listing("owner", "confirmed", "pieces")
    for owner in erasure.owners:
        table.add_row(owner.owner, "yes" if owner.confirmed else "not yet", str(owner.erased_count))
    target.print(table)
    if erasure.HasField("evidence"):
        target.print(f"on record at index {erasure.evidence.index} of {erasure.evidence.origin}")
    else:
        target.print("the log had nothing readable about this person")
    if late:
        target.print(late)
    later = "all owners are asked once more when no call that began before can still be running"
    target.print("complete" if erasure.complete else later)


def _until_answered(stub: ErasureServiceStub, request: EraseSubjectRequest, timeout_s: float) -> Erasure:
    """Ask, and once more under the same request id where the first answer was lost: it is the same erasure then."""
    metadata = (("x-request-id", str(uuid.uuid4())),)
    try:
        return stub.EraseSubject(request, timeout=timeout_s, metadata=metadata).erasure
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
    return stub.EraseSubject(request, timeout=timeout_s, metadata=metadata).erasure


def _late(channel: grpc.Channel, erasure_id: str, timeout_s: float) -> str:
    """Return how many records came after the erasure and lost their content on the way in; empty for none."""
    request = ListRecordsRequest(attributes={"erasure_id": erasure_id}, page_size=1000)
    try:
        count = sum(1 for _ in listed(RecorderServiceStub(channel), request, timeout_s))
    except grpc.RpcError:
        return "the log does not answer, so it is not known what came to it later"
    return f"recorded without content since: {count}, which happened before it" if count else ""


def _confirmed(stub: ErasureServiceStub, erasure: Erasure, timeout_s: float) -> Erasure:
    """Look until every owner has confirmed, or the time is over."""
    ends_at = time.monotonic() + timeout_s
    while not all(owner.confirmed for owner in erasure.owners) and time.monotonic() < ends_at:
        time.sleep(LOOK_S)
        erasure = stub.GetErasure(GetErasureRequest(erasure_id=erasure.erasure_id), timeout=timeout_s).erasure
    return erasure
