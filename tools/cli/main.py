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


def _for_example(*lines: str) -> str:
    """Return examples as the end of a help page; an empty line between two lines keeps them apart there."""
    return "\n\n".join(("For example:", *(f"magistrate {line}" for line in lines)))


app.command(epilog=_for_example("up --detach", "up --state /srv/mesh --edge-port 8443"))(stack.up)
app.command()(stack.down)
app.command()(stack.status)
app.command(epilog=_for_example("logs engine --follow"))(stack.logs)
app.command(
    epilog=_for_example(
        'decide "How many days of annual leave do I have?"',
        "decide --pack notes --json - < question.txt",
        'decide --plan --strategy cost "Compare the two pension plans."',
    )
)(decide.decide)
app.command(epilog=_for_example("ingest docs/ --pack docs"))(knowledge.ingest)
app.command(epilog=_for_example('search "parental leave" --limit 8'))(knowledge.search)
app.command()(models.models)
app.command(epilog=_for_example("costs --day 2026-11-29"))(costs.costs)
app.command(
    epilog=_for_example(
        "verify DECISION --save bundle.json",
        "verify --bundle bundle.json --key recorder.vkey",
        "verify evidence-2026h2 --key recorder.vkey",
    )
)(verify.verify)
app.command(epilog=_for_example("export evidence-2026h2", "export for-ada --open --subject ada"))(export.export)
app.command(epilog=_for_example("records --verdict escalate --since 7d", "records --fact released=no --json"))(
    records.records
)
app.command(
    epilog=_for_example(
        "replay DECISION", "replay --since 30d --policy cautious@1", "replay --since 7d --critic risk=2"
    )
)(replay.replay)
app.command(epilog=_for_example('erase ada-4711 --basis "GDPR Art. 17(1)(b)"'))(erase.erase)
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
    except OSError as error:  # a full disk, a folder without permission: the machine's answer, not a fault of ours
        explain(of_the_machine(error))
        sys.exit(1)


if __name__ == "__main__":
    run()
