"""The folder that Alembic runs: one environment for the migrations of every schema."""
