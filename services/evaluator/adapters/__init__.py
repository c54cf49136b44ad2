"""The evaluator's ports, made real."""
