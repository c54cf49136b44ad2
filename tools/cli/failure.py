"""Says on standard error what went wrong and what would be right."""

from rich.console import Console
from rich.text import Text

from tools.up.failures import StackError


def explain(error: StackError) -> None:
    """Print a failure of the stack, with the last lines of the log where there is one."""
    text = Text.assemble(("✗ ", "red"), (error.problem, "bold"))
    for line in error.log:
        text.append(f"\n  | {line}", style="dim")
    if error.hint:
        text.append(f"\n  → {error.hint}")
    Console(stderr=True, highlight=False, soft_wrap=True).print(text)
