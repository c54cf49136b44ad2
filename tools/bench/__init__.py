"""Benchmarks: each prints what it measured beside a baseline of the same run."""
