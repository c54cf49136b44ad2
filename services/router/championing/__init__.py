"""What scores and people's words do to the champion of an arena."""
