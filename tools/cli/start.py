"""The entry of the command `magistrate`: whoever gives up before it is loaded sees no traceback."""

import signal


def run() -> None:
    """Load the command line and run it; until it is loaded Ctrl-C ends the process as it ends any program."""
    patient = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if patient:  # a shell that started it in the background has it ignore Ctrl-C, and it shall go on doing so
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from tools.cli import main  # noqa: PLC0415 - what takes long to load is loaded under the handler above

    if patient:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main.run()


if __name__ == "__main__":
    run()
