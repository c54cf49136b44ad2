"""The command `magistrate`: one file a group of commands, put together here."""

import importlib.metadata
import sys
from typing import Annotated

import typer

from tools.cli import (
    backup,
    certs,
    champion,
    costs,
    decide,
    erase,
    export,
    keys,
    knowledge,
    migrate,
    models,
    records,
    replay,
    stack,
    verify,
)
from tools.cli.failure import explain
from tools.up.failures import StackError, of_the_machine

app = typer.Typer(
    name="magistrate",
    help="Govern LLM inference and prove what was decided.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        print("magistrate", importlib.metadata.version("magistrate"))
        raise typer.Exit


@app.callback()
def magistrate(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Govern LLM inference and prove what was decided."""


app.command()(stack.up)
app.command()(stack.down)
app.command()(stack.status)
app.command()(stack.logs)
app.command()(decide.decide)
app.command()(knowledge.ingest)
app.command()(knowledge.search)
app.command()(models.models)
app.command()(costs.costs)
app.command()(verify.verify)
app.command()(export.export)
app.command()(records.records)
app.command()(replay.replay)
app.command()(erase.erase)
app.add_typer(backup.app, name="backup")
app.add_typer(champion.app, name="champion")
app.add_typer(certs.app, name="certs")
app.add_typer(keys.app, name="keys")
app.add_typer(migrate.app, name="migrate")


def run() -> None:
    """Run the command line; a failure is one line on standard error and exit code 1, wrong usage is 2."""
    try:
        app()
    except StackError as error:
        explain(error)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:  # a full disk, a folder without permission: the machine's answer, not a fault of ours
        explain(of_the_machine(error))
        sys.exit(1)


if __name__ == "__main__":
    run()
