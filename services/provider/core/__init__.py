"""What the room knows without speaking to anybody: the values of a completion, token estimates, and vendor failures."""
