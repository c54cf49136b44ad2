"""Detectors that need more than a pure function."""
