"""What the recorder computes: envelopes, leaves, trees, proofs and signed notes, from values to values."""
