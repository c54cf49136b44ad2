"""`magistrate migrate`: move the schemas of a running stack forward or back."""

import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from types import ModuleType
from typing import Annotated

import typer

from tools.cli.arguments import DEFAULT_STATE, Json, State
from tools.cli.screen import listing, screen
from tools.migrate.schemas import HEAD, PREVIOUS, MigrationError, Position, Schema, schemas
from tools.up.control import serving
from tools.up.database import owner_login
from tools.up.failures import StackError
from tools.up.options import Options

app = typer.Typer(no_args_is_help=True, help="Move the database schemas of the running stack.")
_OnlySchema = Annotated[str | None, typer.Option("--schema", help="Only this schema.", metavar="SERVICE")]


@app.command()
def up(
    state_dir: State = DEFAULT_STATE,
    schema: _OnlySchema = None,
    to: Annotated[str, typer.Option("--to", help="A revision, or head.")] = HEAD,
    as_json: Json = False,
) -> None:
    """Move forward, to the newest revision unless told."""
    login = _login(state_dir)
    _show([_guarded(_moves().upgrade, login, item, to) for item in _chosen(schema)], as_json=as_json)


@app.command()
def down(
    schema: Annotated[str, typer.Option("--schema", help="The schema to move.", metavar="SERVICE")],
    state_dir: State = DEFAULT_STATE,
    to: Annotated[str, typer.Option("--to", help="A revision, -N, or base.")] = PREVIOUS,
    as_json: Json = False,
) -> None:
    """Move one schema back, by one revision unless told. Data that only newer revisions hold is lost."""
    login = _login(state_dir)
    _show([_guarded(_moves().downgrade, login, item, to) for item in _chosen(schema)], as_json=as_json)


@app.command()
def current(state_dir: State = DEFAULT_STATE, schema: _OnlySchema = None, as_json: Json = False) -> None:
    """Show the revision of every schema. Exit code 1 when a migration is waiting."""
    login = _login(state_dir)
    found = [_moves().position(login, item) for item in _chosen(schema)]
    _show(found, as_json=as_json)
    raise typer.Exit(0 if all(item.up_to_date for item in found) else 1)


def _moves() -> ModuleType:
    """Load Alembic only for the commands of this file; the others would wait half a second for nothing."""
    return importlib.import_module("tools.migrate.moves")


def _login(state_dir: State) -> str:
    folder = Options(state=state_dir).folder
    return owner_login(folder, serving(folder).ports["postgres"])


def _chosen(name: str | None) -> Iterator[Schema]:
    found = [schema for schema in schemas() if name in (None, schema.name)]
    if not found:
        known = ", ".join(schema.name for schema in schemas())
        raise StackError(f"there are no migrations for {name!r}", hint=f"one of: {known or 'none yet'}")
    return iter(found)


def _guarded(move: Callable[[str, Schema, str], Position], login: str, schema: Schema, revision: str) -> Position:
    try:
        return move(login, schema, revision)
    except MigrationError as error:
        raise StackError(str(error), hint="`magistrate migrate current` shows where each schema stands") from error


def _show(positions: list[Position], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([asdict(item) for item in positions], indent=2))
        return
    table = listing("schema", "revision", "newest")
    for item in positions:
        table.add_row(item.schema, item.current or "-", item.head or "-")
    screen().print(table)
