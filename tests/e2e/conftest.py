"""Fixtures of the tests that need the whole mesh."""

from tests.fakes.stack import stack

__all__ = ["stack"]
