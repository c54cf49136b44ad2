"""The page of metrics tells what the code declares."""

from pathlib import Path

from tools.docs import metrics
from tools.docs.metrics import Metric

CODE = """
from services.chassis.metrics import counter, gauge
_a = counter("magistrate_b_total", "What is counted.", ("x", "y"))
_b = metrics.gauge("magistrate_a", "What is there", labels=["z"])
_c = other("magistrate_c", "no metric")
"""


def test_every_declaration_is_found(tmp_path: Path) -> None:
    """By name, with its kind, its labels and what it says; by the room that it is in."""
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "file.py").write_text(CODE)

    assert metrics.metrics(tmp_path) == {
        "room": [
            Metric(name="magistrate_a", kind="gauge", labels=("z",), what="What is there"),
            Metric(name="magistrate_b_total", kind="counter", labels=("x", "y"), what="What is counted"),
        ]
    }


def test_the_recorder_tells_what_its_operators_need() -> None:
    """Line 23 of the design of the log: queue, batches, commits, checkpoints, spools, the oldest, what is open."""
    declared = metrics.metrics(Path(__file__).parents[3] / "services")
    names = {metric.name for room in ("recorder", "chassis") for metric in declared[room]}

    assert names >= {
        "magistrate_recorder_queue_records",
        "magistrate_recorder_batch_records",
        "magistrate_recorder_commit_seconds",
        "magistrate_recorder_oldest_waiting_seconds",
        "magistrate_recorder_checkpoint_age_seconds",
        "magistrate_recorder_overdue_intents",
        "magistrate_recorder_unknown_outcomes_total",
        "magistrate_spool_bytes",
        "magistrate_spool_waiting_seconds",
        "magistrate_pool_used_ratio",
        "magistrate_loop_lag_seconds",
    }
