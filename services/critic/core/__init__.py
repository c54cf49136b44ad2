"""The judgement itself: texts in, findings and sealed evaluations out. No IO, no clock, no randomness."""
