"""What can keep a stack from standing, said so that the reader knows what would be right."""


class StackError(Exception):
    """The stack cannot start or go on.

    Args:
        problem: One sentence: what is wrong.
        hint: What would be right.
        part: The part it happened in, if one.
        log: The last lines that the part wrote.
    """

    def __init__(self, problem: str, *, hint: str = "", part: str = "", log: tuple[str, ...] = ()) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint
        self.part = part
        self.log = log


def of_the_machine(error: OSError) -> StackError:
    """Return what the machine refused, with its place: a full disk, or a folder without permission."""
    place = f"{error.filename}: " if error.filename else ""
    return StackError(f"{place}{error.strerror or error}")


class SilentError(StackError):
    """The process of a part runs, and does not answer within the time that a start may take."""
