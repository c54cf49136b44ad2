"""Metrics are created once and named alike."""

import pytest

from services.chassis import metrics


def test_asking_twice_gives_the_same_metric() -> None:
    """Two modules that name the same counter count together."""
    assert metrics.counter("magistrate_test_total", "x") is metrics.counter("magistrate_test_total", "x")


def test_a_foreign_name_is_refused() -> None:
    """Every metric of the mesh starts with its name."""
    with pytest.raises(ValueError, match="magistrate_"):
        metrics.gauge("router_test", "x")


def test_a_name_has_one_kind() -> None:
    """A gauge cannot be asked for where a histogram stands."""
    metrics.histogram("magistrate_test_seconds", "x")

    with pytest.raises(TypeError, match="Histogram"):
        metrics.gauge("magistrate_test_seconds", "x")
