"""The caches' way to Redis, to PostgreSQL and to the embedding model."""
