"""The rows of the feature table, by area: how many there are, so that every open one is seen."""

AREAS: dict[str, tuple[str, int]] = {
    "ENG": ("Engine", 45),
    "CTX": ("Context", 33),
    "RTR": ("Router", 24),
    "PRV": ("Provider adapters", 20),
    "CRT": ("Critics", 16),
    "EVL": ("Evaluator", 13),
    "REC": ("Recorder", 21),
    "EDG": ("Edge and security", 33),
    "CCH": ("Caches", 15),
    "OBS": ("Observability", 19),
    "RUN": ("Runs, planner, tools", 32),
    "TST": ("Testing", 17),
    "OPS": ("Operations, packaging, documents", 25),
}
"""Prefix of the rows, to the area's name and the number of its rows; rows are numbered from 01."""
TRAPS = 38
"""Known defects of earlier systems, T1 to T38, each of which needs a test here."""


def every() -> list[str]:
    """Return the id of every row and trap, in order."""
    rows = [f"{prefix}-{number:02}" for prefix, (_, count) in AREAS.items() for number in range(1, count + 1)]
    return rows + [f"T{number}" for number in range(1, TRAPS + 1)]
