"""What the evaluator decides, as pure functions over frozen values."""
