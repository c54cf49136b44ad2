"""The command line can be given up at any moment, also before it is loaded."""

import signal
import subprocess
import sys

LOADED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.{handler})
class Impatient:
    def find_spec(self, name, path=None, target=None):
        if name == "tools.cli.main":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Impatient())
sys.argv = ["magistrate", "--version"]
from tools.cli.start import run
run()
"""


def started(handler: str) -> subprocess.CompletedProcess[str]:
    """Start the command in a process that gets Ctrl-C while its modules are loaded."""
    program = LOADED.format(handler=handler)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)


def test_ctrl_c_while_it_loads_leaves_no_traceback() -> None:
    """Who typed the wrong thing and stops at once sees nothing; the shell learns by which signal it ended."""
    outcome = started("default_int_handler")

    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (-signal.SIGINT, "", "")


def test_what_ignores_ctrl_c_goes_on_ignoring_it() -> None:
    """A shell that starts it in the background has it ignore the Ctrl-C that is meant for others."""
    outcome = started("SIG_IGN")

    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith("magistrate ")
