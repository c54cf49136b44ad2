"""What context uses of the world: the embedding model, PostgreSQL, and a local copy on disk."""
