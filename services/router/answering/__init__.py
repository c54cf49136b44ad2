"""What brings the answer of a planned call: in one piece, token by token, or by vote."""
