"""`magistrate export`: hand evidence to strangers, in a folder that they can check without us."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from magistrate.recorder.v1.recorder_pb2 import ExportRequest
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from tools.archive import ArchiveError, Written, write
from tools.cli.arguments import DEFAULT_STATE, Json, State, Timeout
from tools.cli.connection import connection
from tools.cli.moments import Since, Until, limit_to
from tools.cli.screen import screen
from tools.up.failures import StackError


def export(
    target: Annotated[Path, typer.Argument(help="Folder to make; there must be none of that name.", metavar="FOLDER")],
    *,
    log: Annotated[str, typer.Option("--log", help="Which log; the tenant's current one without.")] = "",
    start: Annotated[int, typer.Option("--start", min=0, help="First index.")] = 0,
    end: Annotated[int, typer.Option("--end", min=0, help="One past the last index; 0 is the end.")] = 0,
    since: Since = "",
    until: Until = "",
    opened: Annotated[bool, typer.Option("--open", help="With the content, readable: no erasure reaches it.")] = False,
    sealed: Annotated[
        bool, typer.Option("--sealed", help="With the content, encrypted: it perishes with its key.")
    ] = False,
    subject: Annotated[str, typer.Option("--subject", help="Content about this person only.", metavar="ID")] = "",
    timeout_s: Timeout = 600.0,
    state_dir: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """Write a log, or a range of it, into FOLDER with all that is needed to check it offline. Times are UTC."""
    if subject and not (opened or sealed):
        raise typer.BadParameter("--subject chooses content: say --open or --sealed too")
    request = ExportRequest(
        origin=log,
        start_index=start,
        end_index=end,
        include_payloads=opened,
        include_sealed=sealed,
        subject_id=subject,
    )
    limit_to(request, since, until)
    with connection(state_dir) as channel:
        try:
            written = write(RecorderServiceStub(channel).Export(request, timeout=timeout_s), target)
        except ArchiveError as error:
            raise StackError(str(error)) from error
    if as_json:
        print(json.dumps(asdict(written) | {"folder": str(target)}, indent=2))
        return
    screen().print(_told(written))
    screen().print(f"check it with `magistrate verify {target}`")


def _told(written: Written) -> str:
    if written.start == written.stop:
        return f"no record of {written.origin}, which has {written.tree_size}, is in that range"
    content = f"with the content of {written.contents}" if written.contents else "without content"
    return f"records {written.start} to {written.stop - 1} of {written.origin}, {written.tree_size} in all, {content}"
