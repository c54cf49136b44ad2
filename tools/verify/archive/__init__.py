"""Verify an exported folder of evidence offline: every leaf, tile, root, signature and piece of content.

Needs the standard library and `cryptography`, the folder, and a verifier key that the reader has from elsewhere. The
folder is laid out as `README.txt` in it says; its tiles and bundles are those of C2SP tlog-tiles, so any tool for tiled
logs can read it too.
"""

from tools.verify.archive.folder import Damage, Found
from tools.verify.archive.judge import verify_archive

__all__ = ["Damage", "Found", "verify_archive"]
