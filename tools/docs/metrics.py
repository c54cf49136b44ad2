"""The page of every metric of the project, read from where each is made."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KINDS = ("counter", "gauge", "histogram")
CHASSIS = "chassis"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Metric:
    """One metric, as it is declared."""

    name: str
    kind: str
    labels: tuple[str, ...]
    what: str


def page(root: Path) -> str:
    """Return the page: first what every service has, then what each has of its own."""
    rooms = metrics(root / "services")
    names = sorted(rooms, key=lambda room: (room != CHASSIS, room))
    sections = "\n".join(_section(room, rooms[room]) for room in names)
    return f"""# Metrics

Each process serves its own in the text format of Prometheus, on the unix socket `<service>-metrics.sock` in its run
folder, or on `MAGISTRATE_METRICS_PORT`. Names of metrics and labels are a contract; values of labels are few.

{sections}"""


def metrics(services: Path) -> dict[str, list[Metric]]:
    """Return the metrics that each room declares, sorted by name."""
    found: dict[str, set[Metric]] = defaultdict(set)
    for file in sorted(services.rglob("*.py")):
        for metric in _declared(ast.parse(file.read_text(encoding="utf-8"))):
            found[file.relative_to(services).parts[0]].add(metric)
    return {room: sorted(declared) for room, declared in found.items()}


def _declared(tree: ast.Module) -> Iterator[Metric]:
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        kind = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        texts = [argument.value for argument in call.args[:2] if isinstance(argument, ast.Constant)]
        if kind in KINDS and len(texts) == 2:  # noqa: PLR2004 - its name and what it is
            yield Metric(name=str(texts[0]), kind=kind, labels=_labels(call), what=str(texts[1]).rstrip("."))


def _labels(call: ast.Call) -> tuple[str, ...]:
    given = [*call.args[2:3], *(keyword.value for keyword in call.keywords if keyword.arg == "labels")]
    return tuple(str(name) for each in given for name in ast.literal_eval(each))


def _section(room: str, declared: list[Metric]) -> str:
    title = "Every service" if room == CHASSIS else room.capitalize()
    rows = "\n".join(
        f"| `{each.name}` | {each.kind} | {', '.join(f'`{label}`' for label in each.labels)} | {each.what} |"
        for each in declared
    )
    return f"## {title}\n\n| Metric | Kind | Labels | What it says |\n|---|---|---|---|\n{rows}\n"
