"""Write what RecorderService.Export hands out into a folder that strangers can read and check."""

from tools.archive.writer import ArchiveError, Written, write

__all__ = ["ArchiveError", "Written", "write"]
