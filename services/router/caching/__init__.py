"""Answers that need no model: shared calls, exact matches in two levels, questions that mean the same."""
