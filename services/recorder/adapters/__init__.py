"""The recorder's ports on PostgreSQL, AES-256-GCM and an Ed25519 key file."""
