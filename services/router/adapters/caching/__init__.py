"""The caches' way to Redis and to PostgreSQL."""
