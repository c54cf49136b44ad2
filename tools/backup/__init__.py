"""Backups of the evidence with PostgreSQL's own programs, in two halves that are kept for different times.

The evidence half may be kept for years: it has no data key. The keys half must be replaced often and kept no longer
than an erasure may take (GDPR: one month), for whoever has both halves reads what was readable on that day.
"""

from tools.backup.dump import BackupError, Half, dump, restore

__all__ = ["BackupError", "Half", "dump", "restore"]
