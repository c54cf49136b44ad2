"""`magistrate up`, `down`, `status`, `logs`: the local stack."""

import asyncio
import json
import os
import time
from functools import partial
from typing import Annotated

import typer
from rich.table import Table

from tools.cli.arguments import DEFAULT_STATE, Json, State
from tools.cli.demo import demonstrate
from tools.cli.screen import listing, screen
from tools.cli.text import printable
from tools.up import control, detached, state, supervisor
from tools.up.events import failed
from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.logs import tail
from tools.up.model import Tier
from tools.up.options import Options
from tools.up.ports import LOOPBACK
from tools.up.progress import display
from tools.up.services import TILES

_FOLLOW_S = 0.2


def up(
    *,
    state_dir: State = DEFAULT_STATE,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once it serves; `down` stops it.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Make one real decision and print it.")] = False,
    model: Annotated[Tier, typer.Option(help="The local language model.")] = Tier.SMOLLM,
    edge_port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of the public API.")] = None,
    provider: Annotated[
        list[str] | None,
        typer.Option(help="Place a vendor elsewhere, for example openai=http://127.0.0.1:9999.", metavar="VENDOR=URL"),
    ] = None,
    sample: Annotated[bool, typer.Option(help="Give a fresh state the sample knowledge pack.")] = True,
    witness: Annotated[bool, typer.Option("--witness", help="Have a witness cosign all evidence, to try it.")] = False,
    as_json: Json = False,
) -> None:
    """Start the whole mesh on this machine and serve."""
    if demo and as_json:
        raise typer.BadParameter("--demo is for people; programs call `magistrate decide --json`")
    options = Options(
        state=state_dir,
        model=model,
        edge_port=edge_port,
        vendor_urls=dict(_vendor(pair) for pair in provider or ()),
        environment=dict(os.environ),
        sample=sample,
        witness=witness,
    )
    show = partial(demonstrate, options.folder.root)
    with display(as_json=as_json) as report:
        try:
            if detach:
                detached.start(options, report)
            else:
                supervisor.run(options, report, show if demo else None)
        except StackError as error:
            report(failed(error))
            raise
    if detach and demo:
        asyncio.run(show())


def _vendor(pair: str) -> tuple[str, str]:
    vendor, equals, url = pair.partition("=")
    if not (equals and url.startswith(("http://", "https://"))):
        raise typer.BadParameter(f"{pair!r} is not VENDOR=URL, for example openai=http://127.0.0.1:9999")
    return vendor, url


def down(
    *,
    purge: Annotated[bool, typer.Option("--purge", help="Then remove all its data, keys and logs.")] = False,
    state_dir: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """Stop the stack cleanly and wait until it is gone."""
    began = time.monotonic()
    folder = Options(state=state_dir).folder
    stopped = control.down(folder)
    if purge:
        control.purge(folder)
    if as_json:
        print(json.dumps({"stopped": stopped}))
    elif stopped:
        print(f"Stopped {len(stopped)} parts in {time.monotonic() - began:.1f} s.")
    else:
        print("Nothing was running.")


def status(state_dir: State = DEFAULT_STATE, as_json: Json = False) -> None:
    """Show every part: phase, process, restarts, address. Exit code 1 unless all serve."""
    record = state.read(Options(state=state_dir).folder)
    parts = {name: part.model_copy(update={"phase": _phase(record, part)}) for name, part in record.parts.items()}
    serving = record.running and record.ready and all(part.phase is state.Phase.READY for part in parts.values())
    record = record.model_copy(update={"ready": serving, "parts": parts})
    if as_json:
        print(record.model_dump_json(indent=2))
    else:
        screen().print(_table(record))
    raise typer.Exit(0 if serving else 1)


def _phase(record: state.StackRecord, part: state.PartRecord) -> state.Phase:
    """Return the phase as it is now: a record may outlive what it describes."""
    if record.running:
        return state.Phase.RESTARTING if part.process and not part.process.alive else part.phase
    return state.Phase.LEFT_OVER if part.process and part.process.alive else state.Phase.STOPPED


def _table(record: state.StackRecord) -> Table | str:
    if not record.parts:
        return "No stack was ever started here."
    table = listing("part", "phase", "pid", "restarts", "address")
    table.title = _title(record)
    for name, part in record.parts.items():
        pid = str(part.process.pid) if part.process and part.process.alive else ""
        table.add_row(name, part.phase, pid, str(part.restarts or ""), part.address)
    return table


def _title(record: state.StackRecord) -> str:
    if record.running:
        tiles = record.ports.get(TILES)  # a stack that an older version started has none
        return f"Public API: {record.edge}" + (f"; tiles of the log: http://{LOOPBACK}:{tiles}" if tiles else "")
    if any(part.phase is state.Phase.LEFT_OVER for part in record.parts.values()):
        return "Not running; `magistrate down` or `up` ends what is left over"
    return "Not running"


def logs(
    part: Annotated[str, typer.Argument(help="A service or another part, as `status` names it.", metavar="SERVICE")],
    state_dir: State = DEFAULT_STATE,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as it grows.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 100,
) -> None:
    """Print the last lines of one part's log."""
    folder = Options(state=state_dir).folder
    log = folder.log(part)
    if not log.is_file() or log.parent != folder.logs:
        known = sorted(path.stem for path in folder.logs.glob("*.log"))
        hint = f"one of: {', '.join(known)}" if known else "`magistrate up` makes them, `--state DIR` names another"
        raise StackError(f"there is no log of {part!r}", hint=hint)
    for line in tail(log, lines):
        print(printable(line))
    if follow:
        asyncio.run(_follow(folder, part))


async def _follow(folder: Folder, part: str) -> None:
    with folder.log(part).open(errors="replace") as log:
        log.seek(0, os.SEEK_END)
        while True:
            if text := log.read():
                print(printable(text), end="", flush=True)
            else:
                await asyncio.sleep(_FOLLOW_S)
