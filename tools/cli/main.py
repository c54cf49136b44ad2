"""The command `magistrate`: one file a group of commands, put together here."""

import sys

import typer

from tools.cli import certs, decide, knowledge, migrate, models, stack, verify
from tools.cli.failure import explain
from tools.up.failures import StackError

app = typer.Typer(
    name="magistrate",
    help="Govern LLM inference and prove what was decided.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(stack.up)
app.command()(stack.down)
app.command()(stack.status)
app.command()(stack.logs)
app.command()(decide.decide)
app.command()(knowledge.ingest)
app.command()(knowledge.search)
app.command()(models.models)
app.command()(verify.verify)
app.add_typer(certs.app, name="certs")
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


if __name__ == "__main__":
    run()
