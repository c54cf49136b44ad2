"""Database migrations: each service's schema moves on its own, forward and back, as the owner of the schemas.

A room's migrations are the modules of ``services/<room>/migrations``; the version table lives inside the schema.
"""
