"""What is known when a call is planned, and the plan made of it."""
