"""`magistrate backup`: keep the evidence, and prove that what is kept can be brought back."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from tools.backup import BackupError, Half, dump
from tools.backup.drill import Restored, drill
from tools.backup.recovery import recover
from tools.cli.arguments import DEFAULT_STATE, Json, State
from tools.cli.screen import listing, screen
from tools.up.control import serving
from tools.up.database import DATABASE, OWNER
from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.options import Options
from tools.up.postgres import NAME, SUPERUSER, login

app = typer.Typer(no_args_is_help=True, help="Back the evidence up, and practise its return.")


@app.command()
def make(
    target: Annotated[Path, typer.Argument(help="Folder that gets evidence.dump and keys.dump.", metavar="FOLDER")],
    state_dir: State = DEFAULT_STATE,
) -> None:
    """Write two files: evidence.dump to be kept for years, keys.dump to be replaced within a month."""
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = Options(state=state_dir).folder
    for half in Half:
        path = target / f"{half}.dump"
        try:
            dump(_owner(folder, DATABASE), half, path)
        except BackupError as error:
            raise StackError(str(error)) from error
        screen().print(f"{path} ({path.stat().st_size:,} bytes)")


@app.command(name="drill")
def practise(state_dir: State = DEFAULT_STATE, as_json: Json = False) -> None:
    """Restore a fresh backup beside the living database and check all of it. Exit code 1 where a log is not whole."""
    folder = Options(state=state_dir).folder
    try:
        found = drill(partial(_owner, folder), _login(folder, "postgres", SUPERUSER, "superuser"), DATABASE)
    except BackupError as error:
        raise StackError(str(error)) from error
    _report(found, as_json=as_json)


@app.command(name="restore")
def bring_back(
    source: Annotated[Path, typer.Argument(help="Folder with evidence.dump and keys.dump.", metavar="FOLDER")],
    state_dir: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """Bring a backup back into a stack that has no evidence yet. Exit code 1 where a log is not whole."""
    folder = Options(state=state_dir).folder
    try:
        found = recover(_owner(folder, DATABASE), source)
    except BackupError as error:
        raise StackError(str(error)) from error
    _report(found, as_json=as_json)


def _report(found: Sequence[Restored], *, as_json: bool) -> None:
    """Show what came back, and end with 1 where a log is not whole."""
    if as_json:
        print(json.dumps([asdict(log) | {"whole": log.whole} for log in found], indent=2))
    else:
        screen().print(_table(found))
    raise typer.Exit(0 if all(log.whole for log in found) else 1)


def _table(found: Sequence[Restored]) -> Table:
    table = listing("log", "size", "records", "bodies", "keys", "damaged", "whole")
    for log in found:
        figures = (log.size, log.records, log.bodies, log.keys, log.damaged)
        table.add_row(log.origin, *map(str, figures), "yes" if log.whole else "NO")
    return table


def _owner(folder: Folder, database: str) -> str:
    return _login(folder, database, OWNER, OWNER)


def _login(folder: Folder, database: str, user: str, secret: str) -> str:
    return login(serving(folder).ports[NAME], database, user, folder.secret(f"postgres-{secret}"))
