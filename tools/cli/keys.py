"""`magistrate keys`: the keys that sign the evidence; one follows another without a proof that stops to hold."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import grpc
import psycopg
import typer

from magistrate.recorder.v1 import recorder_pb2 as pb
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from tools.certs.publish import write_private
from tools.cli.arguments import DEFAULT_STATE, Json, State
from tools.cli.connection import connection
from tools.cli.proof import bundle_of
from tools.cli.screen import listing, screen
from tools.cli.text import counted
from tools.up.control import serving
from tools.up.database import DATABASE
from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.options import Options
from tools.up.postgres import NAME, login
from tools.up.signing import show_keys
from tools.verify import keys as files
from tools.verify.follow import Ended, Sighting, ending, follow, sighting
from tools.verify.keys import VERIFIER_KEY
from tools.verify.note import is_signed, read_keys

app = typer.Typer(no_args_is_help=True, help="Show and replace the keys that sign the evidence.")

CALL_S = 10.0
_NEWEST = "all that no former key does"
_UNFOLLOWED = "all; `magistrate keys follow` finds out up to where"
OLDEST_YEAR = 2024
_HALF = re.compile(r"(.*)/(\d{4})h([12])")
OPEN = """
select distinct on (h.tenant, h.origin) h.origin, c.note
from recorder.head h join recorder.checkpoint c using (log)
where h.tenant = '' or h.origin like %s order by h.tenant, h.origin, c.size desc"""


@app.command()
def show(state_dir: State = DEFAULT_STATE, as_json: Json = False) -> None:
    """Show every key that ever signed, the newest first, and how far each counts."""
    folder = Options(state=state_dir).folder
    keys = list(zip(_lines(folder), read_keys(_text(folder.verifier_key)), strict=True))
    if as_json:
        print(json.dumps([{"key": line, "upto": key.upto} for line, key in keys], indent=2))
        return
    table = listing("key", "signs")
    for place, (line, key) in enumerate(keys):
        ranges = [f"{origin} up to size {size}" for origin, size in sorted((key.upto or {}).items())]
        table.add_row(line, "\n".join(ranges) or (_UNFOLLOWED if place else _NEWEST))
    screen().print(table)


@app.command()
def rotate(state_dir: State = DEFAULT_STATE) -> None:
    """Make a new signing key. It is announced in every open log, and both keys sign until `magistrate keys retire`."""
    folder = Options(state=state_dir).folder
    _text(folder.secrets / VERIFIER_KEY)
    line = files.succeed(folder.secrets)
    show_keys(folder)
    print(line)
    screen().print(
        "Both keys sign once it is announced. Give this line to whoever verifies, then retire the former key."
    )


@app.command()
def retire(state_dir: State = DEFAULT_STATE) -> None:
    """Destroy every signing key but the newest, once that one signs all open logs. Old signatures still verify."""
    folder = Options(state=state_dir).folder
    if waiting := _unsigned(folder):
        raise StackError(
            f"the newest key does not sign {', '.join(waiting)} yet",
            hint="it does once it is announced there: try again",
        )
    screen().print(f"{counted(files.retire(folder.secrets), 'former signing key')} destroyed.")


@app.command(name="follow")
def follow_keys(
    *,
    key_file: Annotated[
        Path | None, typer.Option("--key", help="Verifier key file to start from and to write.")
    ] = None,
    state_dir: State = DEFAULT_STATE,
) -> None:
    """Learn from the logs which key followed which, and from what size on; write it into the verifier key file."""
    folder = Options(state=state_dir).folder
    path = key_file or folder.secrets / VERIFIER_KEY
    keys = _text(path)
    with connection(state_dir) as channel:
        stub = RecorderServiceStub(channel)
        current = stub.GetCheckpoint(pb.GetCheckpointRequest(), timeout=CALL_S).origin
        seen = [found for origin in _streams(current) for found in _announced(stub, origin, keys)]
        ended = list(_ended(stub, current, keys))
    write_private(path, follow(keys, seen, ended).encode())
    if key_file is None:
        show_keys(folder)
    told = f"{counted(len(seen), 'announcement')} followed; {path} says how far each key counts."
    screen().print(told, soft_wrap=True)


@app.command()
def witness(
    target: Annotated[Path, typer.Argument(help="Folder that gets witness.pem and witness.vkey.", metavar="FOLDER")],
    name: Annotated[str, typer.Option(help="Name in every cosignature, such as witness.example.org/w1.")],
    *,
    post_quantum: Annotated[
        bool, typer.Option("--post-quantum", help="An ML-DSA-44 key instead of an Ed25519 key.")
    ] = False,
) -> None:
    """Make the key of a witness, for whoever runs one outside of this deployment; it needs no stack."""
    try:
        print(files.generate_witness(target, name, post_quantum=post_quantum))
    except ValueError as error:
        raise StackError(str(error)) from error


def _announced(stub: RecorderServiceStub, origin: str, keys: str) -> Iterator[Sighting]:
    """Yield every key that one log announces, each from a proof that is checked with the known keys."""
    request = pb.ListRecordsRequest(origin=origin, kind=pb.RECORD_KIND_KEY)
    try:
        records = stub.ListRecords(request, timeout=CALL_S).records
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.NOT_FOUND:
            return
        raise
    for record in records:
        at = pb.LogIndex(origin=record.position.origin, index=record.position.index)
        reply = stub.GetInclusionProof(pb.GetInclusionProofRequest(at=at), timeout=CALL_S)
        try:
            yield sighting(bundle_of(reply), keys)
        except ValueError as error:
            hint = "start from a key that was known when the newest was announced, or export the log"
            raise StackError(f"record {at.index} of {at.origin} does not verify: {error}", hint=hint) from error


def _ended(stub: RecorderServiceStub, current: str, keys: str) -> Iterator[Ended]:
    """Yield the logs of former half-years."""
    for origin in _earlier(current):
        for stream in _streams(origin):
            try:
                reply = stub.GetCheckpoint(pb.GetCheckpointRequest(origin=stream), timeout=CALL_S)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
                continue
            try:
                yield ending(reply.checkpoint, keys)
            except ValueError as error:
                raise StackError(str(error), hint="start from a key that was known then") from error


def _streams(origin: str) -> tuple[str, str]:
    """Return a main log and the security log beside it."""
    place, _, half = origin.rpartition("/")
    return origin, f"{place}/security/{half}"


def _earlier(origin: str) -> Iterator[str]:
    if found := _HALF.fullmatch(origin):
        for year in range(int(found[2]), OLDEST_YEAR - 1, -1):
            for half in ("2", "1"):
                if (year, half) < (int(found[2]), found[3]):
                    yield f"{found[1]}/{year}h{half}"


def _unsigned(folder: Folder) -> Sequence[str]:
    """Return the logs of this half-year whose newest checkpoint the newest key has not signed."""
    port = serving(folder).ports[NAME]
    newest, *_ = read_keys(_text(folder.verifier_key))
    now = datetime.now(UTC)
    half = f"%/{now.year}h{1 if now.month <= 6 else 2}"  # noqa: PLR2004 - June
    with psycopg.connect(login(port, DATABASE, "publisher", folder.secret("postgres-publisher"))) as database:
        return [origin for origin, note in database.execute(OPEN, [half]) if not is_signed(note, newest)]


def _lines(folder: Folder) -> list[str]:
    return [line for line in _text(folder.verifier_key).splitlines() if "+" in line and not line.startswith("#")]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise StackError(f"there is no {path}", hint="`magistrate up` makes the keys") from error
