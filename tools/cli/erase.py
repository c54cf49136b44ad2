"""`magistrate erase`: make all recorded content about one person unreadable."""

import uuid
from typing import Annotated

import grpc
import typer
from google.protobuf.json_format import MessageToJson
from rich.text import Text

from magistrate.recorder.v1.recorder_pb2 import EraseSubjectRequest, EraseSubjectResponse
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from tools.cli.arguments import DEFAULT_STATE, Json, State
from tools.cli.connection import connection
from tools.cli.screen import screen


def erase(
    *,
    subject: Annotated[str, typer.Argument(help="The person, as the subject id of the decisions.")],
    basis: Annotated[str, typer.Option("--basis", help="Legal basis; it stands in the log and must name nobody.")],
    timeout_s: Annotated[float, typer.Option("--timeout", min=0.001, help="Seconds to wait.")] = 30.0,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    state_dir: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """Destroy the keys of all evidence about a person. It cannot be undone; every proof stays valid. Admins only."""
    if not yes:
        typer.confirm("Erase for ever all recorded content about this person?", abort=True, err=True)
    request = EraseSubjectRequest(subject_id=subject, legal_basis=basis)
    with connection(state_dir) as channel:
        reply = _until_answered(RecorderServiceStub(channel), request, timeout_s)
    if as_json:
        print(MessageToJson(reply, always_print_fields_with_no_presence=True))
        return
    screen().print(_told(reply))


def _until_answered(stub: RecorderServiceStub, request: EraseSubjectRequest, timeout_s: float) -> EraseSubjectResponse:
    """Ask, and once more under the same request id where the first answer was lost: it is then answered alike."""
    metadata = (("x-request-id", str(uuid.uuid4())),)
    try:
        return stub.EraseSubject(request, timeout=timeout_s, metadata=metadata)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
    return stub.EraseSubject(request, timeout=timeout_s, metadata=metadata)


def _told(reply: EraseSubjectResponse) -> Text:
    if not reply.erased_count:
        return Text("Nothing readable was recorded about this person.")
    place = reply.position
    return Text.assemble(
        (f"{reply.erased_count} records erased", "bold"), f"; on record at index {place.index} of {place.origin}"
    )
