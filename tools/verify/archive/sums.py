"""The digests of all files, against accidents on the way."""

import hashlib

from tools.verify.archive import layout
from tools.verify.archive.folder import Damage, DamageError, Folder

_DIGEST_CHARS = 64


def line(name: str, content: bytes) -> str:
    """Return the line of a file, as `sha256sum` writes it."""
    return f"{hashlib.sha256(content).hexdigest()}  {name}\n"


def check_sums(folder: Folder) -> None:
    """Return if every file is there and is what it was, and none has come along.

    Raises:
        DamageError: MISSING; FORM; SUM.
    """
    listed = set[str]()
    for text in folder.text(layout.SUMS).splitlines():
        name = text[_DIGEST_CHARS + 2 :]
        if not name or ".." in name.split("/") or name.startswith("/"):
            raise DamageError(Damage.FORM, f"a line of {layout.SUMS} names no file", file=layout.SUMS)
        if line(name, folder.read(name)) != text + "\n":
            raise DamageError(Damage.SUM, f"{name} is not what it was when it was written", file=name)
        listed.add(name)
    if strays := sorted(folder.names() - listed - {layout.SUMS}):
        raise DamageError(Damage.SUM, f"{strays[0]} is no part of the export", file=strays[0])
