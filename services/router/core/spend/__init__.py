"""What may be spent: limits, reservations, and what becomes of them."""
