"""A stack that outlives the shell: the supervisor in a session of its own, watched through a pipe until it serves."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tools.up.events import Event, Kind, Report, failed
from tools.up.failures import StackError, of_the_machine
from tools.up.model import Tier
from tools.up.options import Options
from tools.up.processes import python
from tools.up.progress import json_lines
from tools.up.supervisor import run

PART = "supervisor"


def start(options: Options, report: Report) -> None:
    """Start the supervisor in the background; return when the stack serves.

    Raises:
        StackError: It did not come to serving; nothing is left running.
    """
    options.folder.create()
    reader, writer = os.pipe()
    with options.folder.log(PART).open("ab") as log:
        process = subprocess.Popen(
            python("tools.up.detached", *_arguments(options, writer)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(options.environment),
            pass_fds=(writer,),
            start_new_session=True,
        )
    os.close(writer)
    try:
        _follow(reader, report)
    except KeyboardInterrupt:
        process.send_signal(signal.SIGTERM)
        process.wait()
        raise


def _follow(reader: int, report: Report) -> None:
    for event in _events(reader):
        if event.kind is Kind.FAILED:
            raise StackError(event.text, hint=event.hint, part=event.part, log=event.log)
        if event.kind is Kind.SERVING:
            report(replace(event, hint="`magistrate down` stops it."))
            return
        report(event)
    raise StackError("the supervisor ended before the stack served", hint="`magistrate logs supervisor` may say why")


def _events(reader: int) -> Iterator[Event]:
    with os.fdopen(reader) as lines:
        for line in lines:
            yield Event.from_json(line)


def _arguments(options: Options, events: int) -> Iterator[str]:
    yield from ("--state", str(options.folder.root), "--model", options.model, "--events", str(events))
    if options.edge_port:
        yield from ("--edge-port", str(options.edge_port))
    for vendor, url in options.vendor_urls.items():
        yield from ("--provider", f"{vendor}={url}")
    if not options.sample:
        yield "--no-sample"
    if options.witness:
        yield "--witness"


def main() -> None:
    """Run the supervisor of `start`'s child process; what happens goes to the pipe, and to its log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--model", type=Tier, required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--edge-port", type=int)
    parser.add_argument("--provider", action="append", default=[])
    parser.add_argument("--no-sample", action="store_true")
    parser.add_argument("--witness", action="store_true")
    given = parser.parse_args()
    options = Options(
        state=given.state,
        model=given.model,
        edge_port=given.edge_port,
        vendor_urls=dict(pair.split("=", 1) for pair in given.provider),
        environment=dict(os.environ),
        sample=not given.no_sample,
        witness=given.witness,
    )
    with os.fdopen(given.events, "w") as pipe:
        log, watcher = json_lines(sys.stdout), json_lines(pipe)

        def report(event: Event) -> None:
            log(event)
            watcher(event)
            if event.kind is Kind.SERVING:
                with suppress(BrokenPipeError):
                    pipe.close()

        try:
            run(options, report)
        except (StackError, OSError) as error:
            report(failed(error if isinstance(error, StackError) else of_the_machine(error)))
            raise SystemExit(1) from None


if __name__ == "__main__":
    main()
